"""Linear: what item-item weights do, whichever way they were learned.

A user's score of an item is the sum of the weights from each item of its history to that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack
from torch import Tensor
from torch.nn.functional import embedding_bag

from deeplode.detectors.detector import kept
from deeplode.nets.products import multiply
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.scorer import Arrays, Floats, Grounds, Setting, setting_of
from deeplode.runtime import configured

BLOCK = 1024  # users whose items are counted at once
PROBED = 512  # side of the matrices that are multiplied to see how long that takes
SOLVED = 3.0  # products of all items by all items that solving takes as long as


def checked(histories: Histories, items: int) -> Histories:
    """The histories, if they are of so many items. Raises ValueError."""
    if histories.items != items:
        raise ValueError(f"histories of {items} items are needed, got {histories.items}.")
    return histories


def scored(histories: Histories, weights: csr_array) -> Floats:
    """(users, items) of sparse weights from an item of a history (rows) to items (columns)."""
    given = checked(histories, weights.shape[0]).matrix
    return np.asarray((given @ weights).toarray(), np.float32)


def scored_densely(histories: Histories, place: NDArray[np.int32], weights: Floats) -> Floats:
    """(users, items) of dense weights among some of the items; all others get 0.

    place: (items,) the row and column of each item in ``weights``, rising; -1 = it has none.
    """
    given = checked(histories, len(place)).matrix
    own = np.flatnonzero(place >= 0)
    some = len(own) < len(place)
    given = given[:, own] if some else given
    index, start = (torch.from_numpy(one.astype(np.int64)) for one in (given.indices, given.indptr))
    table = torch.from_numpy(weights)
    found = embedding_bag(index, table, start, mode="sum", include_last_offset=True).numpy()
    if not some:
        return found
    out = np.zeros((len(histories), len(place)), np.float32)
    out[:, own] = found
    return out


def common_users(
    histories: Histories, grounds: Grounds, most: int, copies: int
) -> tuple[NDArray[np.int32], Tensor]:
    """How many users any two items have in common, (own, own) float32, of the most popular items.

    most: items, at most; fewer where memory is not enough for ``copies`` of the answer, or time not
    for solving with it.
    Returns also (items,) int32 the row of each item; -1 = none.
    """
    given = histories.matrix
    users = np.asarray(given.sum(0)).ravel()
    if grounds.memory is not None:
        most = min(most, int((grounds.memory / (4 * copies)) ** 0.5))
    if grounds.budget.deadline < inf:
        with configured(grounds.threads, grounds.seed):
            most = min(most, affordable(len(histories), grounds.budget.left()))
    own = np.sort(np.argsort(-users, kind="stable")[: max(most, 1)])
    place = np.full(histories.items, -1, np.int32)
    place[own] = np.arange(len(own))
    given = given[:, own] if len(own) < histories.items else given
    with configured(grounds.threads, grounds.seed):
        return place, products_of_columns(given)


def affordable(users: int, seconds: float) -> int:
    """Items that can be counted and solved for in so long, by how fast products are here now."""
    one, room = torch.ones(1, PROBED, PROBED), torch.empty(1, PROBED, PROBED)
    took = inf
    for _ in range(2):  # the first one also sets things up
        began = monotonic()
        multiply(one, one, room)
        took = min(took, monotonic() - began)
    items = np.arange(1, 100_000, dtype=np.float64)
    products = (users * items**2 + SOLVED * items**3) / PROBED**3
    return int(np.searchsorted(products, seconds / max(took, 1e-9)))


def products_of_columns(given: csr_array) -> Tensor:
    """(columns, columns) float32: XᵀX of sparse X."""
    total = torch.zeros(given.shape[1], given.shape[1])
    room = torch.empty_like(total)
    for first in range(0, given.shape[0], BLOCK):
        block = torch.from_numpy(given[first : first + BLOCK].toarray())
        total += multiply(block.T[None], block[None], room[None])[0]
    return total


@dataclass(frozen=True, eq=False)
class SparseWeights:
    """weights: (items, items) sparse, from an item of a history (rows) to items (columns)."""

    weights: csr_array
    setting: Setting

    def scores(self, histories: Histories) -> Floats:
        """(users, items): weights from the items of the history, summed."""
        return scored(histories, self.weights)

    def facts(self) -> dict[str, Any]:
        """The setting."""
        return {"setting": dict(self.setting)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights."""
        return as_arrays(self.weights)

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError."""
        return cls(from_arrays(arrays), setting_of(facts))


def strongest(weights: csr_array, k: int) -> csr_array:
    """The k largest of each row; of equals the first. weights: sparse; columns in order."""
    row = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    order = np.lexsort((weights.indices, -weights.data, row))
    keep = np.sort(order[np.arange(len(order)) - weights.indptr[row] < k])
    start = np.concatenate([[0], np.cumsum(np.bincount(row[keep], minlength=weights.shape[0]))])
    return csr_array((weights.data[keep], weights.indices[keep], start), shape=weights.shape)


def stacked(blocks: list[csr_array]) -> csr_array:
    """Blocks of rows that are one matrix's, turned around: columns become rows, in order."""
    turned = csr_array(vstack(blocks, "csr").T.tocsr(), dtype=np.float32)
    turned.sort_indices()
    return turned


def as_arrays(weights: csr_array) -> dict[str, NDArray[Any]]:
    """Sparse weights as arrays. The inverse of ``from_arrays``."""
    return {
        "start": weights.indptr.astype(np.int64),
        "other": weights.indices.astype(np.int32),
        "weight": weights.data.astype(np.float32),
    }


def from_arrays(arrays: Arrays) -> csr_array:
    """Square sparse weights of arrays. Raises ValueError or KeyError for what is none."""
    start = kept(arrays, "start", "int64", -1)
    other = kept(arrays, "other", "int32", -1)
    weight = kept(arrays, "weight", "float32", len(other))
    items = len(start) - 1
    if items < 0 or start[0] != 0 or start[-1] != len(other) or (np.diff(start) < 0).any():
        raise ValueError("start must rise from 0 to the number of weights.")
    if len(other) and not 0 <= other.min() <= other.max() < items:
        raise ValueError(f"other must be in 0 … {items - 1}.")
    return csr_array((weight, other, start), shape=(items, items))

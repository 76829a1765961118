"""Together: which items go together, by the users that had both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from deeplode.recommenders.histories import Histories

NEAREST = 50  # items that are looked through for a reason

Ints = NDArray[np.int64]


class Linear(Protocol):
    """A scorer that adds up weights from item to item."""

    @property
    def weights(self) -> csr_array:
        """(items, items): from an item of the history to one that is scored."""


@dataclass(frozen=True, eq=False)
class Together:
    """other: (items, NEAREST) int64 the items that go best with each, the best first; -1 behind the
    last. weight: how well, 0 behind the last."""

    other: Ints
    weight: NDArray[np.float32]

    def wider(self, more: int) -> Together:
        """The same with further items behind, that go with none."""
        none = apart(more)
        return Together(
            np.concatenate([self.other, none.other]), np.concatenate([self.weight, none.weight])
        )

    def because(self, histories: Histories, item: Ints) -> Ints:
        """(users, k): the item of the history that goes best with each that is recommended; -1
        where none does. item: (users, k), -1 = nothing."""
        had = np.zeros((len(histories), histories.items), bool)
        had[histories.user, histories.item] = True
        near = self.other[np.maximum(item, 0)]  # (users, k, NEAREST)
        owner = np.arange(len(histories))[:, None, None]
        found = had[owner, np.maximum(near, 0)] & (near >= 0) & (item >= 0)[:, :, None]
        first = found.argmax(2)
        best = np.take_along_axis(near, first[:, :, None], 2)[:, :, 0]
        return np.where(found.any(2), best, -1)


def apart(items: int) -> Together:
    """No item goes with another."""
    none = np.full((items, NEAREST), -1)
    return Together(none, np.zeros((items, NEAREST), np.float32))


def together(scorer: Linear) -> Together:
    """The nearest of each item."""
    by_item = scorer.weights.tocsc()
    items = by_item.shape[1]
    other = np.full((items, NEAREST), -1)
    weight = np.zeros((items, NEAREST), np.float32)
    for at in range(items):
        span = slice(by_item.indptr[at], by_item.indptr[at + 1])
        near, own = by_item.indices[span], by_item.data[span]
        order = np.lexsort((near, -own))[:NEAREST]
        other[at, : len(order)], weight[at, : len(order)] = near[order], own[order]
    return Together(other, weight)

"""Item neighbours: recommended is what the same users had as the items of a history.

Item-based nearest neighbours, Sarwar et al. 2001; shrinkage as Bell and Koren 2007 have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from deeplode.recommenders.histories import Histories
from deeplode.recommenders.linear import as_arrays, from_arrays, scored, stacked, strongest
from deeplode.recommenders.scorer import Arrays, Floats, Grounds, Setting, setting_of

BLOCK = 512  # items that are compared with all others at once


@dataclass(frozen=True, eq=False)
class ItemNeighbours:
    """weights: (items, items) sparse: from an item to those that it is a near neighbour of."""

    weights: csr_array
    setting: Setting

    name: ClassVar[str] = "item-kNN"

    def scores(self, histories: Histories) -> Floats:
        """(users, items): similarities to the items of the history, summed."""
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


def fit_item_neighbours(histories: Histories, setting: Setting, grounds: Grounds) -> ItemNeighbours:
    """Cosine of every two items' users, ``n_ij / (sqrt(n_i n_j) + shrink)``.

    setting: k = neighbours that an item keeps; shrink = how many common users are taken for chance.
    """
    given = histories.matrix
    users_of = given.T.tocsr()
    length = np.sqrt(np.diff(users_of.indptr))
    blocks = []
    for first in range(0, histories.items, BLOCK):
        common = csr_array(users_of[first : first + BLOCK] @ given)
        common.sort_indices()
        own = first + np.repeat(np.arange(common.shape[0]), np.diff(common.indptr))
        other = common.indices
        common.data /= (length[own] * length[other] + setting["shrink"]).astype(np.float32)
        common.data[own == other] = 0
        common.eliminate_zeros()
        blocks.append(strongest(common, int(setting["k"])))
    return ItemNeighbours(stacked(blocks), setting)

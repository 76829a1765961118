"""Item neighbours: recommended is what the same users had as the items of a history.

Item-based nearest neighbours, Sarwar et al. 2001; shrinkage as Bell and Koren 2007 have it.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from deeplode.recommenders.histories import Histories
from deeplode.recommenders.linear import SparseWeights, stacked, strongest
from deeplode.recommenders.scorer import Grounds, Setting

BLOCK = 512  # items that are compared with all others at once


class ItemNeighbours(SparseWeights):
    """From an item to those that it is a near neighbour of."""


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

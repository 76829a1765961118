"""Transitions: recommended is what users took soon after the latest items of a history.

First-order Markov chain of items, smoothed: also steps over several items count, the fewer the
farther, and so do earlier items of the history, the less the older.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from scipy.sparse import coo_array, csr_array

from deeplode.recommenders.histories import Histories
from deeplode.recommenders.linear import SparseWeights, checked, strongest
from deeplode.recommenders.scorer import Arrays, Floats, Grounds, Setting, setting_of

LATEST = 50  # items of a history that count
KEPT = 500  # items that an item leads to, at most
SHRINK = 5.0  # added to the root of how often an item is led to


class Transitions(SparseWeights):
    """From an item to those that follow."""

    def scores(self, histories: Histories) -> Floats:
        """(users, items): where the latest items lead, an item's part ``decay`` to its age."""
        own = checked(histories, self.weights.shape[0])
        age = np.repeat(own.start[1:], own.length) - 1 - np.arange(len(own.item))
        late = age < LATEST
        weight = np.float32(self.setting["decay"]) ** age[late].astype(np.float32)
        cells = (weight.astype(np.float32), (own.user[late], own.item[late]))
        given = coo_array(cells, shape=(len(own), own.items)).tocsr()
        return np.asarray((given @ self.weights).toarray(), np.float32)

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError."""
        if not 0 < setting_of(facts)["decay"] <= 1:
            raise ValueError("decay must be above 0 and at most 1.")
        return super().restore(facts, arrays)


def fit_transitions(histories: Histories, setting: Setting, grounds: Grounds) -> Transitions:
    """Count which items follow which, over the roots of how often each leads and is led to.

    setting: window = steps from one item to another that count; decay = how much less each further
    step, and each older item of a history, counts.
    """
    item, user = histories.item, histories.user
    size = (histories.items, histories.items)
    count = csr_array(size, dtype=np.float32)
    for step in range(1, int(setting["window"]) + 1):
        same = user[:-step] == user[step:]
        part = np.full(int(same.sum()), setting["decay"] ** (step - 1), np.float32)
        cells = (part, (item[:-step][same], item[step:][same]))
        count = csr_array(count + coo_array(cells, shape=size).tocsr())
    leads = np.asarray(count.sum(1)).ravel()
    led = np.asarray(count.sum(0)).ravel()
    count.sort_indices()
    row = np.repeat(np.arange(histories.items), np.diff(count.indptr))
    count.data /= (np.sqrt(leads[row]) * (np.sqrt(led[count.indices]) + SHRINK)).astype(np.float32)
    return Transitions(strongest(count, KEPT), setting)

"""Separation: which clouds of rows have a valley between them, and which are one group."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from deeplode.clusters.valley import Counts, count, judged

FOLDS = 5
ALPHA = 0.01  # that one cloud is taken for two, all pairs together


@dataclass(frozen=True)
class Separation:
    """What lies between every two clouds.

    depth: (clouds, clouds) rows in the valley over rows in the lower middle, 1 on the diagonal;
    low, high: its 95 % intervals. apart: (clouds, clouds) whether there is a valley.
    """

    depth: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    apart: NDArray[np.bool_]

    def groups(self) -> NDArray[np.int64]:
        """(clouds,) which group each is of: clouds that are not apart are one."""
        return np.asarray(connected_components(~self.apart, directed=False)[1], np.int64)

    def ordered(self, order: NDArray[np.int64]) -> Separation:
        """The same with the clouds in another order."""
        pairs = np.ix_(order, order)
        return Separation(self.depth[pairs], self.low[pairs], self.high[pairs], self.apart[pairs])

    def clear(self) -> float:
        """How empty it is between neighbours, 0 … 1: mean over clouds of 1 less the depth of the
        shallowest valley."""
        if len(self.depth) < 2:
            return 0.0
        others = np.where(np.eye(len(self.depth), dtype=bool), -np.inf, self.depth)
        return float((1 - np.clip(others.max(1), 0, 1)).mean())


def separated(
    x: NDArray[np.float64], labels: NDArray[np.int64], clouds: int, seed: int
) -> Separation:
    """Look for valleys between every two clouds.

    x: (rows, columns), smoothed. labels: (rows,) 0 … clouds - 1. Every row is counted once, along
    directions that rows of other folds gave.
    """
    fold = np.random.default_rng(seed).permutation(len(x)) % FOLDS
    depth, low, high, p = (np.ones((clouds, clouds)) for _ in range(4))
    for one, other in combinations(range(clouds), 2):
        found = sum((_counted(x, labels, fold, at, one, other) for at in range(FOLDS)), Counts())
        told = judged(found)
        for matrix, value in zip((depth, low, high, p), told, strict=True):
            matrix[one, other] = matrix[other, one] = value
    pairs = max(1, clouds * (clouds - 1) // 2)
    return Separation(depth, low, high, p <= ALPHA / pairs)


def _counted(
    x: NDArray[np.float64], labels: NDArray[np.int64], fold: NDArray[np.int64], at: int,
    one: int, other: int,
) -> Counts:  # fmt: skip
    own, unseen = fold != at, (fold == at) & ((labels == one) | (labels == other))
    return count(x[own & (labels == one)], x[own & (labels == other)], x[unseen])

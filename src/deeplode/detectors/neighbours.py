"""Neighbours: an odd row is far from the training rows nearest to it.

Distances to k nearest neighbours, Ramaswamy et al. 2000 and Angiulli and Pizzuti 2002.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from deeplode.detectors.detector import Arrays, checked, kept, whole
from deeplode.runtime import Budget

KEPT = 8192  # training rows that are kept to compare with, at most
NEAREST = 3  # neighbours that count of clean rows
SOME = 1024  # rows that score where some may be odd …
SHARE = 0.1  # … and which part of them counts as neighbours
MOST = 128  # neighbours that may count
SPARE = 2  # candidates beyond those asked for: near ties are decided by exact distances
BLOCK = 128  # rows that are compared at once


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Training rows to compare with.

    reference: (kept, columns) float32, in random order. compared: how many of them, the first
    ones, score. neighbours: how many of these count.
    """

    reference: NDArray[np.float32]
    compared: int
    neighbours: int
    name: ClassVar[str] = "neighbours"

    def score(self, x: Tensor) -> NDArray[np.float64]:
        """(rows,): mean distance to the nearest reference rows, in standard deviations of a column.

        One reference row that is the very row asked for is left out: a training row does not
        vouch for itself.
        """
        distance = self._compared(x, self.neighbours, self.compared)[1]
        return np.asarray(distance[:, : self.neighbours].mean(axis=1))

    def nearest(self, x: Tensor, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The k nearest reference rows, fewer if there are fewer: positions and distances,
        (rows, k), nearest first. The row itself is left out, as in ``score``."""
        index, distance = self._compared(x, k, len(self.reference))
        return index[:, :k], distance[:, :k]

    def blame(self, x: Tensor) -> NDArray[np.float64]:
        """(rows, columns): mean squared difference from the nearest reference rows."""
        reference = torch.from_numpy(self.reference)
        x = checked(x, reference.shape[1])
        index = self._compared(x, self.neighbours, self.compared)[0][:, : self.neighbours]
        out = torch.empty(len(x), x.shape[1], dtype=torch.float64)
        for start in range(0, len(x), BLOCK):
            rows = slice(start, start + BLOCK)
            gaps = x[rows].unsqueeze(1) - reference[torch.from_numpy(index[rows])]
            out[rows] = gaps.double().square().mean(1)
        return out.numpy()

    def expected(self, x: Tensor) -> NDArray[np.float64]:
        """(rows, columns): the mean of the nearest reference rows."""
        index = self._compared(x, self.neighbours, self.compared)[0][:, : self.neighbours]
        return np.asarray(self.reference[index].mean(axis=1, dtype=np.float64))

    def _compared(
        self, x: Tensor, k: int, first: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Positions and distances of the nearest of the first reference rows, (rows, k or more)."""
        reference = torch.from_numpy(self.reference[:first])
        x, wanted = checked(x, reference.shape[1]), min(k + 1 + SPARE, len(reference))
        lengths = reference.square().sum(1)
        index = np.empty((len(x), wanted), np.int64)
        distance = np.empty((len(x), wanted))
        for start in range(0, len(x), BLOCK):
            block = x[start : start + BLOCK]
            rows, full = slice(start, start + len(block)), pad(block, (0, 0, 0, BLOCK - len(block)))
            squares = torch.addmm(lengths, full, reference.T, alpha=-2)[: len(block)]
            near = squares.topk(wanted, largest=False).indices
            index[rows] = near.numpy()
            distance[rows] = _distances(block, reference, near)
        order = np.lexsort((index, distance), axis=1)
        index = np.take_along_axis(index, order, 1)
        distance = np.take_along_axis(distance, order, 1)
        if wanted > 1:
            itself = distance[:, :1] == 0
            index = np.where(itself, index[:, 1:], index[:, :-1])
            distance = np.where(itself, distance[:, 1:], distance[:, :-1])
        return index, distance

    def facts(self) -> dict[str, Any]:
        """How many rows are kept, and how many of them count."""
        return {"neighbours": self.neighbours, "compared": self.compared}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The rows that are kept."""
        return {"reference": self.reference}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse of ``facts`` and ``arrays``."""
        reference = kept(arrays, "reference", "float32", -1, -1)
        neighbours = whole(facts, "neighbours", 1, MOST)
        if not 1 <= len(reference) <= KEPT or not reference.shape[1]:
            raise ValueError("There are no rows to compare with, or too many.")
        return cls(reference, whole(facts, "compared", 1, len(reference)), neighbours)


def _distances(x: Tensor, reference: Tensor, index: Tensor) -> NDArray[np.float64]:
    """Exact ones: (rows, k). index: (rows, k). Not by products, so that a row's distance to itself
    is 0, and summed by NumPy, so that no other row changes a bit."""
    gaps = (x.unsqueeze(1) - reference[index]).square_().numpy()
    return np.asarray(np.sqrt(gaps.sum(axis=2).astype(np.float64)))


def kept_rows(rows: int, chance: int) -> NDArray[np.int64]:
    """Which of so many training rows are kept, in the order of ``reference``."""
    return np.random.default_rng(chance).permutation(rows)[:KEPT]


def fit_neighbours(x: Tensor, chance: int, clean: bool, budget: Budget, threads: int) -> Neighbours:
    """Keep rows to compare with, at random where there are many.

    Clean rows: the 3 nearest of all. On development data (benchmarks/oddsets.py) fewer were better
    without end, 5 is the field's habit. Where rows may be odd, those that are so together must
    not vouch for each other: the nearest tenth, so that a smaller group has to reach for others; of
    1024 rows, which thins such a group out (Sugiyama and Borgwardt 2013) and is quicker. Of
    2, 5, 10 and 20 % the last two were best for thinned classes on development data, and level.

    x: (rows, columns) float32, at least 1 row. chance: seed. budget, threads: not asked, this is
    quick.
    """
    rows = x.numpy()[kept_rows(len(x), chance)]
    compared = len(rows) if clean else min(SOME, len(rows))
    count = NEAREST if clean else max(NEAREST, round(SHARE * compared))
    return Neighbours(np.ascontiguousarray(rows, np.float32), compared, count)

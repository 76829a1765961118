"""Design: a batch as the plain matrix that a linear model multiplies.

Numbers have mean 0 and standard deviation 1, are cut off far out, and missing is the mean plus a
flag; categories are one column a frequent level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.encode.batch import Batch

FAR = 5.0  # standard deviations at which numbers are cut off: one wild cell must not decide
LEVELS = 50  # most levels of one category that get a column of their own, the most frequent ones
COLUMNS = 2_000  # most level columns of all categories together
BLOCK = 1 << 20  # cells of the matrix that are made at a time


@dataclass(frozen=True, eq=False)
class Design:
    """How columns become a matrix.

    mean, deviation: (numbers,) of the training rows' present values.
    gaps: the number columns with missing values, which get a flag.
    places: (level columns, 2) category column and slot of each level column.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    gaps: NDArray[np.int64]
    places: NDArray[np.int64]

    def __post_init__(self) -> None:
        numbers = len(self.mean)
        right = (
            self.mean.ndim == self.deviation.ndim == self.gaps.ndim == 1
            and self.places.ndim == 2
            and self.places.shape[1] == 2
            and len(self.deviation) == numbers
            and bool(np.isfinite(self.mean).all() and np.isfinite(self.deviation).all())
            and bool((self.deviation > 0).all())
            and bool(((self.gaps >= 0) & (self.gaps < numbers)).all())
            and bool((self.places >= 0).all())
        )
        if not right:
            raise ValueError("This describes no matrix.")

    @property
    def width(self) -> int:
        """Columns of the matrix, a constant one included."""
        return 1 + len(self.mean) + len(self.gaps) + len(self.places)

    def matrix(self, batch: Batch) -> Tensor:
        """(rows, width) float32; the last column is 1."""
        out = torch.empty(len(batch), self.width)
        step = max(1, BLOCK // self.width)
        for first in range(0, len(batch), step):  # in blocks: what is on the way stays small
            rows = slice(first, first + step)
            self._fill(out[rows], batch.wide[rows], batch.categories[rows])
        return out

    def _fill(self, out: Tensor, cells: Tensor, slots: Tensor) -> None:
        numbers, gaps = len(self.mean), len(self.gaps)
        missing = torch.isnan(cells)
        mean, deviation = (torch.from_numpy(x).float() for x in (self.mean, self.deviation))
        scaled = ((cells - mean) / deviation).clamp(-FAR, FAR)
        out[:, :numbers] = torch.where(missing, 0.0, scaled)
        out[:, numbers : numbers + gaps] = missing[:, torch.from_numpy(self.gaps)].float()
        columns, places = torch.from_numpy(self.places).T
        out[:, numbers + gaps : -1] = (slots[:, columns] == places).float()
        out[:, -1] = 1


def fit_design(batch: Batch) -> Design:
    """The design of these training rows."""
    numbers = batch.wide.numpy()
    there = ~np.isnan(numbers)
    count = np.maximum(there.sum(axis=0), 1)
    values = np.where(there, numbers, 0).astype(np.float64)
    mean = values.sum(axis=0) / count
    variance = (np.where(there, values - mean, 0) ** 2).sum(axis=0) / count
    deviation = np.sqrt(variance)
    gaps = np.flatnonzero(~there.all(axis=0))
    return Design(mean, np.where(deviation > 0, deviation, 1.0), gaps, _places(batch))


def _places(batch: Batch) -> NDArray[np.int64]:
    """(level columns, 2) the most frequent levels of each category column."""
    parts = [np.empty((0, 2), np.int64)]
    each = min(LEVELS, max(1, COLUMNS // max(1, batch.categories.shape[1])))
    for column, slots in enumerate(batch.categories.numpy().T[:COLUMNS]):
        counts = np.bincount(slots)
        levels = np.argsort(-counts, kind="stable")[:each]
        levels = np.sort(levels[counts[levels] > 0])
        parts.append(np.stack([np.full(len(levels), column), levels], axis=1))
    return np.concatenate(parts)

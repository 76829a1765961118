"""Matrix: encoded rows as the plain numbers that detectors compare.

Every number column counts alike, and every category column as much as a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.detectors.detector import Arrays, kept, whole
from deeplode.encode.batch import Batch

# Standard deviations up to which a value counts as it is; from there on its logarithm. A wild cell
# stays odder than a less wild one, but the row's other cells still have a say.
FAR = 10.0
ROUNDS = 1  # of mean and deviation taken anew with what is beyond FAR drawn in
SMALL = 1e-12  # deviation of a column that is constant
UNHEARD = 5.0  # deviations: where a missing cell lies in a column that never missed one
LEVELS = 50  # most levels of one category that get a column of their own, the most frequent ones
COLUMNS = 2_000  # most level columns of all categories together
BLOCK = 1 << 20  # cells that are made at a time
NUMBER, FLAG, LEVEL, OTHER = range(4)  # what a matrix column says of its source


@dataclass(frozen=True)
class Source:
    """Where a matrix column comes from.

    form: ``number`` or ``category``. column: which of ``Batch.simple`` or ``Batch.categories``.
    what: ``value`` or ``missing`` of a number; ``level`` of a category, or ``other`` for all
    levels that have no matrix column of their own. slot: of a level, else -1.
    """

    form: str
    column: int
    what: str
    slot: int = -1


@dataclass(frozen=True, eq=False)
class Matrix:
    """How columns become a matrix.

    columns: (matrix columns, 3) int64: NUMBER, FLAG, LEVEL or OTHER; source column; slot or -1.
    center, width: (matrix columns,) float64; a cell is (value - center) / width, then drawn in.
    empty: (matrix columns,) float64, what a missing number gets instead.
    numbers, categories: columns of the batch.
    """

    columns: NDArray[np.int64]
    center: NDArray[np.float64]
    width: NDArray[np.float64]
    empty: NDArray[np.float64]
    numbers: int
    categories: int

    @property
    def sources(self) -> tuple[Source, ...]:
        """Of each matrix column."""
        said = {
            NUMBER: ("number", "value"),
            FLAG: ("number", "missing"),
            LEVEL: ("category", "level"),
            OTHER: ("category", "other"),
        }
        return tuple(
            Source(said[kind][0], column, said[kind][1], slot)
            for kind, column, slot in self.columns.tolist()
        )

    def of(self, batch: Batch) -> Tensor:
        """(rows, matrix columns) float32, finite. Raises ValueError for another kind of batch."""
        cells, slots = batch.simple, batch.categories
        if (cells.shape[1], slots.shape[1]) != (self.numbers, self.categories):
            raise ValueError("These are not the columns that the matrix was made for.")
        out = torch.empty(len(batch), len(self.columns))
        step = max(1, BLOCK // max(1, len(self.columns)))
        for first in range(0, len(batch), step):  # in blocks: what is on the way stays small
            rows = slice(first, first + step)
            out[rows] = self._cells(cells[rows].numpy(), slots[rows].numpy())
        return out

    def _cells(self, cells: NDArray[Any], slots: NDArray[Any]) -> Tensor:
        kind, source, slot = self.columns.T
        raw = np.empty((len(cells), len(kind)))
        number, flag, level, other = (kind == one for one in (NUMBER, FLAG, LEVEL, OTHER))
        raw[:, number] = cells[:, source[number]]
        raw[:, flag] = np.isnan(cells[:, source[flag]])
        raw[:, level] = slots[:, source[level]] == slot[level]
        for at in np.flatnonzero(other):
            known = slot[level & (source == source[at])]
            raw[:, at] = ~np.isin(slots[:, source[at]], known)
        scaled = drawn_in((raw - self.center) / self.width)
        return torch.from_numpy(np.where(np.isnan(scaled), self.empty, scaled).astype(np.float32))

    def facts(self) -> dict[str, Any]:
        """Sizes."""
        return {"numbers": self.numbers, "categories": self.categories}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""
        return {name: getattr(self, name) for name in ("columns", "center", "width", "empty")}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what describes no matrix."""
        numbers = whole(facts, "numbers", 0, 1 << 20)
        categories = whole(facts, "categories", 0, 1 << 20)
        columns = kept(arrays, "columns", "int64", -1, 3)
        center = kept(arrays, "center", "float64", len(columns))
        width = kept(arrays, "width", "float64", len(columns))
        empty = kept(arrays, "empty", "float64", len(columns))
        kind, source, slot = columns.T
        most = np.where(kind <= FLAG, numbers, categories)
        right = (
            ((kind >= NUMBER) & (kind <= OTHER)).all()
            and ((source >= 0) & (source < most)).all()
            and (slot >= -1).all()
            and (width > 0).all()
        )
        if not right:
            raise ValueError("This describes no matrix.")
        return cls(columns, center, width, empty, numbers, categories)


def drawn_in(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values up to ±FAR as they are, beyond it FAR * (1 + ln(value / FAR)); NaN stays."""
    size = np.abs(values)
    far = FAR * (1 + np.log(np.maximum(size, FAR) / FAR))
    return np.where(size > FAR, np.copysign(far, values), values)


def fit_matrix(batch: Batch) -> Matrix:
    """The matrix of these training rows, at least one.

    A number is scaled by its mean and deviation over the present cells, taken a few times anew
    with what is far out drawn in: one wild cell would make all others look alike. A missing cell
    gets the mean, and a flag unless a column of the batch is that flag already; where no training
    row had a gap, a cell that is UNHEARD deviations out. An indicator
    of a share p of the rows becomes (indicator - p) / sqrt(p * (levels - 1)), as in the factor
    analysis of mixed data (Pagès 2004): all levels together spread like one number, and a
    rare one lies further out. A level never met lies as far out as half a row would.
    """
    cells, slots = batch.simple.numpy().astype(np.float64), batch.categories.numpy()
    parts = [*_numbers(cells), *_flags(cells)]
    each = min(LEVELS, max(1, COLUMNS // max(1, slots.shape[1])))
    for column, own in enumerate(slots.T):
        parts += _levels(column, own, each)
    columns = np.array([part[0] for part in parts], np.int64).reshape(-1, 3)
    center, width, empty = np.array([part[1] for part in parts], np.float64).reshape(-1, 3).T
    return Matrix(columns, center, width, empty, cells.shape[1], slots.shape[1])


Parts = list[tuple[tuple[int, int, int], tuple[float, float, float]]]


def _numbers(cells: NDArray[np.float64]) -> Parts:
    parts: Parts = []
    for column, values in enumerate(cells.T):
        there = values[~np.isnan(values)]
        center, width = 0.0, 1.0
        if len(there):
            center, width = float(there.mean()), float(there.std())
        for _ in range(ROUNDS if len(there) and width > SMALL else 0):
            near = center + width * np.clip((there - center) / width, -FAR, FAR)
            center, width = float(near.mean()), float(near.std())
        empty = UNHEARD if len(there) == len(values) else 0.0
        parts.append(((NUMBER, column, -1), (center, width if width > SMALL else 1.0, empty)))
    return parts


def _flags(cells: NDArray[np.float64]) -> Parts:
    """One for every number column with gaps, but for those whose flag is a column of the batch."""
    gaps = np.isnan(cells)
    shares = gaps.mean(axis=0)
    wanted = (shares > 0) & (shares < 1) & _unmarked(cells, gaps)
    return [
        ((FLAG, column, -1), (float(shares[column]), float(np.sqrt(shares[column])), 0.0))
        for column in np.flatnonzero(wanted).tolist()
    ]


def _unmarked(cells: NDArray[np.float64], gaps: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(columns,) whether no other column says where the gaps of this one are."""
    out = np.ones(cells.shape[1], bool)
    marks = [one for one in range(cells.shape[1]) if _is_mark(cells[:, one])]
    for column in np.flatnonzero(gaps.any(axis=0)):
        for mark in marks:
            one = cells[:, mark]
            high = one == one.max()
            if (high == gaps[:, column]).all():
                out[column] = False
                break
    return out


def _is_mark(values: NDArray[np.float64]) -> bool:
    """Whether a column has exactly two values and no gap."""
    return bool(len(values)) and len(np.unique(values)) == 2 and not np.isnan(values).any()


def _levels(column: int, slots: NDArray[Any], each: int) -> Parts:
    counts = np.bincount(slots)
    frequent = np.argsort(-counts, kind="stable")[:each]
    frequent = np.sort(frequent[counts[frequent] > 0])
    parts: Parts = []
    spread = np.sqrt(max(1, len(frequent) - 1))
    for slot in frequent.tolist():
        share = counts[slot] / len(slots)
        width = np.sqrt(_share(share, len(slots))) * spread
        parts.append(((LEVEL, column, slot), (share, width, 0.0)))
    share = 1 - counts[frequent].sum() / len(slots)
    width = np.sqrt(_share(share, len(slots))) * spread
    return [*parts, ((OTHER, column, -1), (share, width, 0.0))]


def _share(share: float, rows: int) -> float:
    """A share of the rows, never below that of half a row."""
    return max(share, 0.5 / rows)

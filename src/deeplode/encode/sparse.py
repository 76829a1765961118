"""Sparse vectors: bags of words and the like, in the form that texts have, too.

A row's entries get length 1 together; where all entries are alike, as in bags of words, those
rarer among training rows weigh more (Salton and Buckley, Term-weighting approaches in automatic
text retrieval, 1988). An entry below 0 is a feature of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from deeplode.data.column import Column
from deeplode.data.sparsecells import unpacked
from deeplode.encode.bag import MOST_ID, pack
from deeplode.encode.column import FILLED_IN, UNSEEN_CATEGORY, ColumnEncoder, Piece
from deeplode.encode.text import read_numbers, written_numbers

LONGEST = 4_096  # entries kept of a row, those of most weight
COVERED = 0.99  # of the training rows are kept whole
MOST_CELLS, SHORTEST = 100_000_000, 64  # entries of all training rows; of a row whatever comes

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SparseEncoder(ColumnEncoder):
    """One column of sparse vectors.

    rows_with: (width + 1,) training rows that have an entry at each place, from number 1 on; at 0
    all training rows. rare: whether rare places weigh more. signed: whether entries below 0 are
    told apart. length: entries kept of a row.
    """

    name: str
    rows_with: Ints
    rare: bool
    signed: bool
    length: int

    media = "text"  # the form of its cells, not what they mean

    def __post_init__(self) -> None:
        counts = self.rows_with
        if counts.ndim != 1 or not 1 <= len(counts) - 1 <= MOST_ID // 2:
            raise ValueError("a sparse vector of no place, or of too many")
        if counts.min() < 0 or counts.max() > counts[0] or not 1 <= self.length <= LONGEST:
            raise ValueError("places in more rows than there are, or a length that cannot be")
        if type(self.rare) is not bool or type(self.signed) is not bool:
            raise TypeError("rare and signed are true or false")

    @classmethod
    def fit(cls, series: pl.Series, column: Column) -> SparseEncoder:
        """Learn how many places there are, and how rare entries are at each."""
        rows, places, values = unpacked(series)
        width = 1 + int(places.max(initial=0))
        rows_with = np.bincount(places + 1, minlength=width + 1)
        rows_with[0] = len(series)
        most = min(LONGEST, max(SHORTEST, MOST_CELLS // max(1, len(series))))
        sizes = np.bincount(rows, minlength=max(1, len(series)))
        length = int(np.ceil(np.quantile(sizes, COVERED)))
        alike = len(values) > 0 and bool((values == values[0]).all())
        return cls(
            column.name, rows_with, alike, bool((values < 0).any()), max(1, min(most, length))
        )

    @property
    def width(self) -> int:
        """Places that training rows have entries at, and those before the last of them."""
        return len(self.rows_with) - 1

    @property
    def described_names(self) -> tuple[str, ...]:
        """Figures of a row for the simple models."""
        return (f"{self.name} entries", f"{self.name} sum")

    @property
    def features(self) -> int:
        """The highest number of a feature."""
        return (1 + self.signed) * self.width

    def sizes_of_media(self) -> tuple[int, ...]:
        """(length,) of a cell."""
        return (self.length,)

    @cached_property
    def _rarity(self) -> NDArray[np.float64]:
        return np.asarray(np.log((1 + self.rows_with[0]) / (1 + self.rows_with)) + 1)

    def encode(self, *series: pl.Series) -> Piece:
        """Weighted entries of each row, as ``bag`` has them; empty rows and places that training
        rows did not have are flagged."""
        rows, places, values = unpacked(series[0])
        count = len(series[0])
        figures = np.stack(
            [np.bincount(rows, minlength=count), np.bincount(rows, values, count)], 1
        )
        known = (places < self.width) & (values != 0) & np.isfinite(values)
        strange = np.bincount(rows[~known], minlength=count) > 0
        rows, places, values = rows[known], places[known], values[known].astype(np.float64)
        weights = np.abs(values) * (self._rarity[places + 1] if self.rare else 1.0)
        weights /= np.sqrt(np.bincount(rows, weights * weights, count))[rows]
        ids = places + 1 + (self.width if self.signed else 0) * (values < 0)
        order = np.lexsort((ids, -weights, rows))
        held = np.bincount(rows, minlength=count)
        place = np.arange(len(rows)) - (np.cumsum(held) - held)[rows]
        kept = place < self.length
        cells = np.zeros((count, self.length), np.int32)
        cells[rows[kept], place[kept]] = pack(ids[order][kept], weights[order][kept])
        empty = held == 0
        flags = (FILLED_IN * empty + UNSEEN_CATEGORY * strange).astype(np.uint8)
        return Piece(
            flags=flags if flags.any() else None,
            media=torch.from_numpy(cells),
            described=figures.astype(np.float32),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return {
            "name": self.name,
            "rows_with": written_numbers(self.rows_with),
            "rare": self.rare,
            "signed": self.signed,
            "length": self.length,
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> SparseEncoder:
        """The encoder written by ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        if not isinstance(facts["name"], str) or type(facts["length"]) is not int:
            raise TypeError("a name and a length are wanted")
        counts = read_numbers(facts["rows_with"])
        return cls(facts["name"], counts, facts["rare"], facts["signed"], facts["length"])

"""Yes and no: a category of two levels, slot 2 = no and slot 3 = yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from deeplode.data.column import Column
from deeplode.data.kinds.boolean import TRUTHS
from deeplode.data.parse import BLANKS, is_missing
from deeplode.encode.batch import MISSING, UNSEEN
from deeplode.encode.category import as_texts, slots_piece
from deeplode.encode.column import FILLED_IN, UNSEEN_CATEGORY, ColumnEncoder, Piece

_WORDS = pl.Enum(list(TRUTHS))
_RANK_OF_WORD = np.array([*(int(truth) for truth in TRUTHS.values()), 2])  # 2 = no such word
_SLOT = np.array([2, 3, UNSEEN], dtype=np.int32)


@dataclass(frozen=True)
class BooleanEncoder(ColumnEncoder):
    """One column of truths, whether they come as words, numbers or truths."""

    name: str

    @classmethod
    def fit(cls, series: pl.Series, column: Column) -> BooleanEncoder:
        """Nothing is to be learned."""
        return cls(column.name)

    @property
    def category_names(self) -> tuple[str, ...]:
        """The column."""
        return (self.name,)

    @property
    def slots(self) -> tuple[int, ...]:
        """Four: unseen, missing, no, yes."""
        return (4,)

    def encode(self, *series: pl.Series) -> Piece:
        """Look up each cell."""
        cells = series[0]
        if cells.dtype.is_numeric() or cells.dtype == pl.Boolean:
            values = cells.cast(pl.Float64).to_numpy()
            rank = np.where(values == 1.0, 1, np.where(values == 0.0, 0, 2))
            return slots_piece(rank, np.isnan(values), _SLOT)
        words = as_texts(cells).str.strip_chars(BLANKS).str.to_lowercase()
        ranks = words.cast(_WORDS, strict=False).to_physical().cast(pl.UInt32)
        rank = _RANK_OF_WORD[ranks.fill_null(len(TRUTHS)).to_numpy()]
        return slots_piece(rank, (words.is_null() | (words == "")).to_numpy(), _SLOT)

    def encode_row(self, values: tuple[Any, ...], numbers: list[float], slots: list[int]) -> int:
        """As ``encode``, for one row."""
        value = values[0]
        if isinstance(value, str):
            value = value.strip(BLANKS).lower()
            truth, empty = TRUTHS.get(value), value == ""
        else:
            empty = is_missing(value)
            truth = None if empty or value not in (0, 1) else bool(value)
        if empty:
            slots.append(MISSING)
            return FILLED_IN
        slots.append(UNSEEN if truth is None else 3 if truth else 2)
        return UNSEEN_CATEGORY if truth is None else 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return {"name": self.name}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> BooleanEncoder:
        """The encoder written by ``to_json``."""
        return cls(str(facts["name"]))

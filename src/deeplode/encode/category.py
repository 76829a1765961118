"""Categories: one slot a level, shared slots for rare and unseen ones and for empty cells.

Levels seen too rarely in training to learn from share the slot of the unseen ones, so that this
slot is learned as well; only levels that training never had are flagged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from deeplode.data.column import Column
from deeplode.data.parse import BLANKS, NumberFormat, is_missing, number
from deeplode.encode.batch import MISSING, UNSEEN
from deeplode.encode.column import FILLED_IN, UNSEEN_CATEGORY, ColumnEncoder, Piece

MOST_KNOWN = 100_000  # levels remembered; later ones would only be flagged as unseen anyway


def fewest_rows(rows: int) -> int:
    """Rows that a level must have in training for a slot of its own: 2, and up to 10 in large
    tables (one in 5 000 rows)."""
    return max(2, min(10, rows // 5_000))


def count_levels(cells: pl.Series, rows: int) -> tuple[list[Any], int]:
    """Levels by falling count, ties in their own order, and how many have a slot of their own.

    cells: filled cells of the training rows. rows: all training rows.
    """
    counts = cells.value_counts(name="rows")
    counts = counts.sort("rows", cells.name, descending=[True, False]).head(MOST_KNOWN)
    own = int((counts["rows"] >= fewest_rows(rows)).sum())
    return counts[cells.name].to_list(), own


def slot_of_rank(levels: int, own: int) -> np.ndarray:
    """(levels + 1,) int32: the slot of each level; the last place is for no known level."""
    slots = np.full(levels + 1, UNSEEN, dtype=np.int32)
    slots[:own] = np.arange(2, own + 2)
    return slots


def slots_piece(rank: np.ndarray, empty: np.ndarray, slot: np.ndarray) -> Piece:
    """The encoded cells of one column of levels.

    rank: (rows,) of the level, ``len(slot) - 1`` = no known level. empty: (rows,) bool.
    slot: as ``slot_of_rank`` gives it.
    """
    slots, flags = slot[rank], None
    unknown = rank == len(slot) - 1
    if unknown.any():
        slots[empty] = MISSING
        flags = np.where(empty, FILLED_IN, UNSEEN_CATEGORY * unknown).astype(np.uint8)
    return Piece([], [slots], flags)


def checked_own(own: Any, levels: tuple[Any, ...]) -> int:
    """``own`` if it can be. Raises ValueError otherwise."""
    if not 0 <= int(own) <= len(levels):
        raise ValueError(f"{own} of {len(levels)} levels with slots of their own")
    return int(own)


def as_texts(series: pl.Series) -> pl.Series:
    """A column as strings: truths as ``true`` and ``false``, numbers as Polars writes them."""
    return series if series.dtype == pl.String else series.cast(pl.String, strict=False)


@dataclass(frozen=True)
class CategoryEncoder(ColumnEncoder):
    """One column of names.

    levels: stripped of blanks, most frequent first; the first ``own`` have slots 2, 3, …
    """

    name: str
    levels: tuple[str, ...]
    own: int

    @classmethod
    def fit(cls, series: pl.Series, column: Column) -> CategoryEncoder:
        """Learn the levels of the training rows."""
        texts = as_texts(series).str.strip_chars(BLANKS).alias("level")
        texts = texts.filter(texts.is_not_null() & (texts != ""))
        levels, own = count_levels(texts, len(series))
        return cls(column.name, tuple(levels), own)

    @property
    def category_names(self) -> tuple[str, ...]:
        """The column."""
        return (self.name,)

    @property
    def slots(self) -> tuple[int, ...]:
        """Slots, UNSEEN and MISSING too."""
        return (self.own + 2,)

    @cached_property
    def _enum(self) -> pl.Enum:
        return pl.Enum(self.levels)

    @cached_property
    def _slot_of_rank(self) -> np.ndarray:
        return slot_of_rank(len(self.levels), self.own)

    @cached_property
    def _slot_of_text(self) -> dict[str, int]:
        return dict(zip(self.levels, self._slot_of_rank.tolist(), strict=False))

    @cached_property
    def _rank_of_number(self) -> dict[float, int]:
        """The levels that spell numbers, for cells that come as numbers."""
        ranks: dict[float, int] = {}
        for rank, level in enumerate(self.levels):
            value, _ = number(level, NumberFormat())
            if value - value == 0.0:
                ranks.setdefault(value, rank)
        return ranks

    def encode(self, *series: pl.Series) -> Piece:
        """Look up each cell."""
        if series[0].dtype.is_numeric():
            return self._numbers(series[0].cast(pl.Float64).to_numpy())
        texts = as_texts(series[0])
        ranks = texts.cast(self._enum, strict=False).to_physical()
        empty = texts.is_null()
        if ranks.null_count() > empty.sum():
            bare = texts.str.strip_chars(BLANKS)
            ranks = bare.cast(self._enum, strict=False).to_physical()
            empty = empty | (bare == "").fill_null(False)
        rank = ranks.cast(pl.UInt32).fill_null(len(self.levels)).to_numpy()
        return slots_piece(rank, empty.to_numpy(), self._slot_of_rank)

    def _numbers(self, values: np.ndarray) -> Piece:
        """Cells that come as numbers, each different one looked up once."""
        different, which = np.unique(values, return_inverse=True)
        none = len(self.levels)
        ranks = np.array([self._rank_of_number.get(v, none) for v in different.tolist()], np.int64)
        return slots_piece(ranks[which], np.isnan(values), self._slot_of_rank)

    def encode_row(self, values: tuple[Any, ...], numbers: list[float], slots: list[int]) -> int:
        """As ``encode``, for one row."""
        value = values[0]
        slot = self._slot_of_text.get(value) if isinstance(value, str) else None
        if slot is None:
            slot, flags = self._odd(value)
            slots.append(slot)
            return flags
        slots.append(slot)
        return 0

    def _odd(self, value: Any) -> tuple[int, int]:
        """A cell that is no known text as it stands: its slot and flags."""
        if isinstance(value, (bool, date, time)):
            value = pl.Series([value]).cast(pl.String)[0]  # as a column of them would be
        if isinstance(value, str):
            value = value.strip(BLANKS)
            slot = self._slot_of_text.get(value)
            empty = value == ""
        elif is_missing(value):
            slot, empty = None, True
        else:
            cell, unread = number(value, NumberFormat())
            rank = None if unread else self._rank_of_number.get(cell)
            slot, empty = (None if rank is None else int(self._slot_of_rank[rank])), False
        if empty:
            return MISSING, FILLED_IN
        return (UNSEEN, UNSEEN_CATEGORY) if slot is None else (slot, 0)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return {"name": self.name, "levels": list(self.levels), "own": self.own}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> CategoryEncoder:
        """The encoder written by ``to_json``."""
        levels = tuple(str(level) for level in facts["levels"])
        return cls(str(facts["name"]), levels, checked_own(facts["own"], levels))

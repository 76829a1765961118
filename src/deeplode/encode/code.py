"""Numbers that are codes: categories by value, so that 3, 3.0 and "3" are one level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from deeplode.data.column import Column, format_from_json
from deeplode.data.parse import NumberFormat, number, numbers
from deeplode.encode.batch import MISSING, UNSEEN
from deeplode.encode.category import checked_own, count_levels, slot_of_rank, slots_piece
from deeplode.encode.column import FILLED_IN, NOT_A_NUMBER, UNSEEN_CATEGORY, ColumnEncoder, Piece


@dataclass(frozen=True)
class CodeEncoder(ColumnEncoder):
    """One column of codes.

    levels: most frequent first; the first ``own`` have slots 2, 3, …
    Infinities and what is no number count as missing.
    """

    name: str
    form: NumberFormat
    levels: tuple[float, ...]
    own: int

    @classmethod
    def fit(cls, series: pl.Series, column: Column) -> CodeEncoder:
        """Learn the levels of the training rows."""
        form = column.format if isinstance(column.format, NumberFormat) else NumberFormat()
        values = numbers(series, form)[0]
        cells = pl.Series("level", values[np.isfinite(values)] + 0.0)  # -0.0 is 0.0
        levels, own = count_levels(cells, len(series))
        return cls(column.name, form, tuple(levels), own)

    @property
    def category_names(self) -> tuple[str, ...]:
        """The column, told from its form as a number."""
        return (f"{self.name} as category",)

    @property
    def slots(self) -> tuple[int, ...]:
        """Slots, UNSEEN and MISSING too."""
        return (self.own + 2,)

    @cached_property
    def _slot_of_rank(self) -> np.ndarray:
        return slot_of_rank(len(self.levels), self.own)

    @cached_property
    def _slot_of_value(self) -> dict[float, int]:
        return dict(zip(self.levels, self._slot_of_rank.tolist(), strict=False))

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """The levels in rising order with a last one that nothing equals, and their ranks."""
        order = np.argsort(np.array(self.levels))
        return np.append(np.array(self.levels)[order], np.nan), np.append(order, len(order))

    def encode(self, *series: pl.Series) -> Piece:
        """Look up each cell."""
        values, unread = numbers(series[0], self.form)
        levels, ranks = self._sorted
        place = np.searchsorted(levels[:-1], values)
        rank = np.where(levels[place] == values, ranks[place], len(self.levels))
        piece = slots_piece(rank, ~np.isfinite(values), self._slot_of_rank)
        if piece.flags is not None and unread.any():
            piece.flags[unread] |= NOT_A_NUMBER
        piece.unread = unread
        return piece

    def encode_row(self, values: tuple[Any, ...], numbers: list[float], slots: list[int]) -> int:
        """As ``encode``, for one row."""
        value, unread = number(values[0], self.form)
        slot = self._slot_of_value.get(value)
        if slot is not None:
            slots.append(slot)
            return 0
        if value - value != 0.0:
            slots.append(MISSING)
            return FILLED_IN | NOT_A_NUMBER if unread else FILLED_IN
        slots.append(UNSEEN)
        return UNSEEN_CATEGORY

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return asdict(self) | {"levels": list(self.levels)}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> CodeEncoder:
        """The encoder written by ``to_json``."""
        form = format_from_json(facts["form"])
        if not isinstance(form, NumberFormat):
            raise ValueError(f"unknown cell format {facts['form']!r}")
        levels = tuple(float(level) for level in facts["levels"])
        return cls(str(facts["name"]), form, levels, checked_own(facts["own"], levels))

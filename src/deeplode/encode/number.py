"""Numbers: scaled robustly by the training rows, missing ones marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from deeplode.data.column import Column, format_from_json
from deeplode.data.parse import NumberFormat, number, numbers
from deeplode.encode.column import (
    BOUND,
    FILLED_IN,
    INFINITE,
    NOT_A_NUMBER,
    OUT_OF_RANGE,
    ColumnEncoder,
    Piece,
)

MARGIN = 0.1  # of the training range, by which a number may leave it without a flag


@dataclass(frozen=True)
class Scale:
    """Robust scaling: (value - center) / width, clipped to ±BOUND."""

    center: float
    width: float

    @classmethod
    def fit(cls, values: np.ndarray) -> Scale:
        """Median and the distance of the quartiles; where half of the values are one and the
        same, the standard deviation. values: float64, finite."""
        if not len(values):
            return cls(0.0, 1.0)
        values = np.clip(values, -1e300, 1e300)
        low, center, high = np.quantile(values, (0.25, 0.5, 0.75))
        with np.errstate(over="ignore", invalid="ignore"):
            widths = (high - low, float(np.std(values)), float(np.max(np.abs(values - center))))
        usable = (width for width in widths if np.isfinite(width) and width > 1e-300)
        return cls(float(center), float(next(usable, 1.0)))

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Scale a column; NaN stays. values: (rows,) float64."""
        with np.errstate(over="ignore"):
            scaled = (values - self.center) / self.width
        return np.clip(scaled, -BOUND, BOUND, out=scaled)

    def apply_one(self, value: float) -> float:
        """Scale one value; NaN stays."""
        scaled = (value - self.center) / self.width
        return BOUND if scaled > BOUND else -BOUND if scaled < -BOUND else scaled


@dataclass(frozen=True)
class NumberEncoder(ColumnEncoder):
    """One column of numbers: its scaled value and, where training had gaps, whether it is missing.

    low, high: the training range widened by MARGIN of it; outside a row is flagged.
    """

    name: str
    form: NumberFormat
    scale: Scale
    low: float
    high: float
    marked: bool

    @classmethod
    def fit(cls, series: pl.Series, column: Column) -> NumberEncoder:
        """Learn from the training rows. Infinities count as missing."""
        form = column.format if isinstance(column.format, NumberFormat) else NumberFormat()
        values = numbers(series, form)[0]
        finite = values[np.isfinite(values)]
        low, high = widened(finite, MARGIN)
        return cls(column.name, form, Scale.fit(finite), low, high, len(finite) < len(values))

    @property
    def number_names(self) -> tuple[str, ...]:
        """The column and, where marked, its mark."""
        return (self.name, f"{self.name} is missing") if self.marked else (self.name,)

    def encode(self, *series: pl.Series) -> Piece:
        """Scale; flag what is missing, infinite, out of range or no number."""
        values, unread = numbers(series[0], self.form)
        flags, lost = None, ~np.isfinite(values)
        if lost.any():
            infinite = np.isinf(values)
            values = np.where(infinite, np.nan, values)
            bits = FILLED_IN * lost + INFINITE * infinite + NOT_A_NUMBER * unread
            flags = bits.astype(np.uint8)
        outside = (values < self.low) | (values > self.high)
        if outside.any():
            bits = np.where(outside, OUT_OF_RANGE, 0).astype(np.uint8)
            flags = bits if flags is None else flags | bits
        marks = [lost.astype(np.float64)] if self.marked else []
        return Piece([self.scale.apply(values), *marks], [], flags, unread)

    def encode_row(self, values: tuple[Any, ...], numbers: list[float], slots: list[int]) -> int:
        """As ``encode``, for one row."""
        value, unread = number(values[0], self.form)
        lost = value - value != 0.0  # NaN or infinite
        flags = 0
        if lost:
            flags = FILLED_IN
            if unread:
                flags |= NOT_A_NUMBER
            elif value == value:
                flags |= INFINITE
                value = float("nan")
        elif value < self.low or value > self.high:
            flags = OUT_OF_RANGE
        numbers.append(self.scale.apply_one(value))
        if self.marked:
            numbers.append(1.0 if lost else 0.0)
        return flags

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> NumberEncoder:
        """The encoder written by ``to_json``."""
        form = format_from_json(facts["form"])
        if not isinstance(form, NumberFormat):
            raise ValueError(f"unknown cell format {facts['form']!r}")
        return cls(
            str(facts["name"]),
            form,
            scale_from_json(facts["scale"]),
            float(facts["low"]),
            float(facts["high"]),
            bool(facts["marked"]),
        )


def widened(finite: np.ndarray, margin: float) -> tuple[float, float]:
    """The range of some values, widened by ``margin`` of its length; kept finite."""
    if not len(finite):
        return -np.finfo(np.float64).max, np.finfo(np.float64).max
    low, high = float(finite.min()), float(finite.max())
    with np.errstate(over="ignore"):
        reach = margin * high - margin * low
    bound = float(np.finfo(np.float64).max)
    return max(low - reach, -bound), min(high + reach, bound)


def scale_from_json(facts: Mapping[str, Any]) -> Scale:
    """The scale in plain JSON. Raises ValueError if it could not scale."""
    scale = Scale(float(facts["center"]), float(facts["width"]))
    if not (np.isfinite(scale.center) and np.isfinite(scale.width) and scale.width > 0):
        raise ValueError(f"no scale: {dict(facts)!r}")
    return scale

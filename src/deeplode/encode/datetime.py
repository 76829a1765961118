"""Dates and times: parts, cycles, days since training began, and spans between two columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from deeplode.data.column import Column, format_from_json
from deeplode.data.dates import (
    DAY,
    NONE,
    SECOND,
    DatetimeFormat,
    as_datetime,
    instant,
    instants,
)
from deeplode.encode.column import (
    FILLED_IN,
    NOT_A_NUMBER,
    OUT_OF_RANGE,
    ColumnEncoder,
    Piece,
)
from deeplode.encode.number import Scale, scale_from_json, widened

MINUTE = 60 * SECOND
MARGIN = 1.0  # new dates may leave the training span by its length without a flag

# Every part that a column may give. A cycle is read from a table of one turn, so that a row alone
# and a whole column come out the same to the last bit.
PARTS = (
    *("days", "year", "month", "day", "weekday", "weekend", "hour"),
    *("year_sine", "year_cosine", "week_sine", "week_cosine", "day_sine", "day_cosine"),
)


def _turn(steps: int) -> np.ndarray:
    """(2, steps) sine and cosine of one turn."""
    angle = 2 * np.pi * np.arange(steps) / steps
    return np.stack([np.sin(angle), np.cos(angle)])


_YEAR, _WEEK, _DAY = _turn(366), _turn(7), _turn(24 * 60)
_YEAR_LISTS, _WEEK_LISTS, _DAY_LISTS = _YEAR.tolist(), _WEEK.tolist(), _DAY.tolist()


@dataclass(frozen=True)
class DatetimeEncoder(ColumnEncoder):
    """One column of instants.

    parts: those of PARTS that vary in training, with the scale of each.
    start: microseconds of the first instant in training. low, high: of ``days``, widened by MARGIN.
    """

    name: str
    form: DatetimeFormat
    start: int
    low: float
    high: float
    parts: tuple[str, ...]
    scales: tuple[Scale, ...]
    marked: bool

    @classmethod
    def fit(cls, series: pl.Series, column: Column) -> DatetimeEncoder:
        """Learn the span and the parts that vary in the training rows."""
        form = column.format if isinstance(column.format, DatetimeFormat) else DatetimeFormat()
        read = instants(series, form)
        filled = read.utc != NONE
        start = int(read.utc[filled].min()) if filled.any() else 0
        parts = _parts(read.utc[filled], read.wall[filled], start)
        varying = tuple(name for name in PARTS if len(np.unique(parts[name])) > 1)
        low, high = widened(parts["days"], MARGIN)
        scales = tuple(_scale(name, parts[name]) for name in varying)
        return cls(column.name, form, start, low, high, varying, scales, not filled.all())

    @property
    def number_names(self) -> tuple[str, ...]:
        """Its parts and, where training had gaps, its mark."""
        names = tuple(f"{self.name} {part}" for part in self.parts)
        return (*names, f"{self.name} is missing") if self.marked else names

    def encode(self, *series: pl.Series) -> Piece:
        """Take the parts; flag what is missing, unread, or far from the training span."""
        read = instants(series[0], self.form)
        lost = read.utc == NONE
        utc, wall = (np.where(lost, self.start, count) for count in (read.utc, read.wall))
        parts = _parts(utc, wall, self.start)
        outside = ~lost & ((parts["days"] < self.low) | (parts["days"] > self.high))
        flags = FILLED_IN * lost + NOT_A_NUMBER * read.unread + OUT_OF_RANGE * outside
        columns = []
        for name, scale in zip(self.parts, self.scales, strict=True):
            column = scale.apply(parts[name].astype(np.float64))
            column[lost] = np.nan
            columns.append(column)
        if self.marked:
            columns.append(lost.astype(np.float64))
        return Piece(columns, [], flags.astype(np.uint8), read.unread)

    def encode_row(self, values: tuple[Any, ...], numbers: list[float], slots: list[int]) -> int:
        """As ``encode``, for one row."""
        utc, wall, unread = instant(values[0], self.form)
        if utc == NONE:
            numbers.extend([float("nan")] * len(self.parts) + [1.0] * self.marked)
            return FILLED_IN | NOT_A_NUMBER if unread else FILLED_IN
        parts = _parts_of_one(utc, wall, self.start)
        for name, scale in zip(self.parts, self.scales, strict=True):
            numbers.append(scale.apply_one(parts[name]))
        numbers.extend([0.0] * self.marked)
        return 0 if self.low <= parts["days"] <= self.high else OUT_OF_RANGE

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return asdict(self) | {
            "parts": list(self.parts),
            "scales": [asdict(scale) for scale in self.scales],
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> DatetimeEncoder:
        """The encoder written by ``to_json``."""
        form, parts = format_from_json(facts["form"]), tuple(facts["parts"])
        scales = tuple(scale_from_json(scale) for scale in facts["scales"])
        if not isinstance(form, DatetimeFormat) or not set(parts) <= set(PARTS):
            raise ValueError("unknown parts of a date")
        if len(scales) != len(parts):
            raise ValueError(f"{len(scales)} scales for {len(parts)} parts of a date")
        return cls(
            str(facts["name"]),
            form,
            int(facts["start"]),
            float(facts["low"]),
            float(facts["high"]),
            parts,
            scales,
            bool(facts["marked"]),
        )


def _parts(utc: np.ndarray, wall: np.ndarray, start: int) -> dict[str, np.ndarray]:
    """Every part of some instants. utc, wall: (rows,) int64 microseconds since 1970, none missing.

    ``hour`` runs on in fractions of an hour; Monday is weekday 0.
    """
    day = wall // DAY
    month = wall.astype("datetime64[us]").astype("datetime64[M]")
    year = month.astype("datetime64[Y]")
    days = wall.astype("datetime64[us]").astype("datetime64[D]")
    day_of_year = (days - year.astype("datetime64[D]")).astype(np.int64)
    weekday = (day + 3) % 7  # 1970 began on a Thursday
    minute = (wall - day * DAY) // MINUTE
    year_sine, year_cosine = _YEAR[:, day_of_year]
    week_sine, week_cosine = _WEEK[:, weekday]
    day_sine, day_cosine = _DAY[:, minute]
    return {
        "days": (utc - start) / DAY,
        "year": year.astype(np.int64) + 1970,
        "month": month.astype(np.int64) % 12 + 1,
        "day": (days - month.astype("datetime64[D]")).astype(np.int64) + 1,
        "weekday": weekday,
        "weekend": (weekday >= 5).astype(np.int64),
        "hour": (wall - day * DAY) / (60 * MINUTE),
        "year_sine": year_sine,
        "year_cosine": year_cosine,
        "week_sine": week_sine,
        "week_cosine": week_cosine,
        "day_sine": day_sine,
        "day_cosine": day_cosine,
    }


def _parts_of_one(utc: int, wall: int, start: int) -> dict[str, float]:
    """As ``_parts``, of one instant, without NumPy's fixed cost."""
    clock = as_datetime(wall)
    minute = clock.hour * 60 + clock.minute
    weekday = clock.weekday()
    day_of_year = clock.toordinal() - datetime(clock.year, 1, 1).toordinal()
    return {
        "days": float(utc - start) / DAY,
        "year": float(clock.year),
        "month": float(clock.month),
        "day": float(clock.day),
        "weekday": float(weekday),
        "weekend": float(weekday >= 5),
        "hour": float(wall % DAY) / (60 * MINUTE),
        "year_sine": _YEAR_LISTS[0][day_of_year],
        "year_cosine": _YEAR_LISTS[1][day_of_year],
        "week_sine": _WEEK_LISTS[0][weekday],
        "week_cosine": _WEEK_LISTS[1][weekday],
        "day_sine": _DAY_LISTS[0][minute],
        "day_cosine": _DAY_LISTS[1][minute],
    }


def _scale(part: str, values: np.ndarray) -> Scale:
    """Sines and cosines are at scale already."""
    if part.endswith("sine"):
        return Scale(0.0, 1.0)
    return Scale.fit(values.astype(np.float64))


@dataclass(frozen=True)
class SpanEncoder(ColumnEncoder):
    """Hours from one column of instants to another: often worth more than either."""

    name: str
    first: str
    second: str
    forms: tuple[DatetimeFormat, DatetimeFormat]
    scale: Scale

    @classmethod
    def fit(cls, pair: tuple[pl.Series, pl.Series], columns: tuple[Column, Column]) -> SpanEncoder:
        """Learn the scale of the spans in the training rows."""
        first, second = (
            column.format if isinstance(column.format, DatetimeFormat) else DatetimeFormat()
            for column in columns
        )
        hours = _hours(*pair, (first, second))
        name = f"{columns[0].name} to {columns[1].name}"
        scale = Scale.fit(hours[~np.isnan(hours)])
        return cls(name, columns[0].name, columns[1].name, (first, second), scale)

    @property
    def columns(self) -> tuple[str, ...]:
        """Both columns."""
        return (self.first, self.second)

    @property
    def number_names(self) -> tuple[str, ...]:
        """The span."""
        return (self.name,)

    def encode(self, *series: pl.Series) -> Piece:
        """The scaled spans; the columns' own encoders set the flags."""
        return Piece([self.scale.apply(_hours(series[0], series[1], self.forms))])

    def encode_row(self, values: tuple[Any, ...], numbers: list[float], slots: list[int]) -> int:
        """As ``encode``, for one row."""
        first, second = (
            instant(value, form)[0] for value, form in zip(values, self.forms, strict=True)
        )
        gap = NONE in (first, second)
        hours = float("nan") if gap else float(second - first) / (60 * MINUTE)
        numbers.append(self.scale.apply_one(hours))
        return 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return asdict(self) | {"forms": [asdict(form) for form in self.forms]}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> SpanEncoder:
        """The encoder written by ``to_json``."""
        first, second = (format_from_json(form) for form in facts["forms"])
        if not isinstance(first, DatetimeFormat) or not isinstance(second, DatetimeFormat):
            raise ValueError("unknown cell format of a span")
        names = str(facts["name"]), str(facts["first"]), str(facts["second"])
        return cls(*names, (first, second), scale_from_json(facts["scale"]))


def _hours(
    first: pl.Series, second: pl.Series, forms: tuple[DatetimeFormat, DatetimeFormat]
) -> np.ndarray:
    """(rows,) float64 hours from first to second; NaN where either is missing."""
    start, end = (
        instants(series, form).utc for series, form in zip((first, second), forms, strict=True)
    )
    gap = (start == NONE) | (end == NONE)
    return np.where(gap, np.nan, np.where(gap, 0, end - start) / (60 * MINUTE))

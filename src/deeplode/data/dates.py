"""Cells to instants: whole columns through Polars and NumPy, single values in plain Python.

Both ways give the same integers for the same cell. A cell becomes two counts of microseconds
since 1970: of the instant in UTC (for order and spans) and of the clock on the wall where it was
written (for hour and weekday). A cell without a time zone counts as UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from deeplode.data.iso import days_since_1970, read_by_place, valid_days
from deeplode.data.parse import BLANKS, MISSING_WORDS, is_missing

SECOND = 1_000_000
DAY = 86_400 * SECOND
NONE = np.iinfo(np.int64).min  # the count of a missing instant

_EPOCH = datetime(1970, 1, 1)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NUMBERS = {name: number for number, name in enumerate(_MONTHS, start=1)}

_CLOCK = (
    r"(?:[tT, ]{1,3}(?P<hour>[0-9]{1,2})[:时点](?P<minute>[0-9]{1,2})(?:[:分](?P<second>[0-9]{1,2})"
    r"(?:[.,](?P<fraction>[0-9]{1,9}))?秒?)?分?(?: ?(?P<half>[aApP])\.?[mM]\.?)?)?"
    r" ?(?:Z|z|UTC|GMT|(?P<zone>[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2}))?"
)
_YEAR4, _YEAR = r"(?P<year>[0-9]{4})", r"(?P<year>[0-9]{4}|[0-9]{2})"
_MONTH, _DAY = r"(?P<month>[0-9]{1,2})", r"(?P<day>[0-9]{1,2})"
_NAME = r"(?P<month>[A-Za-z]{3,9})\.?"
_WEEKDAY = r"(?:[A-Za-z]{3,9},? +)?"
_COMPACT_CLOCK = (
    r"(?:[T ]?(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})"
    r"(?P<fraction>x)?(?P<half>x)?)?(?P<zone>x)?Z?"
)

# The orders in which a text may write a date, the likelier first. The same pattern serves the
# regex engines of Polars and of Python.
PATTERNS = {
    "year-month-day": rf"{_YEAR4} ?[-/.年 ] ?{_MONTH}(?: ?[-/.月 ] ?{_DAY})? ?[日号月]?{_CLOCK}",
    "month-day-year": rf"{_MONTH}[-/. ]{_DAY}[-/. ]{_YEAR}{_CLOCK}",
    "day-month-year": rf"{_DAY}[-/. ]{_MONTH}[-/. ]{_YEAR}{_CLOCK}",
    "day-name-year": rf"{_WEEKDAY}{_DAY}(?:st|nd|rd|th)?[-/. ]*{_NAME}[-/, ]*{_YEAR}{_CLOCK}",
    "name-day-year": rf"{_WEEKDAY}{_NAME}[-/ ]*{_DAY}(?:st|nd|rd|th)?[-/, ]+{_YEAR4}{_CLOCK}",
    "compact": rf"{_YEAR4}(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}}){_COMPACT_CLOCK}",
}
_WHOLE = {name: f"^{pattern}$" for name, pattern in PATTERNS.items()}
_WHOLE_RE = {name: re.compile(pattern) for name, pattern in PATTERNS.items()}

# Counts since 1970, by unit: microseconds in one of them as (times, divided by).
EPOCHS = {
    "seconds": (SECOND, 1),
    "milliseconds": (1_000, 1),
    "microseconds": (1, 1),
    "nanoseconds": (1, 1_000),
}


@dataclass(frozen=True)
class DatetimeFormat:
    """How a column writes its instants: a name of PATTERNS for texts, of EPOCHS for numbers.

    numbers: how numbers are meant: a name of EPOCHS, or ``compact`` for 20240305.
    """

    texts: str = "year-month-day"
    numbers: str = "seconds"


@dataclass(frozen=True)
class Instants:
    """A column of instants, all (rows,): utc and wall are int64 microseconds, NONE = missing."""

    utc: np.ndarray
    wall: np.ndarray
    unread: np.ndarray  # bool: the cell holds something that is not a date


def instants(series: pl.Series, form: DatetimeFormat) -> Instants:
    """Read a column as instants."""
    kind = series.dtype
    if isinstance(kind, pl.Datetime):
        return _datetimes(series, kind.time_zone)
    if kind == pl.Date:
        return _datetimes(series.cast(pl.Datetime("us")), None)
    if kind.is_numeric():
        return _counts(series, form)
    if isinstance(kind, (pl.Categorical, pl.Enum)):
        series = series.cast(pl.String)
    if series.dtype == pl.String:
        return _texts(series, form.texts)
    nothing = np.full(len(series), NONE)
    return Instants(nothing, nothing, series.is_not_null().to_numpy())


def instant(value: Any, form: DatetimeFormat) -> tuple[int, int, bool]:
    """Read one cell as ``instants`` reads a column: utc, wall, unread."""
    if isinstance(value, str):
        return _text(value, form.texts)
    if is_missing(value):
        return NONE, NONE, False
    if isinstance(value, np.datetime64):
        count = int(value.astype("datetime64[us]").astype(np.int64))
        return (count, count, False) if _LOW <= count <= _HIGH else (NONE, NONE, True)
    if isinstance(value, datetime):
        return _one_datetime(value)
    if isinstance(value, date):
        count = (value - _EPOCH.date()) // timedelta(microseconds=1)
        return count, count, False
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        return _count(value, form)
    return NONE, NONE, True


def _datetimes(series: pl.Series, zone: str | None) -> Instants:
    series = series.dt.cast_time_unit("us")
    wall = series.dt.replace_time_zone(None) if zone else series
    wall_count, utc_count = (
        part.to_physical().fill_null(NONE).to_numpy(writable=False)
        for part in (wall, series.dt.convert_time_zone("UTC") if zone else series)
    )
    beyond = (wall_count != NONE) & ~((wall_count >= _LOW) & (wall_count <= _HIGH))
    if beyond.any():  # no year that a calendar could name
        utc_count, wall_count = (np.where(beyond, NONE, part) for part in (utc_count, wall_count))
    return Instants(utc_count, wall_count, beyond)


def _one_datetime(value: datetime) -> tuple[int, int, bool]:
    wall = (value.replace(tzinfo=None) - _EPOCH) // timedelta(microseconds=1)
    offset = value.utcoffset() or timedelta(0)
    return wall - offset // timedelta(microseconds=1), wall, False


def _counts(series: pl.Series, form: DatetimeFormat) -> Instants:
    if form.numbers == "compact":
        whole = series.cast(pl.Int64, strict=False)
        read = _texts(whole.cast(pl.String), "compact")
        beyond = whole.is_null() & ~missing_numbers(series)
        return Instants(read.utc, read.wall, read.unread | beyond.to_numpy())
    times, by = EPOCHS[form.numbers]
    values = series.cast(pl.Float64).to_numpy()
    missing = np.isnan(values)
    with np.errstate(over="ignore"):
        scaled = values * times / by
    # beyond the years 1 to 9999 nothing is a date
    bad = ~missing & ~((scaled >= _LOW) & (scaled <= _HIGH))
    count = np.where(missing | bad, 0, scaled).round().astype(np.int64)
    count[missing | bad] = NONE
    return Instants(count, count, bad)


_LOW = float((datetime.min - _EPOCH) // timedelta(microseconds=1))
_HIGH = float((datetime.max - _EPOCH) // timedelta(microseconds=1))


def missing_numbers(series: pl.Series) -> pl.Series:
    """Which cells of a number column are null or NaN."""
    return series.is_null() | (
        series.is_nan().fill_null(False) if series.dtype.is_float() else False
    )


def _count(value: Any, form: DatetimeFormat) -> tuple[int, int, bool]:
    if form.numbers == "compact":
        return _text(str(int(value)), "compact") if abs(value) < 1e18 else (NONE, NONE, True)
    times, by = EPOCHS[form.numbers]
    scaled = float(value) * times / by
    if not _LOW <= scaled <= _HIGH:
        return NONE, NONE, True
    count = round(scaled)
    return count, count, False


def _texts(series: pl.Series, pattern: str) -> Instants:
    if pattern != "year-month-day":
        return _by_pattern(series, pattern)
    count, fit = read_by_place(series)
    unread = np.zeros(len(series), dtype=bool)
    if fit.all():
        return Instants(count, count, unread)
    rest = np.flatnonzero(~fit)
    read = _by_pattern(series.gather(rest), pattern)
    wall = count.copy()
    count[rest], wall[rest], unread[rest] = read.utc, read.wall, read.unread
    return Instants(count, wall, unread)


def _by_pattern(series: pl.Series, pattern: str) -> Instants:
    text = series.str.strip_chars(BLANKS)
    parts = text.str.extract_groups(_WHOLE[pattern]).struct.unnest()
    cells = {name: parts[name] for name in parts.columns}
    names = cells["month"]
    if "name" in pattern:
        names = names.str.head(3).str.to_lowercase().replace_strict(_MONTH_NUMBERS, default=None)
    year = _whole(cells["year"], -1)
    short = cells["year"].str.len_chars().fill_null(0).to_numpy() == 2
    year = np.where(short, year + np.where(year >= 69, 1900, 2000), year)
    month, day = _whole(names, -1), _whole(cells["day"], 1)
    clock = [_whole(cells[name], 0) for name in ("hour", "minute", "second")]
    hour, odd_hour = _afternoon(clock[0], cells["half"])
    fraction = _whole(cells["fraction"].str.pad_end(6, "0").str.head(6), 0)
    offset, odd_offset = _offsets(cells["zone"])
    good = valid_days(year, month, day) & (hour < 24) & (clock[1] < 60) & (clock[2] < 60)
    good &= ~(odd_hour | odd_offset)
    days = days_since_1970(
        np.where(good, year, 1970), np.where(good, month, 1), np.where(good, day, 1)
    )
    wall = days * DAY + (hour * 3600 + clock[1] * 60 + clock[2]) * SECOND + fraction
    missing = series.is_null() | text.str.to_lowercase().is_in(MISSING_WORDS)
    return Instants(
        np.where(good, wall - offset, NONE),
        np.where(good, wall, NONE),
        ~good & ~missing.to_numpy(),
    )


def _whole(texts: pl.Series, absent: int) -> np.ndarray:
    """Digits to int64, ``absent`` where there are none."""
    return texts.cast(pl.Int64, strict=False).fill_null(absent).to_numpy()


def _afternoon(hour: np.ndarray, half: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Hours of the twelve-hour clock to 0…23, and which are impossible there."""
    letter = half.str.to_lowercase().fill_null("")
    evening, twelve = (letter == "p").to_numpy(), (letter != "").to_numpy()
    odd = twelve & ((hour < 1) | (hour > 12))
    return np.where(twelve, hour % 12 + 12 * evening, hour), odd


def _offsets(zone: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """``+08:00`` to microseconds, and which are impossible (a day or more)."""
    digits = zone.str.replace_all(r"[^0-9]", "").str.pad_end(4, "0")
    minutes = _whole(digits.str.head(2), 0) * 60 + _whole(digits.str.tail(2), 0)
    sign = np.where((zone.str.head(1) == "-").fill_null(False).to_numpy(), -1, 1)
    return sign * minutes * 60 * SECOND, minutes >= 24 * 60


@lru_cache(maxsize=64)  # a span between columns reads the same cells again
def _text(cell: str, pattern: str) -> tuple[int, int, bool]:
    text = cell.strip(BLANKS)
    match = _WHOLE_RE[pattern].fullmatch(text)
    if match is None:
        return NONE, NONE, text.lower() not in MISSING_WORDS
    part = match.groupdict()
    year = int(part["year"])
    if len(part["year"]) == 2:
        year += 1900 if year >= 69 else 2000
    name = part["month"][:3].lower()
    month = int(name) if name.isdigit() else _MONTH_NUMBERS.get(name, 0)
    hour, minute, second = (int(part[unit] or 0) for unit in ("hour", "minute", "second"))
    if part["half"]:
        if not 1 <= hour <= 12:
            return NONE, NONE, True
        hour = hour % 12 + 12 * (part["half"] in "pP")
    fraction = int(((part["fraction"] or "") + "000000")[:6])
    zone = re.sub("[^0-9]", "", part["zone"] or "").ljust(4, "0")
    minutes = int(zone[:2]) * 60 + int(zone[2:])
    if minutes >= 24 * 60:
        return NONE, NONE, True
    offset = minutes * 60 * SECOND * (-1 if (part["zone"] or "").startswith("-") else 1)
    try:
        clock = datetime(year, month, int(part["day"] or 1), hour, minute, second, fraction)
    except ValueError:
        return NONE, NONE, True
    wall = (clock - _EPOCH) // timedelta(microseconds=1)
    return wall - offset, wall, False


def find_pattern(texts: pl.Series) -> tuple[str, float, bool]:
    """The name of PATTERNS that reads most of these texts, the share it reads, and whether
    another order of day and month reads just as many (the order was a guess then)."""
    filled = texts.filter(~texts.str.strip_chars(BLANKS).str.to_lowercase().is_in(MISSING_WORDS))
    if not len(filled):
        return "year-month-day", 0.0, False
    shares = {name: float(1 - _texts(filled, name).unread.mean()) for name in PATTERNS}
    best = max(shares, key=lambda name: shares[name])
    twin = {"month-day-year": "day-month-year"}.get(best)
    return best, shares[best], twin is not None and shares[twin] == shares[best]


def as_datetime(count: int) -> datetime:
    """The instant in UTC of a count of microseconds since 1970."""
    return (_EPOCH + timedelta(microseconds=int(count))).replace(tzinfo=UTC)

"""Columns of dates and times."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from deeplode.data.column import Column, Kind
from deeplode.data.dates import EPOCHS, DatetimeFormat, find_pattern, instants
from deeplode.data.facts import Facts
from deeplode.messages import Notice

READABLE = 0.95  # share of the filled cells that must be dates

TIME_NAME = re.compile(r"(?i)time|date|epoch|(^|_)(ts|dt|at)$|_at_|时间|日期|时刻")
# Counts since 1970 that fall between these years are believed, when the name speaks of time.
_EARLIEST, _LATEST = 631_152_000, 2_524_608_000  # 1990 and 2050, in seconds
_COMPACT = (19_000_101, 21_001_231)


def recognise(facts: Facts) -> Column | None:
    """Dates; texts nearly all of which read as dates; whole numbers that count time since 1970
    (only where the name speaks of time) or spell dates such as 20240305."""
    if facts.series.dtype in (pl.Date, pl.Datetime):
        return force(facts)
    if facts.is_number:
        unit = _unit(facts)
        return None if unit is None else _column(facts, DatetimeFormat("compact", unit), False)
    if facts.sample is None or not facts.with_digits:
        return None
    if find_pattern(facts.sample)[1] < READABLE / 2:
        return None
    pattern, share, guessed = find_pattern(_of(facts))
    if share < READABLE:
        return None
    if pattern == "compact" and not _spells_dates(_of(facts).cast(pl.Int64, strict=False)):
        return None
    return _column(facts, DatetimeFormat(pattern), guessed)


def force(facts: Facts) -> Column:
    """The column as dates, whatever its cells look like."""
    if facts.texts is not None and len(facts.texts):
        pattern, _, guessed = find_pattern(facts.texts)
        return _column(facts, DatetimeFormat(pattern), guessed)
    unit = (_unit(facts, ask_name=False) or "seconds") if facts.is_number else "seconds"
    return _column(facts, DatetimeFormat("year-month-day", unit), False)


def _of(facts: Facts) -> pl.Series:
    """Every different text, once."""
    assert facts.texts is not None
    return facts.texts.unique(maintain_order=True)


def _column(facts: Facts, form: DatetimeFormat, guessed: bool) -> Column:
    code = "KIND-DATETIME-GUESS" if guessed else "KIND-DATETIME"
    order = form.numbers if facts.is_number else form.texts
    reason = Notice(code, facts.name, {"order": order})
    return Column(facts.name, Kind.DATETIME, reason, facts.share_missing, facts.distinct, form)


def _unit(facts: Facts, ask_name: bool = True) -> str | None:
    """What whole numbers count, when they count time: a name of EPOCHS, or ``compact``."""
    if not facts.whole or facts.low is None or facts.high is None or not facts.filled:
        return None
    if _COMPACT[0] <= facts.low and facts.high <= _COMPACT[1]:
        if (facts.distinct >= 20 or TIME_NAME.search(facts.name)) and _spells_dates(facts.series):
            return "compact"
        return None
    return None if ask_name and not TIME_NAME.search(facts.name) else counted(facts.low, facts.high)


def counted(low: float, high: float) -> str | None:
    """What numbers from ``low`` to ``high`` count if they count time since 1970: a name of EPOCHS;
    None where they lie in no years that are believed."""
    for unit, a_second in zip(EPOCHS, (1, 10**3, 10**6, 10**9), strict=True):
        if _EARLIEST * a_second <= low and high <= _LATEST * a_second:
            return unit
    return None


def _spells_dates(series: pl.Series) -> bool:
    """Whether all of these numbers are dates written as 20240305."""
    read = instants(series, DatetimeFormat("compact", "compact"))
    inside = series.drop_nulls().is_between(*_COMPACT).all()
    return bool(inside) and not np.any(read.unread)

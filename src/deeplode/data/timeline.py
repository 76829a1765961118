"""Timeline: the moments of one or of many series in order, and where they break off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.dates import EPOCHS, NONE, SECOND, DatetimeFormat, find_pattern, instants
from deeplode.data.parse import find_number_format, numbers
from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.errors import DataError, OptionError
from deeplode.messages import Notice

GAP = 10.0  # usual distances between moments beyond which a series breaks off
READABLE = 0.95  # share of the cells that must read as dates for the column to be one of dates
FIRST, SPAN, UNIT = 8.0, 2.0, 3.0  # digits of seconds since 1970: from, how many, to the next unit
ZONED = r"(?:[Zz]|UTC|GMT|[0-9:][+-][0-9]{2}:?[0-9]{2})$"  # texts of dates that name a time zone
ONE = ""  # name of the only series, where no column names them


@dataclass(frozen=True, eq=False)
class Timeline:
    """The rows of a table by series, then by time.

    order: (rows,) int64, positions in the table. series: (rows,) int64, which of ``names`` each of
    the ordered rows belongs to. times: (rows,) float64, seconds where ``dates``, else the column's
    own unit. step: the usual distance between neighbours, 0 where there are none. begins: (rows,)
    bool, where a series begins or goes on after more than GAP steps.
    """

    order: NDArray[np.int64]
    series: NDArray[np.int64]
    names: tuple[str, ...]
    times: NDArray[np.float64]
    dates: bool
    step: float
    begins: NDArray[np.bool_]
    notices: tuple[Notice, ...] = ()

    @property
    def starts(self) -> NDArray[np.int64]:
        """(rows,) int64: of each ordered row, the first of the unbroken stretch that it is in."""
        places = np.where(self.begins, np.arange(len(self.begins)), 0)
        return np.asarray(np.maximum.accumulate(places), np.int64)

    @property
    def heads(self) -> NDArray[np.int64]:
        """(series,) int64: the first ordered row of each series."""
        return np.asarray(np.searchsorted(self.series, np.arange(len(self.names))), np.int64)


def timeline(table: Table, timestamp: str, group: str | None = None) -> Timeline:
    """Put the moments of a table in order. Rows of one moment keep the order of the table.

    timestamp: column of dates or numbers. group: column that names the series; an empty cell is
    a name, too. Raises DataError for a column that is absent, and for a cell that is no moment.
    """
    for role, name in (("timestamp", timestamp), ("group", group)):
        if name is not None and name not in table.names:
            values = {"role": role, "column": name, "source": table.source}
            raise DataError("E-DATA-045", **values, closest=closest(name, table.names))
    times, dates, mixed = times_of(table, timestamp)
    names, which = _series(table, group)
    order = np.lexsort((times, which))  # stable
    series, ordered = which[order], times[order]
    same = series[1:] == series[:-1]
    apart = np.diff(ordered)
    later = apart[same & (apart > 0)]
    step = float(np.median(later)) if len(later) else 0.0
    gaps = same & (apart > GAP * step)
    begins = np.concatenate([np.ones(min(1, len(order)), bool), ~same | gaps])
    notices = _notices(
        timestamp,
        backwards=_backwards(which, times),
        twice=int((same & (apart == 0)).sum()),
        gaps=int(gaps.sum()),
        mixed=mixed,
    )
    return Timeline(order, series, names, ordered, dates, step, begins, notices)


def _backwards(which: NDArray[np.int64], times: NDArray[np.float64]) -> int:
    """How often a row of a series is earlier than the row of it before, as the table has them."""
    rows = np.argsort(which, kind="stable")
    return int(((np.diff(times[rows]) < 0) & (which[rows][1:] == which[rows][:-1])).sum())


def _notices(timestamp: str, **counts: int) -> tuple[Notice, ...]:
    codes = {"backwards": "W-SERIES-001", "twice": "W-SERIES-002", "gaps": "W-SERIES-003"}
    codes["mixed"] = "W-SERIES-004"
    return tuple(
        Notice(codes[what], timestamp, {"count": count}) for what, count in counts.items() if count
    )


def times_of(table: Table, name: str) -> tuple[NDArray[np.float64], bool, int]:
    """As ``moments``. Raises DataError for a cell that is no moment, and where some numbers count
    seconds since 1970 and others milliseconds."""
    times, dates, mixed = moments(table, name)
    _all_there(table, name, times)
    if not dates:
        _of_one_unit(table, name, times)
    return times, dates, mixed


def moments(table: Table, name: str) -> tuple[NDArray[np.float64], bool, int]:
    """(rows,) of each row, NaN where a cell is no moment; whether they are seconds of dates; and
    how many name a time zone where others do not. Raises DataError for a column of another type."""
    cells = table.frame[name]
    if cells.dtype == pl.Boolean or cells.dtype.is_nested() or cells.dtype == pl.Binary:
        raise DataError("E-DATA-100", source=table.source, column=name, row=0, value=cells[0])
    if cells.dtype.is_numeric():
        return cells.cast(pl.Float64).to_numpy(), False, 0
    if not cells.dtype.is_temporal():
        texts = cells.cast(pl.String)
        pattern, share, _ = find_pattern(texts.drop_nulls().unique())
        if share < READABLE:
            values, _ = numbers(texts, find_number_format(texts))
            return values, False, 0
        zoned = texts.str.contains(ZONED)
        mixed = int(zoned.sum()) if 0 < zoned.sum() < len(zoned) else 0
        counts = instants(texts, DatetimeFormat(pattern)).utc
    else:
        mixed, counts = 0, instants(cells, DatetimeFormat()).utc
    return np.where(counts == NONE, np.nan, counts / SECOND), True, mixed


def moment_names(moments: pl.Series, cells: pl.Series) -> pl.Series:
    """Moments as texts: dates in UTC to the second, or numbers. cells: other moments of the column;
    where they name a time zone these do, too, and where they are counted whole so are these."""
    if not moments.dtype.is_temporal():
        whole = (moments == moments.round()) & (moments.abs() < 2**53)
        return moments.cast(pl.Int64 if whole.all() else pl.Float64).cast(pl.String)
    zone = cells.dtype.time_zone if isinstance(cells.dtype, pl.Datetime) else None
    if cells.dtype == pl.String and cells.str.contains(ZONED).any():
        zone = "UTC"
    seconds = moments.dt.round("1s")
    if zone is None:
        return seconds.dt.to_string("%Y-%m-%d %H:%M:%S")
    zoned = seconds.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    return zoned.dt.to_string("%Y-%m-%d %H:%M:%S%:z")


def _all_there(table: Table, name: str, times: NDArray[np.float64]) -> None:
    bad = ~np.isfinite(times)
    if bad.any():
        row = int(np.argmax(bad))
        value = table.frame[name][row]
        where = {"source": table.source, "column": name, "row": row}
        raise DataError("E-DATA-100", **where, value="" if value is None else value)


def _of_one_unit(table: Table, name: str, times: NDArray[np.float64]) -> None:
    """Seconds, milliseconds, … of the years 1973 to 2286 lie apart: numbers of which some are in
    one of these spans, the others in another, and none between, are of two units."""
    digits = np.log10(np.abs(times), where=times != 0, out=np.full(len(times), FIRST))
    unit, within = np.divmod(digits - FIRST, UNIT)
    own, count = np.unique(unit, return_counts=True)
    spans = len(own) > 1 and own[0] >= 0 and own[-1] < len(EPOCHS)
    if not spans or (within >= SPAN).any():
        return
    rare = own[np.argmin(count)]
    row, other = int(np.argmax(unit == rare)), int(np.argmax(unit != rare))
    raise DataError("E-DATA-103", source=table.source, column=name, row=row, rows=len(times),
                    count=int(count.min()), value=table.frame[name][row],
                    other=table.frame[name][other])  # fmt: skip


def _series(table: Table, group: str | None) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names of the series, sorted so that the order of rows is no matter, and (rows,) the place of
    each row's."""
    if group is None:
        return (ONE,), np.zeros(len(table), np.int64)
    cells = table.frame[group].cast(pl.String, strict=False).fill_null(ONE)
    names = cells.unique().sort()
    places = pl.Series(range(len(names)), dtype=pl.Int64)
    which = cells.replace_strict(names, places).to_numpy()
    return tuple(names.to_list()), which


def moment(text: str, table: Table, timestamp: str) -> float:
    """What a user writes as a time, as the column's own moments: seconds, or a number.

    Raises OptionError for what is none, or of another sort than the column.
    """
    _, dates, _ = times_of(table, timestamp)
    one = Table.of(pl.DataFrame({timestamp: [text]}))
    try:
        found, dated, _ = times_of(one, timestamp)
    except DataError:
        found, dated = np.zeros(0), dates
    if not len(found) or dated != dates:
        like = table.frame[timestamp].drop_nulls()
        example = str(like[0]) if len(like) else "2024-01-31"
        raise OptionError("E-OPT-005", option="clean_until", value=text, like=example)
    return float(found[0])

"""Instants out of cells."""

from datetime import date, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplode.data.dates import (
    NONE,
    PATTERNS,
    DatetimeFormat,
    as_datetime,
    find_pattern,
    instant,
    instants,
)

WRITTEN = [
    ("2024-03-05", "year-month-day", "2024-03-05 00:00:00"),
    ("2024/3/5 10:20", "year-month-day", "2024-03-05 10:20:00"),
    ("2024年3月5日", "year-month-day", "2024-03-05 00:00:00"),
    ("2024年3月5日 10时20分30秒", "year-month-day", "2024-03-05 10:20:30"),
    ("2024-03", "year-month-day", "2024-03-01 00:00:00"),
    ("2024-03-05T10:20:30.123456+08:00", "year-month-day", "2024-03-05 02:20:30.123456"),
    ("2024-03-05 10:00 -0330", "year-month-day", "2024-03-05 13:30:00"),
    ("3/5/2024", "month-day-year", "2024-03-05 00:00:00"),
    ("3/5/2024 1:02 PM", "day-month-year", "2024-05-03 13:02:00"),
    ("3.5.69 12:00 am", "day-month-year", "1969-05-03 00:00:00"),
    ("Tue, 05 Mar 2024 10:00:00 GMT", "day-name-year", "2024-03-05 10:00:00"),
    ("March 5th, 2024", "name-day-year", "2024-03-05 00:00:00"),
    ("20240305T102030", "compact", "2024-03-05 10:20:30"),
]


@pytest.mark.parametrize(("text", "pattern", "expected"), WRITTEN)
def test_dates_are_read_as_they_are_commonly_written(text, pattern, expected):
    utc, _, unread = instant(text, DatetimeFormat(pattern))
    assert str(as_datetime(utc).replace(tzinfo=None)) == expected
    assert not unread


@pytest.mark.parametrize(
    "text", ["2024-02-30", "2023-02-29", "2024-13-01", "0000-01-01", "2024-03-05 25:00", "soon"]
)
def test_dates_that_no_calendar_has_are_unread(text):
    assert instant(text, DatetimeFormat()) == (NONE, NONE, True)


def test_the_wall_clock_keeps_the_hour_where_it_was_written():
    utc, wall, _ = instant("2024-03-05T23:00:00+08:00", DatetimeFormat())
    assert as_datetime(wall).hour == 23
    assert as_datetime(utc).hour == 15


@pytest.mark.parametrize(
    ("texts", "pattern", "guessed"),
    [
        (["13/05/2024", "01/02/2024"], "day-month-year", False),
        (["05/13/2024", "01/02/2024"], "month-day-year", False),
        (["05/06/2024", "01/02/2024"], "month-day-year", True),
        (["2024-05-06", "2024-01-02"], "year-month-day", False),
    ],
)
def test_the_data_decide_between_day_first_and_month_first(texts, pattern, guessed):
    assert find_pattern(pl.Series(texts)) == (pattern, 1.0, guessed)


CELLS = st.one_of(
    st.sampled_from([text for text, _, _ in WRITTEN]),
    st.text(alphabet="0123456789-/.: TZ年月日+PM", max_size=20),
    st.datetimes().map(str),
    st.dates().map(lambda day: day.strftime("%d/%m/%y")),
    st.dates().map(lambda day: f"{day.month}/{day.day}/{day.year:04}"),
    st.none(),
)


@given(st.lists(CELLS, max_size=6), st.sampled_from(list(PATTERNS)))
def test_a_column_and_its_single_cells_read_alike(cells, pattern):
    form = DatetimeFormat(pattern)
    read = instants(pl.Series(cells, dtype=pl.String), form)
    alone = [instant(cell, form) for cell in cells]
    assert list(zip(read.utc, read.wall, read.unread, strict=True)) == alone


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-(10**18), 10**18).map(float))))
def test_counts_since_1970_read_alike_in_columns_and_cells(cells):
    for unit in ("seconds", "milliseconds", "nanoseconds", "compact"):
        form = DatetimeFormat("compact", unit)
        read = instants(pl.Series(cells, dtype=pl.Float64), form)
        alone = [instant(cell, form) for cell in cells]
        assert list(zip(read.utc, read.wall, read.unread, strict=True)) == alone


@pytest.mark.parametrize(
    "cells",
    [
        [date(2024, 3, 5), None, date(1, 1, 1), date(9999, 12, 31)],
        [datetime(2024, 3, 5, 1, 2, 3, 4), None],
        [datetime(2024, 3, 5, 1, tzinfo=timezone(timedelta(hours=8))), None],
    ],
    ids=["dates", "datetimes", "zoned"],
)
def test_typed_instants_read_alike_in_columns_and_cells(cells):
    series = pl.Series(cells)
    read = instants(series, DatetimeFormat())
    alone = [instant(cell, DatetimeFormat()) for cell in series.to_list()]
    assert list(zip(read.utc, read.wall, read.unread, strict=True)) == alone


def test_time_zones_are_told_apart_by_the_instant_and_kept_by_the_wall_clock():
    new_york = pl.Series([datetime(2024, 7, 1, 12)]).dt.replace_time_zone("America/New_York")
    read = instants(new_york, DatetimeFormat())
    assert as_datetime(read.utc[0]).hour == 16
    assert as_datetime(read.wall[0]).hour == 12


def test_instants_beyond_the_calendar_are_unread():
    far = pl.Series([2**62], dtype=pl.Int64).cast(pl.Datetime("us"))
    read = instants(far, DatetimeFormat())
    assert read.unread.all()
    assert np.all(read.utc == NONE)
    assert instant(np.datetime64(2**62, "us"), DatetimeFormat()) == (NONE, NONE, True)

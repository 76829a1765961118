"""Moments in order, series by series, whatever the table looks like."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from deeplode.data.table import Table
from deeplode.data.timeline import timeline
from deeplode.errors import DataError


def of(times: object, names: list[object] | None = None) -> Table:
    columns = {"t": times} if names is None else {"t": times, "machine": names}
    return Table.of(pl.DataFrame(columns, strict=False), "log.csv")


def test_moments_come_by_series_then_time_and_rows_of_one_moment_keep_their_order():
    found = timeline(of([3, 1, 2, 2, 1], ["b", "b", "a", "a", "b"]), "t", "machine")
    assert found.names == ("a", "b")
    assert found.order.tolist() == [2, 3, 1, 4, 0]
    assert found.series.tolist() == [0, 0, 1, 1, 1]
    assert found.heads.tolist() == [0, 2]
    assert {notice.code for notice in found.notices} == {"W-SERIES-001", "W-SERIES-002"}


def test_a_series_breaks_off_where_a_gap_is_far_longer_than_the_usual_step():
    found = timeline(of([0, 1, 2, 3, 30, 31, 32]), "t")
    assert found.step == 1
    assert found.begins.tolist() == [True, False, False, False, True, False, False]
    assert found.starts.tolist() == [0, 0, 0, 0, 4, 4, 4]
    assert [notice.code for notice in found.notices] == ["W-SERIES-003"]


def test_dates_texts_with_zones_and_numbers_are_all_moments():
    texts = ["2024-01-01T02:00:00+02:00", "2024-01-01T00:00:01Z", "2024-01-01 00:00:02"]
    found = timeline(of(texts), "t")
    assert np.diff(found.times).tolist() == [1, 1]
    assert found.dates
    assert [notice.code for notice in found.notices] == ["W-SERIES-004"]
    dates = pl.Series([10, 20, 30]).cast(pl.Datetime("us"))
    assert np.diff(timeline(of(dates), "t").times) == pytest.approx([1e-5, 1e-5])
    assert not timeline(of(["10", "11", "9"]), "t").dates
    assert timeline(of(["10", "11", "9"]), "t").times.tolist() == [9, 10, 11]


@pytest.mark.parametrize("cell", [None, "", "soon"])
def test_a_cell_that_is_no_moment_is_named_with_its_row(cell: str | None) -> None:
    texts = [*(f"2024-01-01 00:00:{n:02}" for n in range(40)), cell]
    with pytest.raises(DataError) as error:
        timeline(of(texts), "t")
    assert (error.value.code, error.value.values["row"]) == ("E-DATA-100", 40)


def test_one_moment_and_no_moment_at_all_make_a_timeline():
    assert timeline(of([5]), "t").step == 0
    assert len(timeline(of(pl.Series([], dtype=pl.Float64)), "t").order) == 0

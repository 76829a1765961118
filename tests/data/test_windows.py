"""Windows of long tables, whatever order their rows are in."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from deeplode.data.column import Column
from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table
from deeplode.data.windows import Windows, free_names, is_irregular
from deeplode.errors import DataError

RNG = np.random.default_rng(0)


def channels(table: Table) -> tuple[Column, ...]:
    group = "m" if "m" in table.names else None
    return infer(table, Roles(timestamp="t", group=group)).features


def windows(table: Table, length: int, **how: Any) -> Windows:
    own = {"whole": False, "steps": None, "group": "m"} | how
    return Windows("t", column="series", channels=channels(table), length=length,
                   elapsed="before", **own)  # fmt: skip


def machines() -> Table:
    """Three machines' moments in no order; b has a gap after its fourth."""
    times = {"a": range(12), "b": [0, 1, 2, 3, 50, 51], "c": [5]}
    rows = [(m, t) for m, own in times.items() for t in own]
    frame = pl.DataFrame(rows, schema=["m", "t"], orient="row")
    frame = frame.with_columns(x=RNG.normal(size=len(rows)), y=RNG.normal(size=len(rows)))
    return Table.of(frame[RNG.permutation(len(rows))])


def test_a_window_holds_the_last_moments_of_its_own_series_up_to_a_gap():
    table = machines()
    laid = windows(table, 3).lay(table)
    made = laid.at(np.array([4, 0, 9]))
    assert made.names == ["m", "t", "series", "before"]
    for row, cell, before in zip(
        made.frame["t"], made.frame["series"], made.frame["before"], strict=True
    ):
        m = made.frame.filter(t=row)["m"][0]
        own = table.frame.filter(m=m).sort("t").filter(pl.col("t") <= row)
        kept = own.filter(pl.col("t") >= 50) if m == "b" and row >= 50 else own
        for name in ("x", "y"):
            expected = [np.nan] * 3 + kept[name].cast(pl.Float32).to_list()
            np.testing.assert_array_equal(np.array(cell[name]), np.array(expected[-3:], np.float32))
        assert before == len(own) - 1


def test_all_rows_of_a_shuffled_table_get_the_windows_that_they_get_in_order():
    table = machines()
    order = table.frame.select(pl.struct("m", "t").arg_sort()).to_series().to_numpy()
    one, two = (windows(table, 4).lay(own) for own in (table, table.rows(order)))
    assert one.at(order).frame.equals(two.at(two.rows).frame)


def test_whole_series_get_one_row_each_named_by_its_group():
    table = machines()
    laid = windows(table, 12, whole=True).lay(table)
    assert laid.ids.to_list() == table.frame["m"].unique(maintain_order=True).to_list()
    found = dict(zip(laid.ids, laid.at(laid.rows).frame["series"].struct.field("x"), strict=True))
    assert np.isfinite(found["b"].to_numpy()).sum() == 6  # over the gap
    assert np.isfinite(found["c"].to_numpy()).sum() == 1


def test_moments_at_odd_distances_have_the_distance_as_a_channel():
    times = np.cumsum(RNG.exponential(size=50))
    table = Table.of(pl.DataFrame({"t": times, "x": RNG.normal(size=50)}))
    made = Windows("t", None, "series", channels(table), 3, False, "n", "step")
    laid = made.lay(table)
    assert is_irregular(laid.line)
    cell = laid.at(np.array([10])).frame["series"].struct.field("step")[0]
    np.testing.assert_allclose(cell, np.diff(times[7:11]), rtol=1e-6)


def test_truths_and_numbers_in_words_are_channels_and_an_absent_column_is_named():
    frame = pl.DataFrame({"t": [1, 2, 3, 4], "m": [1] * 4, "x": ["1,5", "2,5", "", "4,0"],
                          "on": ["yes", "no", "yes", "no"]})  # fmt: skip
    table = Table.of(frame)
    columns = infer(table, Roles(timestamp="t", group="m"), {"x": "number"}).features
    made = Windows("t", "m", "series", columns, 2, False, "n", None)
    cell = made.lay(table).at(np.array([3])).frame["series"][0]
    assert list(cell["on"]) == [1, 0]
    assert np.isnan(cell["x"][0])
    assert cell["x"][1] == 4
    with pytest.raises(DataError) as error:
        made.lay(table.without(("x",)))
    assert (error.value.code, error.value.values["column"]) == ("E-DATA-060", "x")


def test_windows_survive_their_json_and_names_of_ours_never_hide_a_column():
    table = machines()
    made = windows(table, 3)
    facts = json.loads(json.dumps(made.to_json()))
    assert Windows.from_json(facts) == made
    for change in ({"length": 0}, {"channels": []}, {"whole": 1}, {"timestamp": None}):
        with pytest.raises((ValueError, TypeError)):
            Windows.from_json({**facts, **change})
    assert free_names(["series"])["column"] == "series_"

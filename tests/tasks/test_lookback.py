"""When rows are moments of series, how far they look back, and what is said of odd ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from deeplode.data.column import Kind
from deeplode.data.schema import Roles
from deeplode.data.table import Table
from deeplode.errors import DeeplodeError
from deeplode.tasks.lookback import lookback
from deeplode.tasks.prepare import Plan
from deeplode.tasks.prepared import Prepared, prepared

RNG = np.random.default_rng(0)
BOTH = Roles("y", timestamp="t", group="m")


def moments(machines: int = 8, size: int = 12, **more: Any) -> Table:
    """Machines' moments with a number that changes, one that does not, and words."""
    rows = machines * size
    which = np.repeat(np.arange(machines), size)
    frame = pl.DataFrame(
        {
            "m": [f"m{one}" for one in which],
            "t": np.tile(np.arange(size), machines),
            "x": RNG.normal(size=rows),
            "age": 1.0 * which**2,
            "state": RNG.choice(["on", "off", "idle"], rows),
            "y": RNG.normal(size=rows),
        }
    )
    return Table.of(frame.with_columns(**more))


def made(table: Table, window: int | str | None = None, **how: Any) -> Prepared:
    return prepared(table, Plan(how.pop("roles", BOTH), **how), None, window)


def codes(found: Prepared) -> list[str]:
    return [notice.code for notice in found.notices]


def test_rows_look_back_where_both_roles_are_named_and_not_otherwise() -> None:
    table = moments()
    for roles in (Roles("y", timestamp="t"), Roles("y", group="m"), Roles("y")):
        assert lookback(table, Plan(roles), None) is None
    assert lookback(table, Plan(BOTH), 1) is None
    found = made(table)
    windows = found.lesson.schema.windows
    assert windows is not None
    assert (windows.length, windows.whole, windows.names) == (6, False, ("x",))
    kinds = {column.name: column.kind for column in found.lesson.schema.features}
    assert kinds == {"series": Kind.SERIES, "moments before": Kind.NUMBER,
                     "age": Kind.NUMBER, "state": Kind.CATEGORY}  # fmt: skip
    assert "W-SERIES-005" in codes(found)
    assert found.how == "group"
    assert not set(found.test.frame["m"]) & set(found.lesson.table.frame["m"])


def test_one_target_a_group_makes_each_group_one_row_named_by_it() -> None:
    label = pl.col("m").str.slice(1).cast(pl.Int64).mod(2).replace_strict({0: "good", 1: "bad"})
    found = made(moments(20, y=label))
    assert "W-SERIES-008" in codes(found)
    assert (len(found.lesson.table), len(found.test)) == (16, 4)
    assert found.how == "random"
    assert set(found.test.ids) <= {f"m{one}" for one in range(20)}
    windows = found.lesson.schema.windows
    assert windows is not None
    assert (windows.length, windows.whole) == (12, True)


def test_a_target_that_is_missing_at_the_last_moment_is_that_of_the_moments_before() -> None:
    label = pl.when(pl.col("t") < 11).then(pl.col("m").str.slice(1).cast(pl.Int64) % 2)
    assert len(made(moments(20, y=label), "all").lesson.table) == 16


def test_one_machine_is_split_by_time_and_looks_back_into_the_training_part() -> None:
    found = made(moments(1, 60), 5, roles=Roles("y", timestamp="t"))
    assert found.how == "time"
    assert found.test.frame["t"].min() == 48
    first = found.test.frame["series"].struct.field("x")[0]
    assert np.isfinite(first.to_numpy()).all()


@pytest.mark.parametrize(
    ("code", "window", "how"),
    [
        ("E-OPT-180", 5, {"roles": Roles("y", group="m")}),
        ("E-OPT-181", "all", {"roles": Roles("y", timestamp="t")}),
        ("E-OPT-182", 5, {"how": "random"}),
        ("E-DATA-101", 13, {}),
        ("E-DATA-102", "all", {}),
    ],
)
def test_a_window_that_cannot_be_is_refused(code: str, window: Any, how: Any) -> None:
    with pytest.raises(DeeplodeError) as error:
        made(moments(), window, **how)
    assert error.value.code == code


def test_a_channel_that_dies_half_way_and_clocks_that_go_back_are_told() -> None:
    dead = pl.when(pl.col("t") < 15).then(pl.col("x"))
    still = pl.when(pl.col("t") < 1).then(pl.col("x")).otherwise(7.0)  # never moved
    table = moments(4, 40, x2=dead, x3=dead.fill_null(7.0), x4=still)
    table = table.rows(RNG.permutation(len(table)))
    found = made(table)
    assert [(one.code, one.column) for one in found.notices if one.code == "W-SERIES-007"] == [
        ("W-SERIES-007", "x2"),
        ("W-SERIES-007", "x3"),
    ]
    assert "W-SERIES-001" in codes(found)


def test_windows_that_do_not_fit_in_memory_are_made_for_every_so_manieth_moment() -> None:
    table = moments(8, 40)
    look = lookback(table, Plan(BOTH), 10, 300_000)
    assert look is not None
    rows = look.rows(table)
    assert look.every > 1
    assert rows.frame.group_by("m").agg(pl.col("t").max())["t"].to_list() == [39] * 8
    assert len(rows) <= -(-len(table) // look.every) + 8


def test_a_column_that_is_the_target_under_another_name_is_no_channel() -> None:
    found = made(moments(8, 40, copy=pl.col("y") * 2))
    windows = found.lesson.schema.windows
    assert windows is not None
    assert windows.names == ("x",)
    assert "W-AUDIT-001" in codes(found)


def test_series_without_numbers_leave_rows_independent() -> None:
    table = moments().without(("x", "age"))
    found = made(table)
    assert found.lesson.schema.windows is None
    assert found.lesson.table.names == table.names

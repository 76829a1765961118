"""Interactions: read from any order of rows, cleaned as told, and nothing lost in silence."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from deeplode.data.interactions import (
    InteractionColumns,
    Interactions,
    core,
    interactions,
    least_liked,
    repeated,
)
from deeplode.data.table import Table
from deeplode.errors import DataError

PLAIN = InteractionColumns("user", "item")
ALL = InteractionColumns("user", "item", "rating", "time")


def read(
    rows: list[tuple[Any, ...]], columns: InteractionColumns = PLAIN, most_bad: float = 0.5
) -> Interactions:
    names = ["user", "item", "rating", "time"][: len(rows[0])]
    frame = pl.DataFrame(rows, schema=names, orient="row", strict=False)
    return interactions(Table.of(frame, "bought.csv"), columns, most_bad)


def told(made: Interactions) -> list[tuple[Any, Any]]:
    """Who had what, as the rows stand."""
    return [
        (made.users[int(u)], made.items[int(i)]) for u, i in zip(made.user, made.item, strict=True)
    ]


def at(error: DataError) -> tuple[Any, Any]:
    """Row and column that an error names."""
    return error.as_json()["row"], error.as_json()["column"]


def test_they_stand_by_time_then_user_then_item_whatever_the_order_of_rows() -> None:
    rows = [("b", 2, 5, 30), ("a", 9, 4, 10), ("a", 1, 3, 30), ("b", 1, 2, 10)]
    made = read(rows, ALL)
    assert told(made) == [("a", 9), ("b", 1), ("a", 1), ("b", 2)]
    assert made.row.tolist() == [1, 3, 2, 0]
    mixed = read([rows[at] for at in (2, 0, 3, 1)], ALL)
    assert told(mixed) == told(made)
    assert mixed.rating is not None
    assert made.rating is not None
    assert mixed.rating.tolist() == made.rating.tolist() == [4, 2, 3, 5]


def test_rows_without_user_or_item_or_rating_are_left_out_and_told() -> None:
    rows = [("a", 1, 5), (None, 2, 5), ("b", None, 4), ("c", 3, None), ("", 3, 3), ("d", 4, 1)]
    made = read(rows, InteractionColumns("user", "item", "rating"), most_bad=0.7)
    assert told(made) == [("a", 1), ("d", 4)]
    (notice,) = made.notices
    assert (notice.code, notice.values["count"]) == ("W-REC-001", 4)


def test_too_many_lacking_rows_are_an_error_that_shows_the_first() -> None:
    with pytest.raises(DataError) as error:
        read([("a", 1), ("b", None), (None, 2)], most_bad=0.05)
    assert error.value.code == "E-DATA-200"
    assert at(error.value) == (1, "item")
    rated = [("a", 1, "5"), ("b", 2, "great"), ("c", 3, "4")]
    with pytest.raises(DataError) as error:
        read(rated, InteractionColumns("user", "item", "rating"), most_bad=0.05)
    assert at(error.value) == (1, "rating")
    assert "'great'" in error.value.message()


@pytest.mark.parametrize("role", ["user", "item", "rating", "time"])
def test_an_absent_column_is_named_with_its_role_and_one_like_it(role: str) -> None:
    frame = pl.DataFrame({"user": [1], "item": [2], "rating": [3], "time": [4]})
    table = Table.of(frame.rename({role: f"{role}s"}), "bought.csv")
    with pytest.raises(DataError) as error:
        interactions(table, ALL, 0.0)
    assert error.value.code == "E-DATA-045"
    assert f"'{role}s'" in error.value.hint()


def test_moments_may_be_seconds_milliseconds_dates_or_texts_and_order_alike() -> None:
    seconds = [1_700_000_300, 1_700_000_000, 1_700_000_600]
    written = ["2023-11-14 22:18:20", "2023-11-14 22:13:20", "2023-11-14 22:23:20"]
    dates = pl.Series(written).str.to_datetime()
    for times in (seconds, [1_000 * one for one in seconds], written, dates):
        frame = pl.DataFrame({"user": ["a", "a", "b"], "item": [1, 2, 3], "time": times})
        columns = InteractionColumns("user", "item", None, "time")
        made = interactions(Table.of(frame), columns, 0.0)
        assert made.row.tolist() == [1, 0, 2]
        assert made.dated == (frame["time"].dtype != pl.Int64)


def test_a_moment_that_is_none_is_an_error_with_its_row() -> None:
    columns = InteractionColumns("user", "item", None, "time")
    times = [f"2024-01-{day:02}" for day in range(1, 29)]
    times[7] = "soon"
    frame = pl.DataFrame({"user": ["a"] * 28, "item": range(28), "time": times})
    with pytest.raises(DataError) as error:
        interactions(Table.of(frame), columns, 0.5)
    assert (error.value.code, at(error.value)) == ("E-DATA-100", (7, "time"))


def test_the_row_of_a_moment_that_is_none_is_that_of_the_table_where_others_are_left_out() -> None:
    rows = [(None, 1, 5, 10), ("a", 2, 5, 20), ("b", 3, 5, None)]
    with pytest.raises(DataError) as error:
        read(rows, ALL)
    assert (error.value.code, at(error.value)) == ("E-DATA-100", (2, "time"))


@pytest.mark.parametrize("factor", [1_000, 1_000_000, 1_000_000_000])
@pytest.mark.parametrize("text", [False, True])
def test_moments_of_which_some_count_seconds_and_others_less_are_refused_with_a_row(
    factor: int, text: bool
) -> None:
    times = [880_000_000 + 1_000 * at for at in range(9)]
    times[5] *= factor
    cells = [str(one) for one in times] if text else times
    with pytest.raises(DataError) as error:
        read([("a", at, 5, cell) for at, cell in enumerate(cells)], ALL)
    assert (error.value.code, at(error.value)) == ("E-DATA-103", (5, "time"))
    assert repr(cells[5]) in error.value.message()


def test_numbers_that_merely_grow_large_are_taken_for_moments_of_one_unit() -> None:
    times = [0, 5, 10**6, 10**9, 3 * 10**10, 10**12]
    assert len(read([("a", at, 5, time) for at, time in enumerate(times)], ALL)) == 6


def test_in_order_means_by_time_and_without_times_as_the_rows_stand() -> None:
    rows = [("b", 2, 5, 30), ("a", 9, 4, 10), ("a", 1, 3, 20)]
    assert told(read(rows, ALL).in_order()) == [("a", 9), ("a", 1), ("b", 2)]
    untimed = read([row[:2] for row in rows])
    assert told(untimed) == [("a", 1), ("a", 9), ("b", 2)]
    assert told(untimed.in_order()) == [("b", 2), ("a", 9), ("a", 1)]


def test_moments_of_which_some_name_a_time_zone_are_told_of() -> None:
    times = ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00", "2024-01-03T00:00:00"]
    frame = pl.DataFrame({"user": ["a"] * 3, "item": [1, 2, 3], "time": times})
    made = interactions(Table.of(frame), InteractionColumns("user", "item", None, "time"), 0.0)
    assert [one.code for one in made.notices] == ["W-SERIES-004"]


def test_of_repeated_interactions_the_last_stays_or_their_sum_or_all() -> None:
    rows = [("a", 1, 5, 10), ("a", 2, 3, 20), ("a", 1, 2, 30), ("b", 1, 4, 40)]
    made = read(rows, ALL)
    last, gone = repeated(made, "last")
    assert gone == 1
    assert told(last) == [("a", 2), ("a", 1), ("b", 1)]
    assert last.rating is not None
    assert last.rating.tolist() == [3, 2, 4]
    summed, _ = repeated(made, "sum")
    assert summed.rating is not None
    assert summed.rating.tolist() == [3, 7, 4]
    kept, gone = repeated(made, "keep")
    assert (len(kept), gone) == (4, 0)


def test_ratings_are_a_scale_when_many_lie_above_its_middle_and_amounts_otherwise() -> None:
    assert least_liked(np.array([1.0, 2, 3, 4, 5, 5, 4])) == 3
    plays = np.array([1.0] * 90 + [2, 3, 5, 8, 400])
    assert least_liked(plays) is None
    made = read([("a", 1, 0, 1), ("a", 2, 7, 2), ("b", 3, -1, 3)], ALL)
    assert made.liked(None).tolist() == [False, True, False]
    assert made.liked(7.0).tolist() == [False, True, False]
    assert read([("a", 1)]).liked(3.0).all()


def test_where_all_ratings_are_equal_everything_was_liked() -> None:
    made = read([("a", 1, 1, 1), ("b", 2, 1, 1)], ALL)
    assert made.rating is not None
    assert made.liked(least_liked(made.rating)).all()


def test_the_core_holds_users_and_items_with_enough_until_all_have() -> None:
    rows = [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("c", 2), ("c", 3), ("d", 3)]
    found = core(read(rows), 2)  # d goes, then item 3, then c
    assert told(found) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    used = found.used()
    assert (used.users.to_list(), used.items.to_list()) == (["a", "b"], [1, 2])
    assert len(core(read(rows), 3)) == 0


def test_a_rating_far_outside_of_the_others_is_shown() -> None:
    chance = np.random.default_rng(0)
    rows = [(int(at), int(at % 7), int(chance.integers(1, 6)), 0) for at in range(400)]
    assert not read(rows, ALL).notices
    rows[17] = (17, 3, 99, 0)
    (notice,) = read(rows, ALL).notices
    assert notice.code == "W-REC-002"
    assert (notice.values["row"], notice.values["value"]) == (17, 99)

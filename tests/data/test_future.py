"""What nobody could have known at a row's own moment is refused before anything is learned."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from deeplode.data.future import refuse_future
from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.messages import Notice

ROWS = 400
START = datetime(2024, 1, 1)
CHANCE = np.random.default_rng(0)


def claims(days: float = 3.0, late: float = 1.0, hours: int = 7) -> pl.DataFrame:
    """Claims, and when each was settled: so many days later, in such a share of the rows."""
    reported = [START + timedelta(hours=hours * row) for row in range(ROWS)]
    chance = np.random.default_rng(1)
    away = np.where(chance.random(ROWS) < late, days, -days)
    settled = [one + timedelta(days=float(d)) for one, d in zip(reported, away, strict=True)]
    amount = chance.normal(size=ROWS)
    return pl.DataFrame({"reported": reported, "settled": settled, "amount": amount})


def asked(
    frame: pl.DataFrame, target: np.ndarray, group: str | None = None, keep: tuple[str, ...] = ()
) -> tuple[Notice, ...]:
    """Look at all columns of a frame that is asked for a target; its first one says when."""
    table = Table.of(frame)
    roles = Roles(timestamp=frame.columns[0], group=group)
    return refuse_future(table, infer(table, roles).features, roles, target, keep)


def refused(frame: pl.DataFrame, target: np.ndarray, group: str | None = None) -> DataError:
    with pytest.raises(DataError) as error:
        asked(frame, target, group)
    return error.value


TRUTH = np.arange(ROWS) % 2


def test_dates_after_the_rows_own_moments_are_refused_with_row_share_and_what_to_do() -> None:
    error = refused(claims(late=0.5), TRUTH)
    assert error.code == "E-DATA-122"
    assert error.values["column"] == "settled"
    frame = claims(late=0.5)
    later = frame["settled"] > frame["reported"]
    assert error.values["count"] == later.sum()
    assert error.values["row"] == later.arg_max()
    assert "--drop settled" in error.hint()
    assert "--kinds settled=datetime" in error.hint()


def test_dates_written_as_text_are_read_before_they_are_compared() -> None:
    frame = claims().with_columns(
        pl.col("reported").dt.to_string("%d.%m.%Y %H:%M"),
        pl.col("settled").dt.to_string("%Y-%m-%d"),
    )
    assert refused(frame, TRUTH).code == "E-DATA-122"


def test_a_few_later_dates_are_told_and_dates_in_the_past_are_nothing_to_tell() -> None:
    (notice,) = asked(claims(late=0.02), TRUTH)
    assert notice.code == "W-AUDIT-008"
    assert notice.column == "settled"
    assert notice.message()
    assert asked(claims(late=0.0), TRUTH) == ()


def test_a_column_that_the_user_gave_a_kind_may_lie_in_the_future_as_due_dates_do() -> None:
    assert asked(claims(), TRUTH, keep=("settled",)) == ()


@pytest.mark.parametrize(("truncate", "hours", "days"), [("1d", 24, 0.9), ("1h", 1, 0.03)])
def test_a_moment_is_as_long_as_it_is_written(truncate: str, hours: int, days: float) -> None:
    frame = claims(days=days, hours=hours).with_columns(pl.col("reported").dt.truncate(truncate))
    assert asked(frame, TRUTH) == ()
    assert refused(frame.with_columns(pl.col("settled").dt.offset_by("1w")), TRUTH)


def walk(size: int = ROWS) -> np.ndarray:
    return np.random.default_rng(2).normal(size=size).cumsum()


def series(target: np.ndarray, **columns: np.ndarray) -> pl.DataFrame:
    """Moments in a mixed-up order, so that only the clock says which comes next."""
    hours = [START + timedelta(hours=row) for row in range(len(target))]
    noise = np.random.default_rng(3).normal(size=len(target))
    return pl.DataFrame({"hour": hours, **columns, "noise": noise, "truth": target})


def mixed(frame: pl.DataFrame) -> tuple[pl.DataFrame, np.ndarray]:
    frame = frame.sample(fraction=1.0, shuffle=True, seed=0)
    return frame.drop("truth"), frame["truth"].to_numpy()


def moved(values: np.ndarray, by: int) -> np.ndarray:
    """Values of so many moments later; NaN where there are none."""
    return np.concatenate([values[by:], np.full(by, np.nan)])


@pytest.mark.parametrize("ahead", [1, 24])
def test_the_target_of_a_later_moment_is_found_in_whatever_unit(ahead: int) -> None:
    load = walk()
    error = refused(*mixed(series(load, reading=9 - 5 * moved(load, ahead))))
    assert error.code == "E-DATA-123"
    assert error.values["column"] == "reading"
    assert error.values["ahead"] == ahead


def test_the_target_of_a_later_moment_is_found_in_each_of_many_series() -> None:
    parts = []
    for machine in range(8):
        load = np.random.default_rng(machine).normal(size=ROWS // 8)
        part = series(load, reading=moved(load, 2))
        parts.append(part.with_columns(pl.lit(f"m{machine}").alias("machine")))
    error = refused(*mixed(pl.concat(parts)), group="machine")
    assert (error.code, error.values["ahead"]) == ("E-DATA-123", 2)


def test_a_truth_that_is_the_class_of_the_next_moment_is_found() -> None:
    fails = (np.random.default_rng(4).random(ROWS) < 0.3).astype(np.int64)
    frame = series(fails, alarm=np.append(fails[1:], 0) == 1)
    assert refused(*mixed(frame)).values["column"] == "alarm"


def test_what_was_known_is_no_leak() -> None:
    """The value before, a smooth trend, a season that repeats itself to the bit, a forecast."""
    load = walk()
    assert asked(*mixed(series(load, before=np.roll(load, 1)))) == ()
    assert asked(*mixed(series(load, itself=2 * load))) == ()
    hour = np.arange(ROWS)
    season = np.sin(2 * np.pi * hour / 24)
    assert asked(*mixed(series(season, yesterday=np.roll(season, 23)))) == ()
    forecast = moved(load, 1) + np.random.default_rng(5).normal(size=ROWS)
    assert asked(*mixed(series(load, forecast=forecast))) == ()
    rising = (hour / 100.0) ** 3
    assert asked(*mixed(series(rising, other=np.sqrt(hour)))) == ()


def test_gaps_infinities_and_numbers_without_end_are_no_obstacle() -> None:
    load = walk()
    odd = moved(load, 1)
    odd[[3, 50, 90]] = [np.inf, 1e308, -1e308]
    odd[100:130] = np.nan
    frame = series(load, odd=odd, empty=np.full(ROWS, np.nan), flat=np.ones(ROWS))
    assert asked(*mixed(frame)) == ()
    later = moved(load, 1)
    later[100:130] = np.nan
    assert refused(*mixed(series(load, later=later))).values["ahead"] == 1


def test_without_a_moment_there_is_no_future() -> None:
    table = Table.of(claims())
    assert refuse_future(table, infer(table, Roles()).features, Roles(), TRUTH) == ()

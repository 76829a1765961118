"""Rows that ask for values to come know nothing of what comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from deeplode.data.forecast import fit_forecast
from deeplode.data.jointforecast import JointForecast, fit_joint, forecast_from_json
from deeplode.data.table import Table
from deeplode.errors import DataError

DAY = 24
Load = Callable[..., pl.DataFrame]


def test_a_period_is_found_and_none_where_there_is_none(hourly: Load) -> None:
    table = Table.of(hourly())
    assert fit_forecast(table, "time", "machine", "load", 6).period == DAY
    noise = hourly().with_columns(pl.Series("load", np.random.default_rng(1).normal(size=960)))
    assert fit_forecast(Table.of(noise), "time", "machine", "load", 6).period == 1


def test_a_row_holds_the_target_so_many_moments_ahead_and_only_what_was_before(
    hourly: Load,
) -> None:
    frame = hourly(machines=1).drop("machine")
    forecast = fit_forecast(Table.of(frame), "time", None, "load", 6)
    past = forecast.lay(Table.of(frame)).past().frame
    values = dict(zip(frame["time"], frame["load"], strict=True))
    for row in past.sample(50, seed=0).iter_rows(named=True):
        origin = row["time"] - timedelta(hours=row["steps ahead"])
        before = [values[origin - timedelta(hours=back)] for back in range(DAY)]
        assert row["level"] == pytest.approx(np.mean(before))
        assert row["load"] == pytest.approx(values[row["time"]] - row["level"])
        assert row["last value"] == pytest.approx(values[origin] - row["level"])
        period = values[row["time"] - timedelta(hours=DAY)]
        assert row["one period before"] == pytest.approx(period - row["level"])
    later = frame.with_columns(
        pl.when(pl.col("time") > past["time"].max() - timedelta(hours=48))
        .then(1e6)
        .otherwise(pl.col("load"))
        .alias("load")
    )
    early = pl.col("time") < past["time"].max() - timedelta(hours=48)
    other = forecast.lay(Table.of(later)).past().frame.filter(early)
    assert other.equals(past.filter(early))


def test_counted_moments_are_named_as_they_are_written(hourly: Load) -> None:
    frame = hourly(machines=1).drop("machine").with_row_index("cycle").drop("time")
    for cycles, name in ((pl.col("cycle"), "480"), (pl.col("cycle") / 2, "240.0")):
        table = Table.of(frame.with_columns(cycles))
        future = fit_forecast(table, "cycle", None, "load", 2).lay(table).future()
        assert future.ids[0] == name


def test_moments_to_come_name_a_time_zone_where_those_of_the_table_do(hourly: Load) -> None:
    frame = hourly(machines=1).drop("machine")
    berlin = pl.col("time").dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    offsets = pl.col("time").dt.to_string("%Y-%m-%dT%H:%M:%S+08:00")
    for moments, name in (
        (pl.col("time"), "2024-05-21 00:00:00"),
        (berlin, "2024-05-21 02:00:00+02:00"),
        (offsets, "2024-05-20 16:00:00+00:00"),
    ):
        table = Table.of(frame.with_columns(moments.alias("time")))
        future = fit_forecast(table, "time", None, "load", 2).lay(table).future()
        assert future.ids[0] == name


def test_columns_that_have_the_names_of_ours_are_kept(hourly: Load) -> None:
    frame = hourly(machines=1).rename({"machine": "last value -1"})
    forecast = fit_forecast(Table.of(frame), "time", None, "load", 6)
    past = forecast.lay(Table.of(frame)).past().frame
    assert past["last value -1"].unique().to_list() == ["m0"]
    ours = {*past.columns} - {"last value -1", "load"}
    assert set(forecast.names.own(past.columns)) == ours


def test_the_future_has_every_step_of_every_series_and_names_them(hourly: Load) -> None:
    table = Table.of(hourly())
    forecast = fit_forecast(table, "time", "machine", "load", 3)
    future = forecast.lay(table).future()
    assert future.frame["steps ahead"].to_list() == [1, 2, 3, 1, 2, 3]
    assert future.ids.to_list()[:2] == ["m0 2024-05-21 00:00:00", "m0 2024-05-21 01:00:00"]
    assert future.ids.to_list()[-1] == "m1 2024-05-21 02:00:00"


@pytest.mark.parametrize(
    ("days", "horizon", "cell", "code"),
    [(2, 24, 1.0, "E-DATA-120"), (20, 2, "high", "E-DATA-121"), (20, 2, None, "E-DATA-030")],
)
def test_what_cannot_be_forecast_is_refused(
    hourly: Load, days: int, horizon: int, cell: object, code: str
) -> None:
    frame = hourly(days=days)
    frame = frame.drop("load") if cell is None else frame.with_columns(load=pl.lit(cell))
    with pytest.raises(DataError) as error:
        fit_forecast(Table.of(frame), "time", "machine", "load", horizon)
    assert error.value.code == code


def joint(frame: pl.DataFrame) -> JointForecast:
    return fit_joint(Table.of(frame), "time", "machine", ("load", "noise"), 6)


def with_noise(frame: pl.DataFrame) -> pl.DataFrame:
    noise = np.random.default_rng(1).normal(size=len(frame)) * 1e-3
    return frame.with_columns(pl.Series("noise", noise))


def test_columns_that_are_asked_for_together_keep_their_periods_and_units(hourly: Load) -> None:
    frame = with_noise(hourly())
    forecast = joint(frame)
    assert [one.period for one in forecast.channels] == [DAY, 1]
    assert forecast_from_json(json.loads(json.dumps(forecast.to_json()))) == forecast
    past = forecast.lay(Table.of(frame)).past()
    assert past.frame["channel"].value_counts()["count"].min() > 4_000
    whole = pl.Series(forecast.whole(past.frame["value"].to_numpy(), past.frame))
    when = frame.select("machine", "time", "load", "noise")
    truth = past.frame.join(when.rename({"load": "l", "noise": "n"}), on=["machine", "time"])
    known = pl.when(pl.col("channel") == "load").then("l").otherwise("n")
    assert truth.select(known).to_series().to_numpy() == pytest.approx(whole.to_numpy())


def test_what_a_row_knows_of_the_other_columns_was_there_at_its_origin(hourly: Load) -> None:
    frame = with_noise(hourly())
    forecast = joint(frame)
    cut = frame["time"].min() + timedelta(days=15)
    later = frame.with_columns(
        pl.when(pl.col("time") > cut).then(1e3).otherwise(pl.col(name)).alias(name)
        for name in ("load", "noise")
    )
    early = pl.col("time") <= cut
    one, two = (forecast.lay(Table.of(own)).past().frame.filter(early) for own in (frame, later))
    assert len(one) > 4_000
    assert_frame_equal(one, two, abs_tol=1e-6)

"""Rows that ask for values to come know nothing of what comes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from deeplode.data.forecast import fit_forecast
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

"""A forecast from the command's function to new moments, beside rules of thumb."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deeplode.detectoptions import EvaluateOptions, PredictOptions
from deeplode.errors import DeeplodeError, OptionError
from deeplode.options import TrainOptions
from deeplode.report.page import render
from deeplode.verbs import evaluate, predict, train

TOLD = {"target": "load", "timestamp": "time", "group": "machine", "horizon": 6}
QUICK = {"epochs": 2, "members": 1, "threads": 1}


def test_a_forecast_is_learned_beside_rules_of_thumb_and_made_from_the_model_file(
    tmp_path: Path, hourly: Callable[..., pl.DataFrame]
) -> None:
    path = tmp_path / "load.csv"
    hourly().write_csv(path)
    told = TrainOptions(out=str(tmp_path / "run")).with_values({**TOLD, **QUICK})
    run = train(str(path), told)
    board = {one["name"]: one["metrics"]["rmse"]["value"] for one in run.facts["leaderboard"]}
    assert board["seasonal"] < board["naive"]
    assert board["linear"] < board["seasonal"]
    assert run.facts["split"]["how"] == "time"
    assert run.facts["verdict"]["sentences"][0]["code"] == "V-045"
    made = pl.read_parquet(run.folder / "predictions.parquet")
    assert made["truth"].min() > 20
    assert ((made["truth"] - made["prediction"]).abs() < 10).mean() > 0.9
    answers = predict(str(run.folder), str(path), PredictOptions())
    assert len(answers) == 12
    assert answers["id"][0] == "m0 2024-05-21 00:00:00"
    assert answers["prediction"].head(6).is_between(30, 70).all()
    assert answers["prediction"].tail(6).is_between(80, 120).all()
    assert (answers["low"] < answers["high"]).all()


@pytest.mark.parametrize("seasonal", [True, False])
def test_no_warning_is_about_columns_that_nobody_gave(
    tmp_path: Path, hourly: Callable[..., pl.DataFrame], seasonal: bool
) -> None:
    """Many rows ask for one moment, and without a period two columns are one: that is no news."""
    path, frame = tmp_path / "load.csv", hourly(machines=1).drop("machine")
    if not seasonal:
        frame = frame.with_columns(load=np.random.default_rng(0).normal(size=len(frame)).cumsum())
    frame.write_csv(path)
    told = TrainOptions(out=str(tmp_path / "run")).with_values({**TOLD, "group": None, **QUICK})
    warned = train(str(path), told).facts["warnings"]
    assert not [one for one in warned if one["code"].startswith(("W-AUDIT", "W-FIT-010"))]


def two(hourly: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    """Beside the load a pressure, which follows it an hour later in another unit."""
    later = pl.col("load").shift(1).over("machine").fill_null(strategy="backward")
    return hourly().with_columns((later / 1000 + 5).alias("pressure, bar"))


def test_several_columns_of_different_units_are_forecast_by_one_model(
    tmp_path: Path, hourly: Callable[..., pl.DataFrame]
) -> None:
    path = tmp_path / "load.csv"
    two(hourly).rename({"pressure, bar": "pressure"}).write_csv(path)
    told = TrainOptions(out=str(tmp_path / "run")).with_values({**TOLD, **QUICK})
    run = train(str(path), told.with_values({"target": "load,pressure"}))
    assert run.facts["target"] == "load,pressure"
    assert "W-SERIES-085" in {one["code"] for one in run.facts["warnings"]}
    channels = {one["name"]: one for one in run.facts["channels"]}
    assert list(channels) == ["load", "pressure"]
    for one in channels.values():
        board = {other["name"]: other["metrics"] for other in one["leaderboard"]}
        assert {"naive", "seasonal", "linear", "trees", "net"} <= board.keys()
        own = one["metrics"]
        assert own["rmse"]["value"] < board[one["rule"]]["rmse"]["value"]
        assert own["mase"]["value"] == pytest.approx(own["mae"]["value"] / one["step"])
        assert one["coverage"] > 0.75
    load, pressure = (channels[name]["metrics"]["rmse"]["value"] for name in channels)
    assert 500 < load / pressure < 2000  # each in its own unit
    made = pl.read_parquet(run.folder / "predictions.parquet")
    assert made.columns[:3] == ["id", "channel", "truth"]
    means = {name: part for (name,), part in made.group_by("channel")}
    assert means["pressure"]["truth"].is_between(5, 6).all()
    assert (means["pressure"]["truth"] - means["pressure"]["prediction"]).abs().mean() < 0.01
    assert (means["load"]["truth"] - means["load"]["prediction"]).abs().mean() < 10
    answers = predict(str(run.folder), str(path), PredictOptions())
    assert len(answers) == 2 * 2 * 6
    assert answers["channel"].to_list() == ["load"] * 12 + ["pressure"] * 12
    assert answers.filter(channel="pressure")["prediction"].is_between(5, 5.2).all()
    assert (answers["low"] < answers["high"]).all()
    again = evaluate(str(run.folder), str(path), EvaluateOptions())
    assert [one["name"] for one in again["channels"]] == ["load", "pressure"]
    assert "每一列，以自身单位计" in render(run.facts, "zh")
    assert "Each column in its own unit" in render(run.facts, "en")


def test_a_column_with_a_comma_in_its_name_stays_one_column(
    tmp_path: Path, hourly: Callable[..., pl.DataFrame]
) -> None:
    path = tmp_path / "load.csv"
    two(hourly).drop("load").write_csv(path)
    told = TrainOptions(out=str(tmp_path / "run")).with_values({**TOLD, **QUICK})
    run = train(str(path), told.with_values({"target": "pressure, bar"}))
    assert run.facts["target"] == "pressure, bar"
    assert "channels" not in run.facts


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"target": "load,flow"}, "E-DATA-030"),
        ({"target": "load,place"}, "E-DATA-121"),
        ({"target": "load,machine"}, "E-DATA-046"),
        ({"target": "time"}, "E-DATA-046"),
        ({"target": "load,time", "horizon": None}, "E-OPT-227"),
        ({"target": ",".join(f"c{at}" for at in range(101))}, "E-OPT-228"),
        ({"target": ","}, "E-DATA-030"),
    ],
)
def test_columns_that_cannot_be_forecast_together_are_refused(
    tmp_path: Path, hourly: Callable[..., pl.DataFrame], wrong: dict[str, object], code: str
) -> None:
    path = tmp_path / "load.csv"
    hourly().with_columns(place=pl.lit("hall")).write_csv(path)
    with pytest.raises(DeeplodeError) as error:
        train(str(path), TrainOptions(out=str(tmp_path / "run")).with_values({**TOLD, **wrong}))
    assert error.value.code == code
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "wrong", [{"timestamp": None}, {"window": "5"}, {"split": "random"}, {"test": "other.csv"}]
)
def test_what_does_not_go_with_a_forecast_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        TrainOptions().with_values({**TOLD, **wrong})

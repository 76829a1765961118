"""A forecast from the command's function to new moments, beside rules of thumb."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from deeplode.detectoptions import PredictOptions
from deeplode.errors import OptionError
from deeplode.options import TrainOptions
from deeplode.verbs import predict, train

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


@pytest.mark.parametrize(
    "wrong", [{"timestamp": None}, {"window": "5"}, {"split": "random"}, {"test": "other.csv"}]
)
def test_what_does_not_go_with_a_forecast_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        TrainOptions().with_values({**TOLD, **wrong})

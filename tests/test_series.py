"""Series from a long table to answers: one a moment, or one a series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import deeplode
from deeplode import Classifier, Regressor, load, verbs
from deeplode.detectoptions import EvaluateOptions, PredictOptions
from deeplode.encode.series import RECENT, SeriesEncoder
from deeplode.errors import DataError
from deeplode.options import TrainOptions

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {"epochs": 1, "members": 2, "hidden": (8,), "threads": 1}


def wear(machines: int = 10, size: int = 24) -> pl.DataFrame:
    """Machines that wear out: the answer is the mean of the last five readings."""
    x = RNG.normal(size=(machines, size)).cumsum(1)
    y = np.array([[row[max(0, t - 4) : t + 1].mean() for t in range(size)] for row in x])
    return pl.DataFrame(
        {
            "machine": np.repeat(np.arange(machines), size),
            "hour": np.tile(np.arange(size), machines),
            "x": x.ravel(),
            "noise": RNG.normal(size=machines * size),
            "y": y.ravel(),
        }
    )


@pytest.fixture(scope="module")
def model() -> Regressor:
    frame = wear()
    found = Regressor(timestamp="hour", group="machine", window=6, **SMALL)
    return found.fit(frame.drop("y"), frame["y"])


def test_each_moment_gets_one_answer_whatever_the_order_of_the_rows(model: Regressor) -> None:
    new = wear(3).drop("y")
    answers = np.asarray(model.predict(new))
    assert answers.shape == (72,)
    order = RNG.permutation(72)
    shuffled = np.asarray(model.predict(new[order]))
    np.testing.assert_allclose(shuffled, answers[order], rtol=1e-5, atol=1e-5)
    truth = wear(3)
    assert np.corrcoef(np.asarray(model.predict(truth.drop("y"))), truth["y"])[0, 1] > 0.9


def test_the_first_moment_alone_and_a_gap_get_an_answer_and_an_absent_channel_is_named(
    model: Regressor,
) -> None:
    new = wear(1).drop("y").with_columns(x=pl.when(pl.col("hour") == 20).then(None).otherwise("x"))
    found = model.predict_frame(new)
    assert np.isfinite(found["prediction"].to_numpy()).all()
    assert found["flags"].to_list()[19:22] == ["", "filled_in", "filled_in"]
    assert model.predict_one(new.row(0, named=True)) == pytest.approx(found["prediction"][0])
    with pytest.raises(DataError) as error:
        model.model_.predict(deeplode.read(new.drop("noise")))
    assert error.value.values["column"] == "noise"


def test_a_saved_model_cuts_the_same_windows(model: Regressor, tmp_path: Path) -> None:
    model.save(tmp_path / "wear.lode")
    again, new = load(tmp_path / "wear.lode"), wear(2).drop("y")
    assert np.array_equal(np.asarray(again.predict(new)), np.asarray(model.predict(new)))
    assert list(again.feature_names_in_)[:2] == ["hour", "machine"]


def test_windows_that_look_back_are_described_by_their_last_tenth(model: Regressor) -> None:
    (series,) = (one for one in model.model_.encoder.parts if isinstance(one, SeriesEncoder))
    assert series.tail == RECENT


def test_whole_series_have_one_answer_each_in_the_order_in_which_they_come() -> None:
    frame = wear(20, 10).with_columns(y=pl.col("machine") % 2)
    frame = frame.with_columns(x=pl.col("x") + 6 * pl.col("y") * pl.col("hour"))
    found = Classifier(timestamp="hour", group="machine", **SMALL)
    found.fit(frame.drop("y"), frame["y"])
    new = frame.filter(pl.col("machine").is_in([7, 3, 10])).drop("y")[::-1]
    assert found.predict_proba(new).shape == (3, 2)
    assert found.predict_frame(new)["id"].to_list() == [10, 7, 3]


def test_train_predict_and_evaluate_work_on_a_long_file_and_the_report_draws_windows(
    tmp_path: Path,
) -> None:
    wear().write_parquet(tmp_path / "wear.parquet")
    told = TrainOptions(target="y", timestamp="hour", group="machine", window="6",
                        out=str(tmp_path / "run"), **SMALL)  # fmt: skip
    facts = verbs.train(str(tmp_path / "wear.parquet"), told).facts
    kinds = {one["name"]: one["kind"] for one in facts["source"]["features"]}
    assert kinds == {"series": "series", "moments before": "number", "x": "number",
                     "noise": "number"}  # fmt: skip
    assert facts["source"]["windows"] == {
        "timestamp": "hour", "group": "machine", "column": "series", "length": 6,
        "whole": False, "channels": ["x", "noise"],
    }  # fmt: skip
    assert facts["media"][0]["examples"][0]["picture"].startswith("data:image/png")
    written = pl.read_parquet(tmp_path / "run" / "predictions.parquet")
    wear(2).write_parquet(tmp_path / "new.parquet")
    new = str(tmp_path / "new.parquet")
    found = verbs.predict(str(tmp_path / "run"), new, PredictOptions())
    assert found.columns == [one for one in written.columns if one != "truth"]
    assert found["id"].to_list() == list(range(48))
    judged = verbs.evaluate(str(tmp_path / "run"), new, EvaluateOptions())
    assert judged["metrics"]["rmse"]["value"] > 0


LATER = pl.col("y").shift(-3).over("machine").alias("later")


@pytest.mark.parametrize(
    "told",
    [
        {"timestamp": "hour", "group": "machine", "window": "6"},
        {"timestamp": "hour", "group": "machine", "window": "1"},
        {"timestamp": "hour", "group": "machine", "window": "1", "split": "time"},
        {"timestamp": "hour", "group": "machine", "horizon": 2},
    ],
    ids=str,
)
def test_the_target_of_a_later_moment_is_refused_before_training_and_can_be_dropped(
    told: dict[str, Any], tmp_path: Path
) -> None:
    wear(10, 40).with_columns(LATER).write_parquet(tmp_path / "wear.parquet")
    options = TrainOptions(target="y", out=str(tmp_path / "run"), **SMALL).with_values(told)
    with pytest.raises(DataError) as error:
        verbs.train(str(tmp_path / "wear.parquet"), options)
    assert (error.value.code, error.value.values["column"]) == ("E-DATA-123", "later")
    assert error.value.values["ahead"] == 3
    assert not (tmp_path / "run").exists()
    looked = verbs.inspect(
        str(tmp_path / "wear.parquet"), options.with_values({"out": None, "drop": ("later",)})
    )
    assert "later" not in {one["name"] for one in looked["columns"]}


def test_dates_after_the_moments_that_are_forecast_from_are_refused(tmp_path: Path) -> None:
    start = pl.datetime(2024, 1, 1)
    frame = wear(1, 200).with_columns(
        (start + pl.duration(hours=pl.col("hour"))).alias("hour"),
        (start + pl.duration(hours=pl.col("hour") + 1)).alias("checked"),
    )
    frame.drop("machine").write_parquet(tmp_path / "wear.parquet")
    told = TrainOptions(target="y", timestamp="hour", horizon=4, out=str(tmp_path / "run"), **SMALL)
    with pytest.raises(DataError) as error:
        verbs.train(str(tmp_path / "wear.parquet"), told)
    assert (error.value.code, error.value.values["column"]) == ("E-DATA-122", "checked")
    with pytest.raises(DataError):
        Regressor(timestamp="hour", **SMALL).fit(frame.drop("y"), frame["y"])
    kept = Regressor(timestamp="hour", kinds={"checked": "datetime"}, **SMALL)
    kept.fit(frame.drop("y"), frame["y"])

"""AnomalyDetector keeps scikit-learn's contract, and what goes in as a frame comes out as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from deeplode import AnomalyDetector, load
from deeplode.detectors import denoise, ranks
from deeplode.errors import DataError, ModelFileError, OptionError
from deeplode.tasks.drift import drift


@parametrize_with_checks([AnomalyDetector(threads=1)])
def test_scikit_learns_checks_pass(estimator, check, monkeypatch):
    monkeypatch.setattr(denoise, "STEPS", 20)  # the checks ask how it behaves, not how well
    monkeypatch.setattr(ranks, "QUICK", 10)
    check(estimator)


def rows() -> np.ndarray:
    """Rows on a line, with one beside it that no single column shows."""
    chance = np.random.default_rng(0)
    first = chance.normal(size=300)
    both = np.stack([first, first + chance.normal(size=300) / 10], axis=1)
    both[7] = (1.5, -1.5)
    return both


@pytest.fixture(scope="module", autouse=True)
def short() -> Iterator[None]:
    """Nets are trained a fifth as long as they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denoise, "STEPS", 300)
        patch.setattr(ranks, "QUICK", 60)
        yield


@pytest.fixture(scope="module")
def fitted() -> AnomalyDetector:
    return AnomalyDetector(seed=0, threads=1).fit(rows())


def test_a_row_that_only_its_columns_together_show_is_among_the_oddest(
    fitted: AnomalyDetector,
) -> None:
    assert 7 in np.argsort(-fitted.scores_)[:5]
    assert (fitted.decision_function(rows()) < 0).sum() == (fitted.predict(rows()) == -1).sum() >= 1
    assert np.array_equal(-fitted.score_samples(rows()), fitted.scores_)
    assert 7 in [row["row"] for row in fitted.facts_["alarms"][:5]]


def test_the_same_seed_gives_the_same_bits_and_a_file_keeps_them(
    fitted: AnomalyDetector, tmp_path: Path
) -> None:
    again = clone(fitted).fit(rows())
    assert np.array_equal(again.scores_, fitted.scores_)
    fitted.save(tmp_path / "odd.lode")
    read = load(tmp_path / "odd.lode")
    frame = pl.DataFrame(rows(), schema=["x0", "x1"])
    assert np.array_equal(read.score_samples(frame), fitted.score_samples(rows()))
    assert "alarms" in fitted.facts_
    assert "alarms" not in read.facts_  # no single rows in a file
    with pytest.raises(OptionError):
        fitted.save(tmp_path / "odd.lode")


def test_an_alarm_is_told_beside_the_nearest_row_that_is_not_called(
    fitted: AnomalyDetector, tmp_path: Path
) -> None:
    frame = pl.DataFrame(rows(), schema=["x0", "x1"])
    told = fitted.predict_frame(rows())
    called = told["anomaly"].to_numpy() == 1
    assert ((told["nearest"] != "").to_numpy() == called).all()
    nearest = next(alarm["nearest"] for alarm in fitted.facts_["alarms"] if alarm["row"] == 7)
    row = int(nearest.split(":")[0].removeprefix("row "))
    assert not called[row]
    usual = ~called & (np.arange(300) != 7)
    distance = np.abs(rows()[usual] - rows()[7]).sum(axis=1)
    assert np.abs(rows()[row] - rows()[7]).sum() < 1.5 * distance.min()
    assert f"{rows()[row, 0]:.6g} instead of 1.5" in nearest
    fitted.save(tmp_path / "odd.lode")
    again = load(tmp_path / "odd.lode").predict_frame(frame)
    assert again["nearest"].equals(told["nearest"])


def test_drift_is_told_of_rows_that_have_moved_and_not_of_the_same_kind_of_rows(
    fitted: AnomalyDetector,
) -> None:
    def told(values: np.ndarray) -> list[str]:
        scores = -fitted.score_samples(values)
        found = drift(fitted.model_, scores)
        return [notice.code for notice in found.notices()] if found else ["few"]

    chance = np.random.default_rng(1)
    first = chance.normal(size=200)
    new = np.stack([first, first + chance.normal(size=200) / 10], axis=1)
    assert told(new) == []
    assert told(new + np.array([0.3, -0.3])) == ["W-PRED-001"]
    assert told(new[:5]) == ["few"]


def test_one_row_gets_the_score_that_it_has_among_others(fitted: AnomalyDetector) -> None:
    whole = -fitted.score_samples(rows()[:9])
    called = fitted.predict(rows()[:9])
    names = [column.name for column in fitted.model_.schema.columns]
    for row, score, side in zip(rows()[:9].tolist(), whole, called, strict=True):
        one = dict(zip(names, row, strict=True))
        assert fitted.score_one(one) == score
        assert fitted.predict_one(one) == side
    with pytest.raises(DataError):
        fitted.score_one({names[0]: 1.0})


def test_frames_keep_their_library_and_index(fitted: AnomalyDetector) -> None:
    frame = pd.DataFrame(rows(), columns=["a", "b"], index=np.arange(300) * 2)
    model = AnomalyDetector(capacity=3, threads=1).fit(frame)
    said = model.predict(frame)
    assert isinstance(said, pd.Series)
    assert said.index.equals(frame.index)
    assert (said == -1).sum() == 3
    assert isinstance(model.predict(pl.from_pandas(frame)), pl.Series)
    assert "AnomalyDetector" in model._repr_html_()


def test_a_model_that_is_damaged_is_refused(fitted: AnomalyDetector, tmp_path: Path) -> None:
    path = tmp_path / "odd.lode"
    fitted.save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    with pytest.raises(ModelFileError):
        load(path)

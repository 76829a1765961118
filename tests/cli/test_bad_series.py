"""Series as machines really send them: everything that can be wrong with them, asked of verbs."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deeplode.detectoptions import DetectOptions, EvaluateOptions, PredictOptions
from deeplode.detectors import denoise, ranks
from deeplode.errors import DeeplodeError
from deeplode.options import TrainOptions
from deeplode.verbs import detect, evaluate, predict, train

START = datetime(2024, 5, 1)
SERIES = {"timestamp": "time", "group": "machine", "threads": 1}
TOLD = {"W-SERIES-001", "W-SERIES-002", "W-SERIES-003", "W-SERIES-004", "W-SERIES-007"}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nets are trained for a moment only."""
    monkeypatch.setattr(denoise, "STEPS", 20)
    monkeypatch.setattr(ranks, "QUICK", 10)


def good(size: int = 300) -> pl.DataFrame:
    """Two machines, a row a minute."""
    chance, frames = np.random.default_rng(0), []
    for machine in ("lathe", "press"):
        wave = np.sin(np.arange(size) / 7) + 0.1 * chance.normal(size=size)
        columns = {
            "time": [START + timedelta(minutes=at) for at in range(size)],
            "heat": wave,
            "hum": chance.normal(size=size),
            "load": 50 + wave,
        }
        frames.append(pl.DataFrame(columns).with_columns(machine=pl.lit(machine)))
    return pl.concat(frames)


def bad() -> pl.DataFrame:
    """Unsorted; twice the same moments; a gap; a clock that jumps back; zones beside none; a
    channel that dies; one that never moves; an infinite cell and a huge one."""
    at = pl.int_range(pl.len()).over("machine")
    frame = good().with_columns(
        hum=pl.when(at < 120).then("hum"),
        stuck=pl.lit(5.0),
        heat=pl.when((pl.col("machine") == "press") & (at == 60))
        .then(float("inf"))
        .when((pl.col("machine") == "press") & (at == 70))
        .then(1e300)
        .otherwise("heat"),
        time=pl.when(at >= 200).then(pl.col("time") + timedelta(hours=1)).otherwise("time"),
    )
    late = pl.col("time").is_between(START + timedelta(minutes=40), START + timedelta(minutes=60))
    frame = frame.with_columns(
        time=pl.when(late).then(pl.col("time") - timedelta(minutes=30)).otherwise("time")
    )
    texts = pl.col("time").dt.strftime("%Y-%m-%d %H:%M:%S")
    zoned = pl.when(pl.int_range(pl.len()) % 2 == 0).then(texts + "Z").otherwise(texts)
    return frame.with_columns(time=zoned).sample(fraction=1.0, shuffle=True, seed=1)


def test_odd_series_are_watched_and_what_is_odd_about_them_is_told(tmp_path: Path) -> None:
    path, out = tmp_path / "log.csv", tmp_path / "run"
    bad().write_csv(path)
    facts = detect(str(path), DetectOptions(out=str(out), clean_rows=100, **SERIES)).facts
    codes = {one["code"] for one in facts["warnings"]}
    assert codes >= {*TOLD, "W-KIND-001"}
    made = predict(str(out), str(path), PredictOptions())
    assert len(made) == 600
    assert made["score"].is_between(0, 1).all()
    dead = bad()["hum"].is_null()
    assert made.filter(dead)["flags"].str.contains("filled_in").all()
    assert made["flags"].str.contains("infinite").sum() == 1


def test_odd_series_are_learned_from_and_forecast(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    bad().write_csv(path)
    quick = {"epochs": 1, "members": 1, **SERIES}
    told = TrainOptions(target="load", window=10, out=str(tmp_path / "look"), **quick)
    looked = train(str(path), told)
    assert {one["code"] for one in looked.facts["warnings"]} >= TOLD
    told = TrainOptions(target="load,heat", horizon=3, out=str(tmp_path / "ahead"), **quick)
    ahead = train(str(path), told)
    assert {one["code"] for one in ahead.facts["warnings"]} >= TOLD - {"W-SERIES-007"}
    for run, rows in ((looked, 600), (ahead, 2 * 2 * 3)):
        made = predict(str(run.folder), str(path), PredictOptions())
        assert len(made) == rows
        assert made["prediction"].is_finite().all()


@pytest.mark.parametrize(
    ("rows", "code"), [(1, "E-DATA-097"), (0, "E-DATA-006"), ("equal", "E-DATA-040")]
)
def test_series_with_nothing_in_them_are_refused(
    tmp_path: Path, rows: int | str, code: str
) -> None:
    path = tmp_path / "log.csv"
    frame = good().filter(machine="lathe")
    some = pl.concat([frame.head(1)] * 50) if rows == "equal" else frame.head(int(rows))
    some.write_csv(path)
    with pytest.raises(DeeplodeError) as error:
        detect(str(path), DetectOptions(out=str(tmp_path / "run"), **SERIES))
    assert error.value.code == code
    assert not (tmp_path / "run").exists()


def test_fewer_moments_than_a_window_are_watched_with_a_warning_and_not_learned_from(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.csv"
    good(5).write_csv(path)
    facts = detect(str(path), DetectOptions(out=str(tmp_path / "run"), **SERIES)).facts
    assert "W-SERIES-012" in {one["code"] for one in facts["warnings"]}
    for told, code in (({"window": 10}, "E-DATA-101"), ({"horizon": 3}, "E-DATA-120")):
        asked = TrainOptions(target="load", out=str(tmp_path / "none"), **SERIES)
        with pytest.raises(DeeplodeError) as error:
            train(str(path), asked.with_values(told))
        assert error.value.code == code


def test_more_anomalies_than_normal_rows_are_learned_and_judged_and_one_class_is_refused(
    tmp_path: Path,
) -> None:
    path, out = tmp_path / "rows.csv", tmp_path / "run"
    chance = np.random.default_rng(0)
    odd = np.arange(300) < 200
    cells = chance.normal(size=(300, 3)) + 3 * odd[:, None]
    frame = pl.DataFrame(cells, schema=["a", "b", "c"]).with_columns(fraud=odd.astype(int))
    frame.write_csv(path)
    facts = detect(str(path), DetectOptions(target="fraud", out=str(out), threads=1)).facts
    assert facts["anomalies"]["known"]["count"] == 200
    told = evaluate(str(out), str(path), EvaluateOptions())
    assert told["metrics"]["roc_auc"]["value"] > 0.9
    for value, code in ((1, "E-DATA-106"), (0, "E-DATA-105")):
        frame.with_columns(fraud=pl.lit(value)).write_csv(path)
        with pytest.raises(DeeplodeError) as error:
            detect(str(path), DetectOptions(target="fraud", out=str(tmp_path / "no"), threads=1))
        assert error.value.code == code

"""What design promises of ``detect``, asked of the real program."""

from __future__ import annotations

import json
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer

from deeplode import load
from deeplode.detectoptions import DetectOptions, PredictOptions
from deeplode.detectors import denoise, ranks
from deeplode.errors import DeeplodeError
from deeplode.verbs import detect, predict

Program = Callable[..., subprocess.CompletedProcess[str]]
Killed = Callable[..., None]

FILES = {"model.lode", "result.json", "report.html", "predictions.parquet", "log.jsonl"}
KEYS = {
    "schema_version", "verb", "task", "source", "split", "metrics", "leaderboard", "verdict",
    "threshold", "calibration", "warnings", "findings", "importance", "training", "limits",
    "seed", "versions", "files",
}  # fmt: skip
ODD = (17, 80, 141, 200, 262)  # rows that were made up


def cells() -> pl.DataFrame:
    """The benign cells of a real set, with gaps, a category, and a few rows that cannot be."""
    data = load_breast_cancer()
    frame = pl.DataFrame(
        data.data[data.target == 1][:300, :8],
        schema=[str(name) for name in data.feature_names[:8]],
    )
    chance = np.random.default_rng(0)
    place = chance.choice(["ward", "practice", "at home"], len(frame), p=[0.6, 0.3, 0.1])
    gap = chance.random(len(frame)) < 0.05
    row = np.arange(len(frame))
    odd = pl.Series(np.isin(row, ODD))
    return frame.with_columns(
        pl.when(pl.Series(gap)).then(None).otherwise(pl.col("mean texture")).alias("mean texture"),
        pl.when(odd)
        .then(9 * pl.col("mean area"))
        .otherwise(pl.col("mean area"))
        .alias("mean area"),
        pl.when(odd).then(pl.lit("on the moon")).otherwise(pl.Series(place)).alias("place <b>"),
        pl.format("cell {}", pl.Series(row)).alias("cell"),
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "cells.csv"
    cells().write_csv(path)
    return path


@pytest.fixture(scope="module")
def run(program: Program, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a process of its own."""
    out = tmp_path_factory.mktemp("runs") / "run"
    done = program("detect", str(source), "--out", str(out), "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert "cell 17" in done.stdout
    return out


def facts_of(run: Path) -> dict[str, object]:
    return json.loads((run / "result.json").read_text("utf-8"))


def learned(run: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(run / "model.lode") as archive:
        return {name: archive.read(name) for name in ("schema.json", "weights.safetensors")}


def test_a_run_finds_what_was_made_up_and_says_why(run: Path) -> None:
    assert {path.name for path in run.iterdir()} == FILES
    facts = json.loads((run / "result.json").read_text("utf-8"))
    assert facts.keys() >= KEYS
    limits = facts["limits"]
    assert {"time_limit", "seconds", "peak_memory_bytes"} <= limits.keys()
    assert limits["peak_memory_bytes"] < limits["planned_memory_bytes"] < 1e9
    oddest = facts["alarms"][: len(ODD)]
    assert {row["row"] for row in oddest} == set(ODD)
    assert all("mean area" in row["reason"] for row in oddest)
    assert any("on the moon" in row["reason"] for row in oddest)
    share = facts["anomalies"]["share"]
    assert 0 <= share["low"] <= share["value"] <= share["high"] < 0.2
    made = pl.read_parquet(run / "predictions.parquet")
    assert made.columns == ["id", "score", "anomaly", "reason", "nearest", "flags"]
    assert made["id"].to_list() == cells()["cell"].to_list()
    assert made["score"].is_between(0, 1).all()
    assert made["anomaly"][list(ODD)].to_list() == [1] * len(ODD)
    assert int(made["anomaly"].sum()) == facts["anomalies"]["called"] < 60
    assert ((made["reason"] != "") == (made["anomaly"] == 1)).all()
    assert all("instead of on the moon" in made["nearest"][row] for row in ODD)


def test_predicting_the_same_rows_gives_the_scores_of_the_run_bit_for_bit(
    deeplode: Program, run: Path, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again.parquet"
    done = deeplode("predict", str(run / "model.lode"), str(source), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert pl.read_parquet(out).equals(pl.read_parquet(run / "predictions.parquet"))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nets are trained for a moment: how well they learned is no matter."""
    monkeypatch.setattr(denoise, "STEPS", 20)
    monkeypatch.setattr(ranks, "QUICK", 10)


def test_the_same_seed_gives_the_same_bits_killed_or_not_and_another_one_others(
    deeplode: Program, killed: Killed, short: None, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    told = ("detect", str(source), "--threads", "1", "--out")
    killed(*told, str(out), once=(out / "checkpoint" / "isolation.safetensors").exists)
    assert not (out / "model.lode").exists()
    done = deeplode(*told, str(out), "--resume")
    assert done.returncode == 0, done.stderr
    assert not (out / "checkpoint").exists()
    for name, seed in (("one", "0"), ("other", "1")):
        assert deeplode(*told, str(tmp_path / name), "--seed", seed).returncode == 0
    assert learned(out) == learned(tmp_path / "one")
    assert learned(out) != learned(tmp_path / "other")


def test_order_of_rows_and_columns_and_neighbours_do_not_matter(run: Path) -> None:
    model = load(run)
    frame = cells()
    whole = model.predict_frame(frame)["score"].to_numpy()
    order = np.random.default_rng(0).permutation(len(frame))
    turned = model.predict_frame(frame[order].select(reversed(frame.columns)))["score"].to_numpy()
    np.testing.assert_allclose(turned, whole[order], rtol=1e-5, atol=1e-7)
    alone = np.concatenate([model.predict_frame(frame[row])["score"] for row in (0, 17, 299)])
    np.testing.assert_allclose(alone, whole[[0, 17, 299]], rtol=1e-5, atol=1e-7)


def test_odd_cells_get_a_score_and_a_flag_and_an_absent_column_an_error(
    deeplode: Program, run: Path, tmp_path: Path
) -> None:
    frame = (
        cells()
        .head(4)
        .with_columns(
            pl.Series("mean area", [None, np.nan, np.inf, 1e300]),
            pl.Series("place <b>", ["nowhere", None, "ward", "ward"]),
            pl.lit("more").alias("beside"),
        )
    )
    odd = tmp_path / "odd.parquet"
    frame.write_parquet(odd)
    done = deeplode("predict", str(run), str(odd), "--json")
    rows = json.loads(done.stdout)["predictions"]
    flags = [set(row["flags"].split()) for row in rows]
    assert flags[0] >= {"filled_in", "unseen_category"}
    assert "infinite" in flags[2]
    assert "out_of_range" in flags[3]
    assert all(0 <= row["score"] <= 1 for row in rows)
    frame.drop("mean area").write_parquet(odd)
    done = deeplode("predict", str(run), str(odd), "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["column"] == "mean area"


def test_capacity_and_share_say_how_many_rows_are_called(
    source: Path, tmp_path: Path, short: None
) -> None:
    for told, called in (({"capacity": 7}, 7), ({"contamination": "5%"}, 15)):
        out = str(tmp_path / str(called))
        run = detect(str(source), DetectOptions(out=out, threads=1).with_values(told))
        assert run.facts["anomalies"]["called"] == called


def test_clean_rows_set_a_threshold_that_few_of_them_would_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denoise, "STEPS", 300)
    monkeypatch.setattr(ranks, "QUICK", 60)
    clean, odd = tmp_path / "clean.csv", tmp_path / "odd.csv"
    frame = cells()
    frame.filter(~pl.Series(np.isin(np.arange(len(frame)), ODD))).write_csv(clean)
    frame[list(ODD)].write_csv(odd)
    run = detect(str(clean), DetectOptions(clean=True, out=str(tmp_path / "run"), threads=1))
    found = predict(str(run.folder), str(odd), PredictOptions())
    assert found["anomaly"].to_list() == [1] * len(ODD)
    assert run.facts["split"] == {"how": "clean", "train": 295}
    assert run.facts["anomalies"]["called"] <= 12


@pytest.mark.alone
def test_a_deadline_holds(program: Program, tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    path = tmp_path / "many.parquet"
    pl.DataFrame(
        chance.normal(size=(60_000, 20)), schema=[f"x{n}" for n in range(20)]
    ).write_parquet(path)
    began = time.monotonic()
    done = program("detect", str(path), "--out", str(tmp_path / "run"), "--time-limit", "10s")
    assert time.monotonic() - began < 12
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (("--contamination", "70%"), "E-OPT-005"),
        (("--contamination", "many"), "E-OPT-005"),
        (("--capacity", "0"), "E-OPT-004"),
        (("--clean", "--capacity", "3"), "E-OPT-006"),
        (("--contamination", "2%", "--capacity", "3"), "E-OPT-006"),
        (("--drop", "nothing"), "E-OPT-094"),
    ],
)
def test_what_makes_no_sense_is_refused(
    deeplode: Program, source: Path, tmp_path: Path, asked: tuple[str, ...], code: str
) -> None:
    out = tmp_path / "run"
    done = deeplode("detect", str(source), "--out", str(out), *asked, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == code
    assert not out.exists()


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_a_few_or_equal_rows_get_an_answer_or_a_clear_error(tmp_path: Path, rows: int) -> None:
    """Of 50 rows all are equal."""
    path = tmp_path / "few.csv"
    places = [n % 10 if rows < 10 else 0 for n in range(rows)]
    pl.DataFrame({"a": places, "b": [f"x{n}" for n in places]}).write_csv(path)
    out = tmp_path / "run"
    if rows != 2:
        with pytest.raises(DeeplodeError, match=r"too few rows|no column left"):
            detect(str(path), DetectOptions(out=str(out), threads=1))
        assert not out.exists()
        return
    detect(str(path), DetectOptions(out=str(out), threads=1))
    assert len(pl.read_parquet(out / "predictions.parquet")) == rows


def test_the_page_is_in_chinese_where_asked_and_escapes_what_columns_say(
    deeplode: Program, run: Path
) -> None:
    page = (run / "report.html").read_text("utf-8")
    assert "evaluate model.lode labelled.csv --target truth" in page
    assert "place <b>" not in page
    assert "place &lt;b&gt;" in page
    done = deeplode("report", str(run), "--lang", "zh")
    assert done.returncode == 0, done.stderr
    assert "值得查看的行" in (run / "report.html").read_text("utf-8")


def test_a_model_is_scored_on_rows_whose_truth_is_known(
    deeplode: Program, run: Path, tmp_path: Path
) -> None:
    path = tmp_path / "known.csv"
    truth = pl.Series("truth", np.where(np.isin(np.arange(300), ODD), "odd", "fine"))
    cells().with_columns(truth).write_csv(path)
    done = deeplode("evaluate", str(run), str(path), "--target", "truth", "--json")
    facts = json.loads(done.stdout)
    assert facts["anomalies"]["known"] == len(ODD)
    assert facts["metrics"]["roc_auc"]["value"] > 0.99
    assert facts["metrics"]["mar"]["value"] == 0
    assert 0 < facts["metrics"]["far"]["high"] < 0.3
    for asked, code in (
        ((), "E-OPT-160"),
        (("--target", "cell"), "E-DATA-095"),
        (("--target", "no"), "E-DATA-030"),
    ):
        done = deeplode("evaluate", str(run), str(path), *asked, "--json")
        assert json.loads(done.stdout)["error"]["code"] == code


@pytest.mark.parametrize("verb", ["detect", "cluster"])
def test_classes_that_an_archive_names_itself_are_not_looked_at_unless_asked(
    deeplode: Program, tmp_path: Path, verb: str
) -> None:
    chance = np.random.default_rng(0)
    path, asked = tmp_path / "set.npz", ("--json", "--out")
    np.savez(path, X=chance.normal(size=(200, 3)), y=np.arange(200) < 20)
    done = deeplode(verb, str(path), *asked, str(tmp_path / "bare"))
    facts = json.loads(done.stdout)
    assert "W-READ-014" in {warning["code"] for warning in facts["warnings"]}
    assert facts["source"]["columns"] == 3
    done = deeplode(verb, str(path), "--target", "y", *asked, str(tmp_path / "told"))
    facts = json.loads(done.stdout)
    assert "W-READ-014" not in {warning["code"] for warning in facts["warnings"]}
    assert facts["source"]["columns"] == 4

"""``detect --target``: a few known anomalies among rows that nobody labelled."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from deeplode import AnomalyDetector, load
from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table
from deeplode.detecting import run
from deeplode.detectoptions import DetectOptions, EvaluateOptions
from deeplode.detectors import denoise, ranks, semisupervised
from deeplode.errors import DataError, DeeplodeError, LimitError, OptionError
from deeplode.report.page import render
from deeplode.tasks.known import cases
from deeplode.tasks.room import room
from deeplode.verbs import evaluate

STEPS = {"bags", *(f"fold {fold}" for fold in range(1, 6))}  # of learning the known cases


def learned(run: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(run / "model.lode") as archive:
        return {name: archive.read(name) for name in ("schema.json", "weights.safetensors")}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nets are trained for a moment only."""
    monkeypatch.setattr(denoise, "STEPS", 20)
    monkeypatch.setattr(ranks, "QUICK", 10)


def frame() -> pl.DataFrame:
    """300 rows; the first 20 are of a sort that only two columns together show, five known."""
    chance = np.random.default_rng(0)
    x = chance.normal(size=(300, 4))
    x[:20, :2] = np.array([0.7, -0.7]) + 0.1 * x[:20, :2]
    made = pl.DataFrame(x, schema=["a", "b", "c", "d"])
    mark = pl.Series("fraud", ["yes" if row < 5 else None for row in range(300)])
    return made.with_columns(mark, pl.Series("name", [f"row {n}" for n in range(300)]))


def test_known_cases_are_used_their_copy_is_not_and_how_they_come_out_is_told(
    tmp_path: Path,
) -> None:
    source, out = tmp_path / "rows.csv", tmp_path / "run"
    copy = pl.col("fraud").eq("yes").fill_null(False).alias("copy")
    frame().with_columns(copy).write_csv(source)
    facts = run(str(source), DetectOptions(target="fraud", out=str(out), threads=1)).facts
    assert facts["answer"] == "semi_supervised"
    known = facts["anomalies"]["known"]
    assert known["count"] == 5
    assert known["others"] == 295
    assert 1 <= known["rank"]["low"] <= known["rank"]["value"] <= known["rank"]["high"] <= 296
    assert 0 <= known["recall"]["low"] <= known["recall"]["value"] <= known["recall"]["high"] <= 1
    assert ("W-AUDIT-001", "copy") in [(one["code"], one["column"]) for one in facts["warnings"]]
    made = pl.read_parquet(out / "predictions.parquet")["score"].to_numpy()
    assert (made[5:20, None] > made[20:]).mean() > 0.85
    assert "5 rows were known" in facts["verdict"]["text"]
    assert "被标出的已知异常" in render(json.loads((out / "result.json").read_text()), "zh")
    model = load(out)
    assert "fraud" not in model.feature_names_in_
    again = model.predict_frame(frame().drop("fraud", "name").head(40))["score"].to_numpy()
    assert np.isfinite(again).all()
    told = evaluate(str(out), str(source), EvaluateOptions())
    assert told["target"] == "fraud"
    assert told["metrics"]["roc_auc"]["value"] > 0.9


def test_rows_known_to_be_anomalies_are_never_told_to_be_none(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    x, mark = chance.normal(size=(150, 4)), np.arange(150) < 3
    x[mark] += 8
    source = tmp_path / "rows.csv"
    pl.DataFrame(x, schema=["a", "b", "c", "d"]).with_columns(fraud=mark).write_csv(source)
    told = DetectOptions(target="fraud", out=str(tmp_path / "run"), threads=1)
    facts = run(str(source), told).facts
    assert facts["anomalies"]["share"]["low"] >= 0.02
    assert "nothing odd" not in facts["verdict"]["text"]


@pytest.mark.skipif(os.name != "posix", reason="kills processes by signals")
@pytest.mark.parametrize("done", ["ranks", "bags", "fold 3"])
def test_killed_and_resumed_it_ends_as_the_undisturbed_one_and_begins_no_step_anew(
    deeplode: Callable[..., Any], killed: Callable[..., None], tmp_path: Path, done: str
) -> None:
    source, out, kept = tmp_path / "rows.csv", tmp_path / "run", tmp_path / "run" / "checkpoint"
    frame().write_csv(source)
    told = ("detect", str(source), "--target", "fraud", "--threads", "1", "--out")
    killed(*told, str(out), once=(kept / f"{done}.safetensors").exists)
    assert not (out / "model.lode").exists()
    before = {path.stem for path in kept.glob("*.safetensors")}
    assert done in before
    steps, fit = [], semisupervised.fit_bags
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semisupervised, "fit_bags", lambda *told: [steps.append(1), fit(*told)][1])
        ended = deeplode(*told, str(out), "--resume")
    assert len(steps) == len(STEPS - before)
    assert ended.returncode == 0, ended.stderr
    assert not kept.exists()
    assert deeplode(*told, str(tmp_path / "twin")).returncode == 0
    assert learned(out) == learned(tmp_path / "twin")


def test_the_estimator_learns_known_cases_where_it_is_told_to() -> None:
    rows, y = frame().select("a", "b", "c", "d"), np.arange(300) < 5
    model = AnomalyDetector(known=True, threads=1).fit(rows, y)
    assert (model.scores_[5:20, None] > model.scores_[20:]).mean() > 0.85
    with pytest.raises(DataError):
        model.fit(rows)


def test_a_search_that_does_not_fit_is_refused_before_it_begins() -> None:
    table = Table.of(frame().select(pl.all().repeat_by(200).explode()))
    schema = infer(table, Roles(target="fraud"))
    needed = room(table, schema, False, True, None)
    assert room(table, schema, False, True, 2 * needed) == needed
    with pytest.raises(LimitError) as told:
        room(table, schema, False, True, needed)
    assert told.value.code == "E-LIMIT-020"


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ([None, None, None], "E-DATA-105"),
        ([0, 0, None], "E-DATA-105"),
        (["yes", "yes", "1"], "E-DATA-106"),
        (["a", "b", "c"], "E-DATA-095"),
        (["a", "a", "a"], "E-DATA-095"),
    ],
)
def test_marks_that_say_nothing_are_refused(cells: list[object], code: str) -> None:
    with pytest.raises(DeeplodeError) as told:
        cases(pl.Series("mark", cells, strict=False), "rows.csv")
    assert told.value.code == code


def test_a_single_word_beside_empty_cells_marks_the_known_ones() -> None:
    assert cases(pl.Series(["fraud", "", None, " "]), "rows.csv").tolist() == [1, 0, 0, 0]
    assert cases(pl.Series([1.0, float("nan"), 0.0]), "rows.csv").tolist() == [1, 0, 0]


def test_of_two_numbers_without_a_zero_the_rarer_one_marks_an_anomaly() -> None:
    assert cases(pl.Series([1, -1, 1]), "rows.csv").tolist() == [0, 1, 0]
    assert cases(pl.Series([1.0, 2.0, 1.0]), "rows.csv").tolist() == [0, 1, 0]


def test_known_anomalies_among_clean_rows_are_a_case_for_train() -> None:
    with pytest.raises(OptionError) as told:
        DetectOptions(target="fraud", clean=True)
    assert told.value.code == "E-OPT-165"

"""``deeplode compare`` with files of options, labelled test rows, and kills in between."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer

Run = Callable[..., subprocess.CompletedProcess[str]]
Killed = Callable[..., None]
QUICK = ("--epochs", "3", "--hidden", "8", "--seeds", "2", "--vary", "optimizer=sgd,adam")
COURSES = (  # batches of two sizes: two courses, one after the other
    "--vary", "batch_size=3,4", "--vary", "hidden=8,6x4", "--vary", "optimizer=adam,rmsprop",
    "--epochs", "6", "--dropout", "0.1", "--seeds", "2", "--threads", "1", "--quiet",
)  # fmt: skip


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows to learn from and others to test on."""
    folder = tmp_path_factory.mktemp("rows")
    data = load_breast_cancer()
    frame = pl.DataFrame(data.data[:, :6], schema=[str(name) for name in data.feature_names[:6]])
    frame = frame.with_columns(pl.Series("outcome", data.target_names[data.target]))
    frame[:430].write_csv(folder / "train.csv")
    frame[430:].write_csv(folder / "test.csv")
    return folder


def compared(deeplode: Run, folder: Path, *arguments: str) -> dict[str, Any]:
    """The facts that are printed."""
    done = deeplode("compare", "train.csv", *arguments, "--json", "--force", cwd=folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def lasting(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts less what a clock or a folder decides."""
    combinations = [
        {**one, "seconds": None, "to_loss": {**one["to_loss"], "seconds": None}}
        for one in facts["combinations"]
    ]
    options = {**facts["options"], "out": None, "resume": None, "force": None}
    cost = {**facts["cost"], "seconds": None}
    return {**facts, "combinations": combinations, "options": options, "cost": cost, "limits": None}


def test_options_in_a_file_are_those_of_flags_and_flags_win(deeplode: Run, rows: Path) -> None:
    (rows / "choices.toml").write_text(
        'target = "outcome"\nepochs = 9\nhidden = [8]\nseeds = 2\n'
        '[vary]\noptimizer = ["sgd", "adam"]\n'
    )
    filed = compared(deeplode, rows, "--config", "choices.toml", "--epochs", "3", "--out", "a")
    flags = compared(deeplode, rows, "--target", "outcome", *QUICK, "--out", "b")
    assert lasting(filed) == lasting(flags)


def test_a_file_of_options_that_names_none_is_refused(deeplode: Run, rows: Path) -> None:
    (rows / "wrong.toml").write_text('[vary]\noptimiser = ["sgd"]\n')
    done = deeplode("compare", "train.csv", "--config", "wrong.toml", cwd=rows)
    assert done.returncode == 2
    assert "optimizer" in done.stderr


def test_rows_given_to_test_on_score_every_net_and_have_no_say(deeplode: Run, rows: Path) -> None:
    asked = ("--target", "outcome", *QUICK, "--out", "tested")
    frame = pl.read_csv(rows / "test.csv")
    numbers = frame.columns[:-1]
    frame.with_columns(pl.col(numbers) * -1e3).write_csv(rows / "poisoned.csv")
    honest = compared(deeplode, rows, *asked, "--test", "test.csv")
    poisoned = compared(deeplode, rows, *asked, "--test", "poisoned.csv")
    assert honest["split"]["how"] == "file"
    assert honest["split"]["test"] == frame.height
    assert honest["split"]["train"] + honest["split"]["valid"] == 430
    best = honest["combinations"][0]["test_metrics"]["roc_auc"]
    assert best["value"] > 0.9
    assert len(best["seeds"]) == 2
    assert "139 test rows" in honest["verdict"]["text"]
    assert "test rows" in (rows / "tested" / "report.html").read_text("utf-8")
    for one, other in zip(honest["combinations"], poisoned["combinations"], strict=True):
        assert one["test_metrics"] != other["test_metrics"]
        assert (one["name"], one["loss"], one["curves"], one["metrics"]) == (
            other["name"], other["loss"], other["curves"], other["metrics"],
        )  # fmt: skip
    aside = compared(deeplode, rows, *asked)
    assert {one["test_metrics"] is None for one in aside["combinations"]} == {True}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--test", "none.csv"), 3, "none.csv"),
        (("--test", "unlabelled.csv"), 3, "outcome"),
        (("--resume", "--out", "nowhere"), 2, "nothing to resume"),
        (("--resume", "--force"), 2, "exclude"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_tested_on_or_resumed_is_refused(
    deeplode: Run, rows: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    pl.read_csv(rows / "test.csv").drop("outcome").write_csv(rows / "unlabelled.csv")
    done = deeplode("compare", "train.csv", "--target", "outcome", *QUICK, *arguments, cwd=rows)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="kills processes by signals")
def test_a_comparison_killed_twice_and_resumed_ends_as_the_undisturbed_one(
    deeplode: Run, killed: Killed, rows: Path
) -> None:
    quiet = compared(deeplode, rows, "--target", "outcome", *COURSES, "--out", "quiet")
    kept = rows / "killed" / "checkpoint"
    asked = ("compare", "train.csv", "--target", "outcome", *COURSES, "--out", "killed")
    killed(*asked, once=(kept / "course-0" / "epochs.safetensors").exists, cwd=rows)
    asked = (*asked, "--resume")
    killed(*asked, once=(kept / "course-1" / "epochs.safetensors").exists, cwd=rows)
    refused = deeplode(*asked, "--learning-rate", "0.5", cwd=rows)
    assert refused.returncode == 2
    assert "other options" in refused.stderr
    assert kept.is_dir()  # and nothing is lost by asking
    done = deeplode(*asked, "--json", cwd=rows)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert lasting(facts) == lasting(quiet)
    assert json.loads((rows / "killed" / "result.json").read_text("utf-8")) == facts
    assert not kept.exists()
    last = (rows / "killed" / "log.jsonl").read_text("utf-8").rpartition('"name": "read"')[2]
    assert last.count('"event": "epoch"') <= 6  # the first course was not trained again

"""What design promises of every verb, asked of the real program on real rows."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from deeplode.options import TrainOptions
from deeplode.runtime import Budget
from deeplode.training import train

Program = Callable[..., subprocess.CompletedProcess[str]]
Killed = Callable[..., None]

QUICK = ("--epochs", "3", "--members", "2", "--hidden", "32,32", "--threads", "1")
FILES = {"model.lode", "result.json", "report.html", "predictions.parquet", "log.jsonl"}
KEYS = {
    "schema_version", "verb", "task", "source", "split", "metrics", "leaderboard", "verdict",
    "threshold", "calibration", "warnings", "findings", "importance", "training", "limits",
    "seed", "versions", "files",
}  # fmt: skip


def patients() -> pl.DataFrame:
    """Real measurements, with gaps and a category that says something of the answer."""
    data = load_breast_cancer()
    frame = pl.DataFrame(data.data[:, :8], schema=[str(name) for name in data.feature_names[:8]])
    rng = np.random.default_rng(0)
    size = np.where(data.data[:, 3] > 600, "large", "small")
    size[rng.random(len(size)) < 0.2] = "unknown"
    gap = rng.random(len(size)) < 0.1
    return frame.with_columns(
        pl.when(pl.Series(gap)).then(None).otherwise(pl.col("mean texture")).alias("mean texture"),
        pl.Series("size, by eye", size),
        pl.Series("outcome", data.target_names[data.target]),
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "patients.csv"
    patients().write_csv(path)
    return path


@pytest.fixture(scope="module")
def run(program: Program, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a process of its own."""
    out = tmp_path_factory.mktemp("runs") / "run"
    done = program("train", str(source), "--target", "outcome", "--out", str(out), *QUICK)
    assert done.returncode == 0, done.stderr
    return out


def learned(run: Path) -> dict[str, bytes]:
    """What a run learned, apart from what it measured: times differ from run to run."""
    with zipfile.ZipFile(run / "model.lode") as archive:
        return {name: archive.read(name) for name in ("schema.json", "weights.safetensors")}


def test_a_run_leaves_every_file_and_every_fact(run: Path) -> None:
    assert {path.name for path in run.iterdir()} == FILES
    facts = json.loads((run / "result.json").read_text("utf-8"))
    assert facts.keys() >= KEYS
    assert facts["task"] == "binary"
    assert [row["name"] for row in facts["leaderboard"]] == [
        "trivial", "linear", "trees", "net", "blend",
    ]  # fmt: skip
    assert facts["split"]["train"] + facts["split"]["valid"] + facts["split"]["test"] == 569
    for metric in facts["metrics"].values():
        assert metric["low"] <= metric["value"] <= metric["high"]


def test_predicting_the_features_gives_the_predictions_of_the_run_bit_for_bit(
    deeplode: Program, run: Path, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again.parquet"
    done = deeplode("predict", str(run / "model.lode"), str(source), "--out", str(out))
    assert done.returncode == 0, done.stderr
    made = pl.read_parquet(run / "predictions.parquet")
    again = pl.read_parquet(out)
    assert "truth" in made.columns
    assert "truth" not in again.columns
    assert again.height == 569
    assert again[made["id"].to_numpy()].equals(made.drop("truth"))


def test_the_same_seed_gives_the_same_bits(
    deeplode: Program, run: Path, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "twin"
    deeplode("train", str(source), "--target", "outcome", "--out", str(out), *QUICK)
    assert learned(out) == learned(run)
    assert pl.read_parquet(out / "predictions.parquet").equals(
        pl.read_parquet(run / "predictions.parquet")
    )


def test_another_seed_gives_another_model(
    deeplode: Program, run: Path, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "other"
    deeplode("train", str(source), "--target", "outcome", "--out", str(out), "--seed", "1", *QUICK)
    assert learned(out) != learned(run)


def test_order_of_rows_and_columns_and_neighbours_do_not_matter(
    deeplode: Program, run: Path, tmp_path: Path
) -> None:
    frame = patients().drop("outcome").with_row_index("number")
    whole = tmp_path / "whole.parquet"
    frame.write_parquet(whole)
    mixed = frame.sample(fraction=1, shuffle=True, seed=3)[::-1].select(sorted(frame.columns))
    part = tmp_path / "part.parquet"
    mixed.head(50).write_parquet(part)
    answers = []
    for path in (whole, part):
        out = path.with_suffix(".out.parquet")
        done = deeplode("predict", str(run), str(path), "--out", str(out))
        assert done.returncode == 0, done.stderr
        answers.append(pl.read_parquet(out)["probability_malignant"].to_numpy())
    places = mixed.head(50)["number"].to_numpy()
    np.testing.assert_allclose(answers[0][places], answers[1], rtol=1e-5, atol=1e-7)


def test_inputs_and_model_are_not_changed_by_predicting(
    deeplode: Program, run: Path, source: Path
) -> None:
    def digests() -> list[str]:
        return [
            hashlib.sha256(path.read_bytes()).hexdigest() for path in (source, run / "model.lode")
        ]

    before = digests()
    deeplode("predict", str(run), str(source))
    deeplode("evaluate", str(run), str(source))
    assert digests() == before


def test_test_rows_do_not_reach_anything_that_is_learned(
    deeplode: Program, source: Path, tmp_path: Path
) -> None:
    frame = patients()
    train, test = frame[:400], frame[400:]
    train.write_csv(tmp_path / "train.csv")
    numbers = [name for name, kind in test.schema.items() if kind.is_numeric()]
    poisoned = test.with_columns(pl.col(numbers) * 1e6, pl.lit("poison").alias("size, by eye"))
    models = []
    for name, rows in (("honest", test), ("poisoned", poisoned)):
        rows.write_csv(tmp_path / f"{name}.csv")
        out = tmp_path / name
        done = deeplode(
            "train", str(tmp_path / "train.csv"), "--target", "outcome", "--out", str(out),
            "--test", str(tmp_path / f"{name}.csv"), *QUICK,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        models.append(learned(out))
    assert models[0] == models[1]


def test_odd_rows_get_an_answer_and_a_flag(deeplode: Program, run: Path, tmp_path: Path) -> None:
    frame = patients().drop("outcome").head(6)
    first = frame.columns[0]
    odd = frame.with_columns(
        pl.Series(first, [float("inf"), float("nan"), 1e300, None, 12.0, 13.0]),
        pl.Series("size, by eye", ["never seen", "large", "large", "large", None, "small"]),
    )
    path = tmp_path / "odd.parquet"
    odd.write_parquet(path)
    out = tmp_path / "out.parquet"
    done = deeplode("predict", str(run), str(path), "--out", str(out))
    assert done.returncode == 0, done.stderr
    answers = pl.read_parquet(out)
    assert answers["probability_malignant"].is_finite().all()
    flags = [set(words.split()) for words in answers["flags"]]
    assert {"infinite", "unseen_category"} <= flags[0]
    assert "filled_in" in flags[1]
    assert "out_of_range" in flags[2]
    assert "filled_in" in flags[3]
    assert "filled_in" in flags[4]


def test_an_absent_column_is_named_and_extra_ones_are_passed_over(
    deeplode: Program, run: Path, tmp_path: Path
) -> None:
    frame = patients().drop("outcome")
    frame.with_columns(pl.lit(1).alias("extra")).write_csv(tmp_path / "extra.csv")
    assert deeplode("predict", str(run), str(tmp_path / "extra.csv")).returncode == 0
    frame.drop("mean area").write_csv(tmp_path / "less.csv")
    refused = deeplode("predict", str(run), str(tmp_path / "less.csv"), "--json")
    assert refused.returncode == 3
    error = json.loads(refused.stdout)["error"]
    assert error["column"] == "mean area"
    assert error["code"].startswith("E-DATA-06")
    assert "Traceback" not in refused.stderr


def test_a_regression_gives_ranges_that_hold_the_truth_about_nine_times_in_ten(
    deeplode: Program, tmp_path: Path
) -> None:
    data = load_diabetes()
    frame = pl.DataFrame(data.data, schema=data.feature_names).with_columns(
        pl.Series("progress", data.target)
    )
    frame.write_parquet(tmp_path / "diabetes.parquet")
    out = tmp_path / "run"
    done = deeplode(
        "train", str(tmp_path / "diabetes.parquet"), "--target", "progress", "--out", str(out),
        "--members", "8", "--epochs", "10", "--hidden", "32,32", "--threads", "1", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["task"] == "regression"
    assert facts["verdict"]["signal"] is True
    rows = pl.read_parquet(out / "predictions.parquet")
    assert rows.columns == ["id", "truth", "prediction", "low", "high", "flags"]
    held = rows.select(pl.col("truth").is_between("low", "high").mean()).item()
    assert 0.75 <= held <= 1


def begin(source: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    program = str(Path(sys.executable).with_name("deeplode"))
    return subprocess.Popen(
        [program, "train", str(source), "--target", "outcome", "--out", str(out), *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={name: value for name, value in os.environ.items() if name != "NO_COLOR"},
    )  # fmt: skip


def told(out: Path, event: str) -> int:
    """How many of these events the log of a run tells of."""
    log = out / "log.jsonl"
    return log.read_text("utf-8").count(f'"event": "{event}"') if log.exists() else 0


LONG = ("--epochs", "60", "--patience", "60", "--members", "2", "--hidden", "32,32",
        "--threads", "1", "--batch-size", "8")  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="kills processes by signals")
def test_a_run_killed_twice_and_resumed_ends_as_the_undisturbed_one(
    deeplode: Program, killed: Killed, source: Path, tmp_path: Path
) -> None:
    quiet, out = tmp_path / "quiet", tmp_path / "killed"
    asked = ("train", str(source), "--target", "outcome", *LONG, "--out")
    deeplode(*asked, str(quiet))
    killed(*asked, str(out), once=lambda: told(out, "stage") >= 5)  # trees grow, or just grew
    epochs = out / "checkpoint" / "epochs.safetensors"
    killed(*asked, str(out), "--resume", once=epochs.exists)
    assert epochs.exists()
    done = deeplode(*asked, str(out), "--resume")
    assert done.returncode == 0, done.stderr
    assert learned(out) == learned(quiet)
    assert not (out / "checkpoint").exists()


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_ctrl_c_saves_the_best_so_far_and_exits_with_130(
    deeplode: Program, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = begin(source, out, *LONG, "--epochs", "100000", "--patience", "100000")
    for _ in range(1200):
        if told(out, "epoch") >= 2:
            break
        time.sleep(0.05)
    assert told(out, "epoch") >= 2
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert deeplode("predict", str(out), str(source)).returncode == 0


@pytest.mark.alone
def test_the_time_limit_holds_with_everything_included(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    began = time.monotonic()
    process = begin(source, out, "--time-limit", "15s", "--epochs", "1000000", "--patience",
                    "1000000", "--threads", "1")  # fmt: skip
    _, said = process.communicate(timeout=120)
    wall = time.monotonic() - began
    assert process.returncode == 0, said
    assert wall <= 17
    facts = json.loads((out / "result.json").read_text("utf-8"))
    assert facts["limits"]["time_limit"] == 15
    assert facts["limits"]["seconds"] <= 17


def test_a_run_cut_by_its_time_limit_is_repeated_by_replay(
    deeplode: Program, source: Path, tmp_path: Path
) -> None:
    cut, again = tmp_path / "cut", tmp_path / "again"
    told = {"target": "outcome", "members": 2, "hidden": (32, 32), "threads": 1, "batch_size": 8}
    long = {"epochs": 100_000, "patience": 100_000, "time_limit": "7s", "out": str(cut)}
    options = TrainOptions().with_values({**told, **long})
    made = train(str(source), options, budget=Budget.begin(options.seconds))
    assert "W-RUN-001" in {one["code"] for one in made.facts["warnings"]}
    done = deeplode("train", str(source), "--replay", str(cut), "--out", str(again))
    assert done.returncode == 0, done.stderr
    assert learned(again) == learned(cut)


def test_a_run_of_another_verb_cannot_be_replayed(
    deeplode: Program, source: Path, tmp_path: Path
) -> None:
    facts = {"verb": "detect", "options": {"clean_rows": None}}
    (tmp_path / "result.json").write_text(json.dumps(facts), "utf-8")
    done = deeplode("train", str(source), "--replay", str(tmp_path), "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "E-OPT-097"


def test_limits_too_small_for_any_model_end_with_5_and_leave_nothing(
    program: Program, source: Path, tmp_path: Path
) -> None:
    for limit in (("--time-limit", "0.5s"), ("--memory-limit", "40MB")):
        out = tmp_path / "run"
        done = program(
            "train", str(source), "--target", "outcome", "--out", str(out), *limit, "--json"
        )
        assert done.returncode == 5, done.stderr
        assert json.loads(done.stdout)["error"]["code"].startswith("E-LIMIT")
        assert not (out / "model.lode").exists()


def test_json_is_one_object_and_the_same_as_result_json(
    deeplode: Program, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = deeplode(
        "train", str(source), "--target", "outcome", "--out", str(out), *QUICK, "--json"
    )
    assert json.loads(done.stdout) == json.loads((out / "result.json").read_text("utf-8"))

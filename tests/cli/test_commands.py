"""The real program on real data: every command, as users and scripts meet it."""

from __future__ import annotations

import io
import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer

Run = Callable[..., subprocess.CompletedProcess[str]]
QUICK = ["--epochs", "3", "--members", "2", "--hidden", "32,32"]
FILES = {"model.lode", "result.json", "report.html", "predictions.parquet", "log.jsonl"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with real measurements as CSV: 569 tumours, 30 columns and a target."""
    path = tmp_path_factory.mktemp("cli")
    frame = pl.from_pandas(load_breast_cancer(as_frame=True).frame)
    frame.write_csv(path / "tumours.csv")
    frame.drop("target").write_csv(path / "unlabelled.csv")
    return path


@pytest.fixture(scope="module")
def trained(place: Path, program: Run) -> subprocess.CompletedProcess[str]:
    """One training of the installed program whose run folder the other tests use."""
    done = program(
        "train", "tumours.csv", "--target", "target", "--out", "run", "--json", *QUICK, cwd=place
    )
    assert done.returncode == 0, done.stderr
    return done


def test_train_leaves_every_file_and_prints_the_content_of_result_json(
    trained: subprocess.CompletedProcess[str], place: Path
) -> None:
    assert {path.name for path in (place / "run").iterdir()} == FILES
    facts = json.loads(trained.stdout)
    assert facts == json.loads((place / "run" / "result.json").read_text("utf-8"))
    names = [one["name"] for one in facts["leaderboard"]]
    assert names == ["trivial", "linear", "trees", "net", "blend"]
    assert facts["metrics"]["roc_auc"]["value"] > 0.95


def test_train_ends_with_the_leaderboard_and_the_path_of_the_report(
    place: Path, deeplode: Run
) -> None:
    done = deeplode("train", "tumours.csv", "--target", "target", *QUICK, cwd=place)
    assert done.returncode == 0, done.stderr
    page = next(line.split()[-1] for line in done.stdout.splitlines() if "report.html" in line)
    assert page == "deeplode-runs/tumours-train-1/report.html"
    assert (place / page).is_file()
    for words in ("Boosted trees", "Deep net", "ROC AUC"):
        assert words in done.stdout
    assert "deep net" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_filled_folder_is_only_written_over_when_forced(place: Path, deeplode: Run) -> None:
    (place / "options.toml").write_text(
        'target = "target"\nepochs = 2\nmembers = 1\nhidden = [16]\nblend = false\nseed = 3\n'
    )
    command = ["train", "tumours.csv", "--config", "options.toml", "--out", "mine", "--json"]
    (place / "mine").mkdir()
    (place / "mine" / "result.json").write_text("precious")
    refused = deeplode(*command, cwd=place)
    assert refused.returncode == 2
    assert "--force" in json.loads(refused.stdout)["error"]["hint"]
    assert (place / "mine" / "result.json").read_text() == "precious"
    facts = json.loads(deeplode(*command, "--force", cwd=place).stdout)
    assert facts["seed"] == 3  # the file of options was read
    assert facts["training"]["epochs"] <= 2
    assert {path.name for path in (place / "mine").iterdir()} == FILES


def test_results_stay_where_a_forced_run_comes_to_nothing_and_none_is_left_beside_another_verbs(
    place: Path, deeplode: Run
) -> None:
    out = place / "again"
    quick = ("--epochs", "1", "--members", "1", "--out", "again", "--force")
    train = ("train", "tumours.csv", "--target")
    assert deeplode(*train, "target", *quick, cwd=place).returncode == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert deeplode(*train, "targte", *quick, cwd=place).returncode == 3
    assert deeplode(*train, "target", *quick, "--time-limit", "1s", cwd=place).returncode == 5
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    told = ("--target", "target", "--vary", "optimizer=sgd,adam", "--epochs", "1")
    done = deeplode("compare", "tumours.csv", *told, "--out", "again", "--force", cwd=place)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {"result.json", "report.html", "log.jsonl"}


def test_predictions_go_to_stdout_as_csv_in_the_order_of_the_rows(
    trained: subprocess.CompletedProcess[str], place: Path, deeplode: Run
) -> None:
    done = deeplode("predict", "run/model.lode", "unlabelled.csv", cwd=place)
    assert done.returncode == 0, done.stderr
    answers = pl.read_csv(io.StringIO(done.stdout))
    assert answers["id"].to_list() == list(range(569))
    assert {"prediction", "probability_0", "probability_1", "flags"} <= set(answers.columns)


def test_predictions_of_the_test_rows_are_those_of_the_run_bit_for_bit(
    trained: subprocess.CompletedProcess[str], place: Path, deeplode: Run
) -> None:
    done = deeplode("predict", "run", "unlabelled.csv", "--out", "a.parquet", "--force", cwd=place)
    assert done.returncode == 0, done.stderr
    kept = pl.read_parquet(place / "run" / "predictions.parquet")
    answers = pl.read_parquet(place / "a.parquet")
    assert answers[kept["id"]].equals(kept.drop("truth"))


def test_predict_reads_standard_input_and_prints_json(
    trained: subprocess.CompletedProcess[str], place: Path, program: Run
) -> None:
    text = "".join((place / "unlabelled.csv").read_text().splitlines(keepends=True)[:4])
    done = program("predict", "run/model.lode", "-", "--json", cwd=place, stdin=text)
    facts = json.loads(done.stdout)
    assert facts["rows"] == 3
    assert math.isclose(
        facts["predictions"][0]["probability_0"] + facts["predictions"][0]["probability_1"], 1
    )


def test_predict_does_not_write_over_a_file_unasked(
    trained: subprocess.CompletedProcess[str], place: Path, deeplode: Run
) -> None:
    (place / "mine.csv").write_text("precious")
    done = deeplode("predict", "run", "unlabelled.csv", "--out", "mine.csv", cwd=place)
    assert done.returncode == 2
    assert (place / "mine.csv").read_text() == "precious"


def test_evaluate_scores_labelled_rows(
    trained: subprocess.CompletedProcess[str], place: Path, deeplode: Run
) -> None:
    done = deeplode("evaluate", "run/model.lode", "tumours.csv", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "ROC AUC" in done.stdout
    facts = json.loads(deeplode("evaluate", "run", "tumours.csv", "--json", cwd=place).stdout)
    metric = facts["metrics"]["roc_auc"]
    assert metric["low"] <= metric["value"] <= metric["high"]


def test_report_is_written_in_the_language_asked_for(
    trained: subprocess.CompletedProcess[str], place: Path, deeplode: Run
) -> None:
    done = deeplode("report", "run", "--lang", "zh", "--out", "zh.html", cwd=place)
    assert (done.returncode, done.stdout) == (0, "zh.html\n")
    assert 'lang="zh' in (place / "zh.html").read_text("utf-8")
    done = deeplode("report", "run/model.lode", "--out", "zh.html", cwd=place)
    assert done.returncode == 2


def test_inspect_shows_kinds_and_the_memory_plan_and_trains_nothing(
    place: Path, deeplode: Run
) -> None:
    told = deeplode("inspect", "tumours.csv", "--quiet", cwd=place)
    assert told.returncode == 0, told.stderr
    assert "mean radius" in told.stdout
    assert "Memory: " not in told.stdout  # nobody knows what would be learned
    command = ["inspect", "tumours.csv", "--target", "target", "--kinds", "mean radius=category"]
    planned = deeplode(*command, cwd=place)
    assert "Memory: " in planned.stdout, planned.stderr
    facts = json.loads(deeplode(*command, "--json", cwd=place).stdout)
    kinds = {one["name"]: one["kind"] for one in facts["columns"]}
    assert kinds["mean radius"] == "category"
    assert kinds["mean texture"] == "number"
    assert facts["plan"]["bytes"] > 0
    assert not (place / "deeplode-runs" / "tumours-inspect-1").exists()


def test_doctor_names_the_versions(deeplode: Run) -> None:
    facts = json.loads(deeplode("doctor", "--json").stdout)
    assert facts["libraries"]["torch"]
    assert "torch" in deeplode("doctor").stdout


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("train", "absent.csv", "--target", "y"), 3, "absent.csv"),
        (("train", "tumours.csv", "--target", "targt"), 3, "target"),
        (("train", "tumours.csv"), 2, "--target"),
        (("train", "tumours.csv", "--target", "target", "--drop", "absent"), 2, "absent"),
        (("predict", "tumours.csv", "tumours.csv"), 6, "tumours.csv"),
        (("predict", "absent.lode", "tumours.csv"), 6, "absent.lode"),
        (("report", "absent"), 6, "absent"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_failures_have_their_status_and_name_the_culprit(
    arguments: tuple[str, ...], status: int, words: str, place: Path, deeplode: Run
) -> None:
    done = deeplode(*arguments, "--json", cwd=place)
    assert done.returncode == status, done.stdout
    assert words in json.dumps(json.loads(done.stdout)["error"])
    assert "Traceback" not in done.stderr


def test_scores_on_one_group_are_no_certainty_and_it_is_said(place: Path, deeplode: Run) -> None:
    tumours = pl.read_csv(place / "tumours.csv").with_row_index("row")
    tumours.with_columns(clinic=pl.col("row") % 5).drop("row").write_csv(place / "clinics.csv")
    done = deeplode(
        "train",
        "clinics.csv",
        "--target",
        "target",
        "--group",
        "clinic",
        "--json",
        *QUICK,
        cwd=place,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    (told,) = (one for one in facts["warnings"] if one["code"] == "W-KIND-012")
    assert told["values"]["count"] == 1
    for one in facts["leaderboard"]:
        assert one["metrics"]["log_loss"]["low"] < one["metrics"]["log_loss"]["high"]

"""``deeplode compare`` as users run it: screen, JSON, run folder, page, bad input, Chinese."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

Run = Callable[..., subprocess.CompletedProcess[str]]
CANCER = ("compare", "demo:breast-cancer", "--target", "target")
QUICK = ("--epochs", "3", "--hidden", "8")
TWO = ("--vary", "optimizer=sgd,adam")


@pytest.fixture(scope="module")
def twelve(deeplode: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Four optimizers with three activations and three seeds: the JSON printed, and the folder."""
    folder = tmp_path_factory.mktemp("twelve")
    done = deeplode(
        *CANCER, "--vary", "optimizer=sgd,momentum,rmsprop,adam",
        "--vary", "activation=sigmoid,tanh,relu", "--seeds", "3", "--epochs", "12", "--json",
        cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), folder / "deeplode-runs" / "breast-cancer-compare-1"


def test_json_is_one_object_with_twelve_combinations_and_is_kept_as_result_json(
    twelve: tuple[dict[str, Any], Path],
) -> None:
    facts, folder = twelve
    assert facts["verb"] == "compare"
    assert facts["schema_version"] == 1
    assert len({one["name"] for one in facts["combinations"]}) == 12
    assert facts["seeds"] == [0, 1, 2]
    assert {one["option"] for one in facts["effects"]} == {"optimizer", "activation"}
    assert facts["verdict"]["best"] == facts["combinations"][0]["name"]
    names = facts["verdict"]["real"] + facts["verdict"]["noise"]
    assert len(names) == 11
    assert "sgd · sigmoid" in facts["verdict"]["real"]  # plain descent hardly moves three sigmoids
    assert json.loads((folder / "result.json").read_text("utf-8")) == facts
    assert {path.name for path in folder.iterdir()} == {*facts["files"].values()}
    events = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
    assert sum(one["event"] == "epoch" for one in events) == 12


def test_the_page_has_the_curves_of_all_combinations_and_is_made_anew_in_chinese(
    deeplode: Run, twelve: tuple[dict[str, Any], Path]
) -> None:
    facts, folder = twelve
    page = (folder / "report.html").read_text("utf-8")
    assert len(page.encode()) < 3_000_000
    assert page.count("<svg") == 1 + 3 + 12
    for one in facts["combinations"]:
        assert one["name"] in page
    done = deeplode("report", str(folder), "--lang", "zh", "--out", str(folder.parent / "zh.html"))
    assert done.returncode == 0, done.stderr
    assert "学习曲线" in (folder.parent / "zh.html").read_text("utf-8")


def test_the_screen_ranks_and_judges_in_eighty_columns(deeplode: Run, tmp_path: Path) -> None:
    done = deeplode(*CANCER, *TWO, *QUICK, "--vary", "hidden=4,8x4", cwd=tmp_path)
    assert done.returncode == 2
    assert "exclude" in done.stderr
    done = deeplode(
        *CANCER, *TWO, "--vary", "hidden=4,8x4", "--vary", "learning-rate=0.001,0.01",
        "--epochs", "3", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for words in ("8 combinations, 3 seeds each", "learning_rate 0.01", " best", "noise"):
        assert words in done.stdout
    assert "24 nets" in done.stderr
    lines = [line for line in done.stdout.splitlines() if "deeplode-runs" not in line]
    assert max(cell_len(line) for line in lines) <= 80


def test_chinese_on_screen_and_page(deeplode: Run, tmp_path: Path) -> None:
    done = deeplode(*CANCER, *TWO, *QUICK, "--lang", "zh", "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 个组合，每个 3 个种子" in done.stdout
    assert "验证损失" in (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "验证数据上最好的是" in (tmp_path / "run" / "result.json").read_text("utf-8")


def test_a_run_that_is_there_is_not_overwritten_without_force(
    deeplode: Run, tmp_path: Path
) -> None:
    asked = (*CANCER, *TWO, *QUICK, "--seeds", "1", "--out", "run", "--quiet")
    (tmp_path / "run").mkdir()
    mine = tmp_path / "run" / "result.json"
    mine.write_text("mine")
    again = deeplode(*asked, cwd=tmp_path)
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert mine.read_text() == "mine"
    assert deeplode(*asked, "--force", cwd=tmp_path).returncode == 0
    assert json.loads(mine.read_text("utf-8"))["verb"] == "compare"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--vary", "optimiser=sgd"), 2, "optimizer"),
        (("--vary", "optimizer=adm"), 2, "adam"),
        (("--vary", "optimizer"), 2, "NAME=A,B"),
        (("--vary", "seed=1,2"), 2, "cannot be varied"),
        (("--vary", "learning_rate=0.1,x"), 2, "float"),
        (("--vary", "dropout=0,2"), 2, "0 … 1"),
        (("--vary", "l1=0,0"), 2, "twice"),
        ((), 2, "--vary"),
        ((*TWO, "--seeds", "0"), 2, "seeds"),
        ((*TWO, "--to-loss", "0"), 2, "> 0"),
        ((*TWO, "--drop", "nothing"), 2, "nothing"),
        ((*TWO, "--target", "tarket"), 3, "target"),
        ((*TWO, "--seeds", "9000"), 2, "18000 nets"),
        ((*TWO, "--seeds", "300"), 2, "600 nets"),
        ((*TWO, "--epochs", "100000", "--time-limit", "8s"), 5, "6 nets"),
        ((*TWO, "--memory-limit", "300MB"), 5, "MB"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_refused_with_its_mend(
    deeplode: Run, tmp_path: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    done = deeplode(*CANCER, *arguments, cwd=tmp_path)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_errors_are_json_where_json_is_asked_for(deeplode: Run, tmp_path: Path) -> None:
    done = deeplode(*CANCER, "--vary", "optimizer=adm", "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "E-OPT-009"


@pytest.mark.alone
def test_a_time_limit_is_kept(program: Run, tmp_path: Path) -> None:
    done = program(*CANCER, *TWO, *QUICK, "--time-limit", "60s", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    limits = json.loads(done.stdout)["limits"]
    assert limits["time_limit"] == 60
    assert limits["seconds"] < 62

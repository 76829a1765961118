"""``deeplode cluster``: groups with names, a model that answers alone, the promises of a run."""

from __future__ import annotations

import json
import os
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deeplode.clustering import run as cluster
from deeplode.clusteroptions import ClusterOptions
from deeplode.clusters import embedding, number
from deeplode.runtime import Budget

Program = Callable[..., subprocess.CompletedProcess[str]]
Killed = Callable[..., None]
ASKED = ("--target", "segment", "--timestamp", "day", "--threads", "1", "--quiet")


def customers(rows: int = 600) -> pl.DataFrame:
    """Three segments; the third grows in the last month."""
    chance = np.random.default_rng(0)
    month = np.arange(rows) * 3 // rows
    weights = np.where(month[:, None] == 2, (0.2, 0.2, 0.6), (0.4, 0.4, 0.2))
    group = (weights.cumsum(1) < chance.random((rows, 1))).sum(1)
    return pl.DataFrame(
        {
            "id": [f"c{at}" for at in range(rows)],
            "age": chance.normal(np.array([25, 45, 65])[group], 3).round(1),
            "spent": chance.normal(np.array([10, 200, 60])[group], 8).round(2),
            "plan": np.array(["basic", "gold", "trade"])[group],
            "day": [f"2026-0{one + 1}-15" for one in month],
            "segment": np.array(["young", "rich", "firm"])[group],
        }
    )


@pytest.fixture(autouse=True, scope="module")
def short() -> Iterator[None]:
    """The net is trained for a moment only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "STEPS", 60)
        patch.setattr(number, "HALVES", 3)
        yield


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("customers") / "customers.csv"
    customers().write_csv(path)
    return path


@pytest.fixture(scope="module")
def run(deeplode: Program, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    out = tmp_path_factory.mktemp("runs") / "groups"
    done = deeplode("cluster", str(source), *ASKED, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "plan" in done.stdout
    assert str(out / "report.html")[-20:] in done.stdout.replace("\n", "")
    return out


def test_a_run_leaves_groups_with_names_scores_and_the_latest_change(run: Path) -> None:
    facts = json.loads((run / "result.json").read_text("utf-8"))
    assert {one.name for one in run.iterdir()} == {
        "model.lode", "result.json", "report.html", "predictions.parquet", "log.jsonl",
    }  # fmt: skip
    assert facts["verb"] == "cluster"
    assert facts["clusters"]["value"] == 3
    assert facts["metrics"]["acc"]["value"] > 0.95
    assert facts["metrics"]["nmi"]["low"] <= facts["metrics"]["nmi"]["value"]
    assert facts["split"] == {"how": "random", "train": 450, "test": 150}
    assert {one["name"] for one in facts["leaderboard"]} == {
        "k_means", "pca_k_means", "pca_mixture", "embedding_mixture",
    }  # fmt: skip
    assert all(one["apart"] for one in facts["valleys"])
    assert facts["periods"]["names"] == ["2026-01", "2026-02", "2026-03"]
    table = pl.read_parquet(run / "predictions.parquet")
    third = {"firm"}
    grown = [one["cluster"] for one in facts["periods"]["changes"] if one["low"] > 0]
    segments = table.with_columns(customers()["segment"]).filter(pl.col("cluster").is_in(grown))
    assert set(segments["segment"]) == third


def test_no_row_that_is_told_of_formed_a_group_and_the_target_is_not_learned(run: Path) -> None:
    facts = json.loads((run / "result.json").read_text("utf-8"))
    columns = {one["rule"]["column"] for one in facts["findings"]}
    assert columns == {"age", "spent", "plan"}
    assert max(one["support"] for one in facts["findings"]) <= facts["split"]["test"]
    schema = json.loads(zipfile.ZipFile(run / "model.lode").read("schema.json"))
    assert "segment" not in json.dumps(schema["encoder"])


def test_the_model_file_alone_puts_new_rows_into_groups(
    run: Path, deeplode: Program, source: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "only.lode"
    moved.write_bytes((run / "model.lode").read_bytes())
    out = tmp_path / "answers.parquet"
    done = deeplode("predict", str(moved), str(source), "--out", str(out), "--quiet")
    assert done.returncode == 0, done.stderr
    assert pl.read_parquet(out).equals(pl.read_parquet(run / "predictions.parquet"))
    done = deeplode("evaluate", str(moved), str(source), "--json", "--quiet")
    assert json.loads(done.stdout)["metrics"]["acc"]["value"] > 0.95
    assert str(source.parent) not in (run / "model.lode").read_bytes().decode("latin-1")


def test_the_same_seed_gives_the_same_bits_and_a_killed_run_is_resumed_to_them(
    run: Path, deeplode: Program, killed: Killed, source: Path, tmp_path: Path
) -> None:
    def learned(folder: Path) -> dict[str, bytes]:
        with zipfile.ZipFile(folder / "model.lode") as archive:
            return {name: archive.read(name) for name in ("schema.json", "weights.safetensors")}

    out = tmp_path / "run"
    told = ("cluster", str(source), *ASKED, "--out", str(out))
    if os.name == "posix":
        killed(*told, once=(out / "checkpoint" / "k_means.safetensors").exists)
        assert not (out / "model.lode").exists()
        told = (*told, "--resume")
    done = deeplode(*told)
    assert done.returncode == 0, done.stderr
    assert learned(out) == learned(run)


def test_so_many_groups_as_asked_for_and_chinese(
    deeplode: Program, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    asked = ("--clusters", "5", "--drop", "segment,day", "--threads", "1", "--lang", "zh")
    done = deeplode("cluster", str(source), *asked, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "组" in done.stdout
    table = pl.read_parquet(out / "predictions.parquet")
    assert set(table["cluster"]) - {0} == {1, 2, 3, 4, 5}
    assert "分组的方法" in (out / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("asked", "code", "status"),
    [
        (("--clusters", "many"), "E-OPT-005", 2),
        (("--clusters", "900"), "E-DATA-160", 3),
        (("--memory-limit", "400MB"), "E-LIMIT-001", 5),
    ],
)
def test_what_cannot_be_done_is_refused_with_nothing_left(
    deeplode: Program, source: Path, tmp_path: Path, asked: tuple[str, ...], code: str, status: int
) -> None:
    out = tmp_path / "run"
    done = deeplode("cluster", str(source), *asked, "--out", str(out), "--json", "--quiet")
    assert done.returncode == status, done.stderr
    assert json.loads(done.stdout)["error"]["code"] == code
    assert not out.exists()


@pytest.mark.alone
def test_the_time_limit_holds_with_saving_included(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "STEPS", 100_000)
    path, out = tmp_path / "many.parquet", tmp_path / "run"
    customers(20_000).write_parquet(path)
    told = {"drop": ("segment",), "out": str(out), "time_limit": "8s", "threads": 1}
    began = time.monotonic()
    options = ClusterOptions().with_values(told)
    facts = cluster(str(path), options, budget=Budget.begin(8.0, None)).facts
    assert time.monotonic() - began < 10.0
    assert facts["limits"]["time_limit"] == 8.0

"""What design promises of every verb, asked of ``train`` and ``detect`` on series."""

from __future__ import annotations

import json
import os
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from deeplode.detecting import run as detect
from deeplode.detectoptions import DetectOptions
from deeplode.detectors import denoise, ranks
from deeplode.options import TrainOptions
from deeplode.runtime import Budget
from deeplode.training import train

Program = Callable[..., subprocess.CompletedProcess[str]]
Killed = Callable[..., None]

SERIES = ("--timestamp", "hour", "--group", "machine", "--threads", "1", "--quiet")
NET = ("--epochs", "6", "--batch-size", "8", "--members", "1", "--hidden", "8")
VERBS = {  # verb: its arguments after the source, and a file of its checkpoint
    "train": (("--target", "wear", "--window", "6", *NET, *SERIES), "epochs.safetensors"),
    "detect": (("--drop", "wear", *SERIES), "isolation.safetensors"),
}


def machines(count: int = 8, size: int = 60) -> pl.DataFrame:
    """Machines that wear out: the answer is the mean of the last readings."""
    chance = np.random.default_rng(0)
    parts = []
    for machine in range(count):
        heat = chance.normal(size=size).cumsum()
        columns = {"heat": heat, "hum": chance.normal(size=size), "hour": np.arange(size)}
        wear = [heat[max(0, at - 4) : at + 1].mean() for at in range(size)]
        parts.append(pl.DataFrame({**columns, "machine": f"m{machine}", "wear": wear}))
    return pl.concat(parts)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("series") / "machines.parquet"
    machines().write_parquet(path)
    return path


@pytest.fixture(autouse=True, scope="module")
def short() -> Iterator[None]:
    """The net of the detectors is trained for a moment only; killed before, it is not there yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denoise, "STEPS", 20)
        patch.setattr(ranks, "QUICK", 10)
        yield


@pytest.fixture(scope="module", params=VERBS)
def verb(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def run(
    verb: str, deeplode: Program, source: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A finished run."""
    out = tmp_path_factory.mktemp("runs") / verb
    done = deeplode(verb, str(source), *VERBS[verb][0], "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out


def learned(run: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(run / "model.lode") as archive:
        return {name: archive.read(name) for name in ("schema.json", "weights.safetensors")}


def test_the_same_seed_gives_the_same_bits(
    verb: str, run: Path, deeplode: Program, source: Path, tmp_path: Path
) -> None:
    deeplode(verb, str(source), *VERBS[verb][0], "--out", str(tmp_path / "twin"))
    assert learned(tmp_path / "twin") == learned(run)
    made = [pl.read_parquet(one / "predictions.parquet") for one in (run, tmp_path / "twin")]
    assert made[0].equals(made[1])


@pytest.mark.skipif(os.name != "posix", reason="kills processes by signals")
def test_killed_and_resumed_it_ends_as_the_undisturbed_one(
    verb: str, run: Path, deeplode: Program, killed: Killed, source: Path, tmp_path: Path
) -> None:
    asked, file = VERBS[verb]
    out = tmp_path / "run"
    told = (verb, str(source), *asked, "--out", str(out))
    killed(*told, once=(out / "checkpoint" / file).exists)
    assert not (out / "model.lode").exists()
    done = deeplode(*told, "--resume")
    assert done.returncode == 0, done.stderr
    assert learned(out) == learned(run)
    assert not (out / "checkpoint").exists()


def test_a_memory_limit_that_nothing_fits_into_ends_with_5_and_leaves_nothing(
    verb: str, program: Program, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    told = (*VERBS[verb][0], "--out", str(out), "--memory-limit", "400MB", "--json")
    done = program(verb, str(source), *told)
    assert done.returncode == 5, done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "E-LIMIT-001"
    assert not out.exists()


@pytest.mark.alone
def test_the_time_limit_holds_with_saving_included(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denoise, "STEPS", 100_000)
    path, out = tmp_path / "many.parquet", tmp_path / "run"
    machines(30, 400).write_parquet(path)
    told: dict[str, Any] = {"timestamp": "hour", "group": "machine", "out": str(out)}
    told |= {"time_limit": "6s", "threads": 1}
    began = time.monotonic()
    if verb == "train":
        long = {"target": "wear", "window": "6", "epochs": 100_000, "patience": 100_000}
        train(str(path), TrainOptions().with_values(told | long), budget=Budget.begin(6))
    else:
        detect(str(path), DetectOptions().with_values(told), budget=Budget.begin(6))
    assert time.monotonic() - began < 8
    facts = json.loads((out / "result.json").read_text("utf-8"))
    assert facts["limits"]["time_limit"] == 6
    assert facts["limits"]["seconds"] < 8
    told_so = "W-RUN-001" in {one["code"] for one in facts["warnings"]}
    assert told_so or facts["training"]["epochs"] < 100_000  # the limit had a say

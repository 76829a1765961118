"""What the memory plan says is what a whole run of the real program takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from deeplode.memory import PROGRAM

pytestmark = pytest.mark.alone

PROGRAM_CODE = "from deeplode.cli.main import run; run()"
SMALL = ("--target", "target", "--epochs", "1", "--json")


# Linux hands the peak of whoever starts a program on to it; so a small process starts it here.
LAUNCH = """
import json, resource, subprocess, sys
ended = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print(json.dumps([ended.returncode, peak, json.loads(ended.stdout)]))
"""


def train(*arguments: str) -> tuple[int, int, dict[str, Any]]:
    """Exit status, peak memory in bytes as the kernel counts it, and the object printed."""
    python = [sys.executable, "-c"]
    command = [*python, LAUNCH, *python, PROGRAM_CODE, "train", *arguments]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    status, peak, facts = json.loads(printed)
    return status, peak, facts


def test_the_peak_of_a_run_is_as_planned_told_truly_and_below_its_limit(tmp_path: Path) -> None:
    limit = 1_000_000_000
    out = str(tmp_path / "run")
    status, peak, facts = train("demo:wine", *SMALL, "--out", out, "--memory-limit", str(limit))
    assert status == 0, facts
    assert peak < limit
    assert facts["limits"]["peak_memory_bytes"] == pytest.approx(peak, rel=0.1)
    assert 0.7 < peak / facts["limits"]["planned_memory_bytes"] < 1.1


def test_a_table_that_is_large_for_its_limit_is_learned_from_in_part(tmp_path: Path) -> None:
    row = pl.int_range(0, 300_000, eager=True)
    numbers = {f"column {at}": (row.hash(at) % 1000) / 7 for at in range(12)}
    noise = row.hash(99) % 1000  # nothing to learn: the trees are done soon
    frame = pl.DataFrame({**numbers, "target": noise})
    frame.write_parquet(tmp_path / "large.parquet")
    limit = PROGRAM + 190_000_000
    source, out = str(tmp_path / "large.parquet"), str(tmp_path / "run")
    arguments = (*SMALL, "--hidden", "16", "--out", out, "--memory-limit", str(limit))
    status, peak, facts = train(source, *arguments)
    assert status == 0, facts
    assert peak < limit
    told = {one["code"]: one["message"] for one in facts["warnings"]}
    assert {"W-LIMIT-003", "W-LIMIT-004"} & told.keys()
    assert facts["split"]["train"] < 240_000


def test_a_limit_below_the_program_itself_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    out = tmp_path / "run"
    status, peak, facts = train("demo:wine", *SMALL, "--out", str(out), "--memory-limit", "200MB")
    assert status == 5
    assert facts["error"]["code"] == "E-LIMIT-001"
    assert peak < 200_000_000
    assert not out.exists()

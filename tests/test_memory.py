"""The peak stays below the memory limit, or the run ends with exit status 5 before harm."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

from deeplode import memory
from deeplode.errors import LimitError
from deeplode.runtime import Budget

pytestmark = pytest.mark.alone

LIMIT = 700_000_000

PROGRAM = """
    import json, sys, time
    import numpy as np
    from deeplode import memory
    from deeplode.output import replacing
    from deeplode.runtime import Budget

    def tell(error):
        print(json.dumps({"peak": memory.peak_memory(), **error.as_json()}), flush=True)

    limit, kind, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    if kind == "torch":
        import torch
    if kind == "polars":
        import polars as pl
    budget, held = Budget.begin(memory_limit=limit), []
    with memory.guard(budget, tell), replacing(path) as file:
        while not (kind == "polite" and budget.until(1).stop()):
            if kind == "polite":
                held.append(np.ones(100_000))
                time.sleep(0.0005)
            elif kind == "numpy":
                held.append(np.ones(20_000_000))
            elif kind == "one":
                held.append(np.ones(2_000_000_000))
            elif kind == "torch":
                held.append(torch.ones(20_000_000))
            elif kind == "polars":
                held.append(pl.int_range(0, 20_000_000, eager=True) * 2)
            elif kind == "lists":
                held.append(list(range(100_000)))
        print(json.dumps({"stop": budget.stop(), "peak": memory.peak_memory()}))
"""


def run(kind: str, path: Any) -> tuple[int, dict[str, Any]]:
    """Exit status and facts of a real process that takes memory without end."""
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(LIMIT), kind, str(path)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert ended.stderr == ""
    facts: dict[str, Any] = json.loads(ended.stdout)
    return ended.returncode, facts


@pytest.mark.parametrize("kind", ["numpy", "one", "torch", "polars", "lists"])
def test_a_process_that_takes_memory_without_end_is_ended_below_the_limit(
    kind: str, tmp_path: Any
) -> None:
    status, facts = run(kind, tmp_path / "model.lode")
    assert status == 5
    assert facts["code"] == "E-LIMIT-002"
    assert facts["peak"] < LIMIT
    assert list(tmp_path.iterdir()) == []  # nor is a half-written file left


def test_work_that_asks_is_told_to_stop_before_it_comes_to_that(tmp_path: Any) -> None:
    status, facts = run("polite", tmp_path / "model.lode")
    assert status == 0
    assert facts["stop"] == "memory"
    assert facts["peak"] < LIMIT
    assert (tmp_path / "model.lode").exists()


def test_without_a_limit_nobody_watches() -> None:
    def tell(error: LimitError) -> None:
        raise AssertionError(error)

    budget = Budget.begin()
    with memory.guard(budget, tell):
        assert budget.stop() is None


@pytest.mark.parametrize("limit", [500_000_000, 1_500_000_000, 6_000_000_000, 400_000_000_000])
def test_the_marks_leave_room_to_end_in(limit: int) -> None:
    soft, hard = memory.marks(limit)
    assert soft < hard < limit
    assert hard - soft >= 64_000_000
    assert limit - hard >= 64_000_000
    assert soft > 0.7 * limit


def test_the_peak_is_our_own_and_not_that_of_whoever_started_us() -> None:
    ballast = np.ones(50_000_000)  # 400 MB, touched
    code = "from deeplode.memory import peak_memory; print(peak_memory())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < ballast.nbytes


def test_what_is_held_and_the_peak_are_measured() -> None:
    before = memory.rss()
    block = np.ones(25_000_000)  # 200 MB
    during = memory.rss()
    assert during - before > 190_000_000
    assert memory.peak_memory() > before + 190_000_000
    del block
    assert memory.give_back() < during - 190_000_000
    assert memory.peak_memory() > during - 1_000_000  # the kernel counts by batches of pages


def test_the_peak_is_that_of_this_program_not_of_the_one_that_started_it() -> None:
    block = np.ones(40_000_000)  # 320 MB, held while the other starts
    code = "from deeplode.memory import peak_memory; print(peak_memory())"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert int(done.stdout) < block.nbytes / 2

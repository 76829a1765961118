"""What this machine has, and what of it a container leaves to this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deeplode import machine

ASK = """
import json, os, sys
for folder in sys.argv[1:]:
    open(folder + "/cgroup.procs", "w").write(str(os.getpid()))
from deeplode import machine
print(json.dumps([machine.memory_total(), machine.memory_available(), machine.usable_threads()]))
"""
LIMIT = 400 * 2**20


def ask(*folders: Path, **environment: str) -> tuple[int, int, int]:
    """Memory in all, memory free and threads, as seen inside these control groups."""
    command = [sys.executable, "-c", ASK, *map(str, folders)]
    kept = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    done = subprocess.run(command, env={**kept, **environment}, check=True, capture_output=True)
    total, available, threads = json.loads(done.stdout)
    return total, available, threads


@pytest.fixture
def limited() -> Iterator[list[Path]]:
    """Control groups of 400 MB and one core, made for this test."""
    root, made = Path("/sys/fs/cgroup"), []
    if (root / "memory").is_dir():
        settings = {
            "memory": {"memory.limit_in_bytes": str(LIMIT)},
            "cpu": {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "100000"},
        }
    else:
        settings = {"": {"memory.max": str(LIMIT), "cpu.max": "100000 100000"}}
    try:
        for controller, values in settings.items():
            folder = Path(tempfile.mkdtemp(prefix="deeplode-test-", dir=root / controller))
            made.append(folder)
            for name, value in values.items():
                (folder / name).write_text(value)
        yield made
    except OSError as error:
        pytest.skip(f"control groups cannot be made here: {error}")
    finally:
        for folder in made:
            folder.rmdir()


def test_a_containers_memory_and_cores_count_not_the_machines(limited: list[Path]) -> None:
    total, available, threads = ask(*limited)
    assert total == LIMIT
    assert 0 < available < LIMIT
    assert threads == 1


def test_without_a_container_the_machine_counts() -> None:
    total, available, threads = ask()
    assert total <= psutil.virtual_memory().total
    assert 0 < available <= total
    assert 1 <= threads <= (os.cpu_count() or 1)


def test_the_user_can_ask_for_fewer_threads() -> None:
    assert ask(OMP_NUM_THREADS="1")[2] == 1
    assert ask(OMP_NUM_THREADS="nonsense")[2] == ask()[2]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_only_cores_that_the_process_may_use_count() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert machine.usable_threads() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_the_facts_are_plain_json_and_name_what_results_depend_on(tmp_path: Path) -> None:
    facts = machine.machine_facts(tmp_path)
    assert json.loads(json.dumps(facts)) == facts
    assert {"torch", "polars", "lightgbm", "numpy"} <= facts["libraries"].keys()
    assert facts["output"]["writable"] is True
    assert facts["output"]["free"] > 0
    absent = machine.machine_facts(tmp_path / "absent")["output"]
    assert absent["writable"] is False
    assert absent["free"] is None

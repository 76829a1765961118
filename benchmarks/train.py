"""What `deeplode train` costs: time, memory, and whether it keeps the limits that it was given.

    python benchmarks/train.py
    python benchmarks/train.py --only limit

full: Adult without a limit; bounds 90 s and 1.5 GB on 2 cores.
limit: Adult with --time-limit 20s; bound 21 s, and a model must be there.
large: 500 000 x 50 made rows with --memory-limit 6GB; bound 6 GB.

Wall seconds and peak memory are those of the whole process, start and saving included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from machine import BYTES_PER_RSS_UNIT, header
from sets import folder
from tables import markdown

LARGE_ROWS, LARGE_NUMBERS, LARGE_CATEGORIES = 500_000, 40, 10
GB = 10**9


@dataclass(frozen=True)
class Case:
    """A source, its flags, and the bounds in seconds and bytes (None: no bound)."""

    name: str
    source: Path
    flags: tuple[str, ...]
    seconds: float | None
    bytes: float | None


def made_rows(path: Path) -> None:
    """A table of normal numbers and skewed categories with a curved signal; seed 0."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(LARGE_ROWS, LARGE_NUMBERS)).astype(np.float32)
    codes = rng.geometric(0.1, size=(LARGE_ROWS, LARGE_CATEGORIES))
    signal = numbers[:, 0] * numbers[:, 1] + np.sin(3 * numbers[:, 2]) + (codes[:, 0] % 3)
    target = signal + rng.normal(size=LARGE_ROWS) > np.median(signal)
    columns: dict[str, Any] = {f"number {i}": numbers[:, i] for i in range(LARGE_NUMBERS)}
    columns |= {
        f"category {i}": np.char.add("level ", codes[:, i].astype("U"))
        for i in range(LARGE_CATEGORIES)
    }
    labels = np.where(target, "yes", "no")
    pl.DataFrame(columns | {"target": labels}).write_parquet(path)


def measure(case: Case, out: Path) -> list[str]:
    """Run the program once; a line of the table."""
    program = str(Path(sys.executable).parent / "deeplode")
    command = [program, "train", str(case.source), "--out", str(out), "--quiet", *case.flags]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)  # the only call that tells one child's peak
    process.returncode = os.waitstatus_to_exitcode(status)  # it was waited for already
    wall = time.perf_counter() - start
    peak = used.ru_maxrss * BYTES_PER_RSS_UNIT
    kept = (
        process.returncode == 0
        and (out / "model.lode").exists()
        and (case.seconds is None or wall <= case.seconds)
        and (case.bytes is None or peak <= case.bytes)
    )
    return [
        case.name,
        " ".join(case.flags),
        str(process.returncode),
        f"{wall:.1f}" + (f" (bound {case.seconds:g})" if case.seconds else ""),
        f"{used.ru_utime + used.ru_stime:.1f}",
        f"{peak / GB:.2f}" + (f" (bound {case.bytes / GB:g})" if case.bytes else ""),
        "kept" if kept else "broken",
    ]


def cases(scratch: Path) -> dict[str, Case]:
    """The three questions."""
    adult, large = folder() / "adult.parquet", scratch / "large.parquet"
    columns = ("--target", "income", "--drop", "split")
    return {
        "full": Case("Adult", adult, columns, 90, 1.5 * GB),
        "limit": Case("Adult in 20 s", adult, (*columns, "--time-limit", "20s"), 21, None),
        "large": Case(
            "500 000 x 50", large, ("--target", "target", "--memory-limit", "6GB"), None, 6 * GB
        ),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="full,limit,large")
    asked = parser.parse_args().only.split(",")
    print(header() + "\n", flush=True)
    lines = []
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for key, case in cases(scratch).items():
            if key not in asked:
                continue
            if key == "large":
                made_rows(case.source)
            lines.append(measure(case, scratch / f"run-{key}"))
    head = ["train", "flags", "exit", "wall s", "CPU s", "peak GB", ""]
    print(markdown(head, lines))


if __name__ == "__main__":
    main()

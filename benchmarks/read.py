"""How long a large CSV takes to read, beside Polars' own reading of the same file.

    python benchmarks/read.py --gigabytes 1

Bound: within 1.3 of Polars' time. Each reading is a fresh process that times the call alone, after
the file was read once so that both find it in the system's cache; the two take turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
from machine import header
from tables import markdown

RUNS = 3
BOUND = 1.3
BLOCK_ROWS = 100_000
GB = 10**9

READERS = {
    "Polars": "import polars as pl; read = lambda path: pl.read_csv(path).height",
    "deeplode": "from deeplode import read as table; read = lambda path: len(table(path))",
}
TIMED = """
import sys, time
start = time.perf_counter()
rows = read(sys.argv[1])
print(time.perf_counter() - start, rows)
"""


def write_csv(path: Path, size: float) -> None:
    """Numbers, whole numbers, words and dates until the file has this many bytes; seed 0."""
    rng = np.random.default_rng(0)
    words = np.array(["alpha", "beta", "gamma", "delta with space", ""])
    block = pl.DataFrame(
        {f"x{i}": rng.normal(size=BLOCK_ROWS) for i in range(6)}
        | {f"n{i}": rng.integers(0, 10**6, BLOCK_ROWS) for i in range(4)}
        | {f"word{i}": words[rng.integers(0, len(words), BLOCK_ROWS)] for i in range(3)}
        | {"day": np.datetime64("2020-01-01") + rng.integers(0, 2000, BLOCK_ROWS)}
    )
    with path.open("wb") as file:
        block.write_csv(file)
        while file.tell() < size:
            block.write_csv(file, include_header=False)


def seconds(reader: str, path: Path) -> tuple[float, int]:
    """Seconds that one reading took in a fresh process, imports left out, and the rows read."""
    told = subprocess.run(
        [sys.executable, "-c", READERS[reader] + TIMED, str(path)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return float(told[0]), int(told[1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=1.0)
    size = parser.parse_args().gigabytes * GB
    print(header() + "\n", flush=True)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "large.csv"
        write_csv(path, size)
        seconds("Polars", path)
        runs: dict[str, list[tuple[float, int]]] = {reader: [] for reader in READERS}
        for _ in range(RUNS):
            for reader, spent in runs.items():
                spent.append(seconds(reader, path))
        times = {reader: median(run[0] for run in spent) for reader, spent in runs.items()}
        lines = [
            [reader, f"{times[reader]:.2f}", f"{times[reader] / times['Polars']:.2f}", str(rows)]
            for reader, ((_, rows), *_) in runs.items()
        ]
        print(markdown([f"{size / GB:g} GB", "seconds", f"ratio (bound {BOUND})", "rows"], lines))


if __name__ == "__main__":
    main()

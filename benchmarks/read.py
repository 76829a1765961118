"""Reading a big CSV: deeplode's ``read`` beside Polars' own ``read_csv``.

``python benchmarks/read.py --mb 1000`` writes a CSV of that size into a temporary folder and
reads it by turns with both, each time in a process of its own. The table shows medians. Wall
time is the promise (within 1.3 of Polars); CPU time is steadier on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

READERS = ("polars", "deeplode")
PROMISE = 1.3


def write_csv(path: Path, megabytes: int) -> None:
    """A table of 16 columns: whole and real numbers, gaps, text, booleans."""
    rng = np.random.default_rng(0)
    block_rows = 100_000
    with path.open("wb") as stream:
        while stream.tell() < megabytes * 1_000_000:
            whole = {f"whole_{i}": rng.integers(0, 10 ** (i + 1), block_rows) for i in range(6)}
            real = {f"real_{i}": rng.normal(size=block_rows) * 10**i for i in range(6)}
            words = {
                f"text_{i}": pl.Series(rng.integers(0, 1000, block_rows)).cast(pl.String) + " label"
                for i in range(3)
            }
            frame = pl.DataFrame(whole | real | words | {"flag": rng.random(block_rows) < 0.5})
            gaps = pl.when(pl.int_range(pl.len()) % 7 > 0).then(pl.col("real_3"))
            frame = frame.with_columns(gaps.alias("real_3"))
            frame.write_csv(stream, include_header=stream.tell() == 0)


def read_once(reader: str, path: str) -> dict[str, float]:
    """Seconds of the clock and of the processors, and the peak of memory, of one reading."""
    if reader == "deeplode":
        from deeplode.data.read import read

        started, worked = time.perf_counter(), time.process_time()
        rows = len(read(path))
    else:
        started, worked = time.perf_counter(), time.process_time()
        rows = pl.read_csv(path).height
    return {
        "wall": time.perf_counter() - started,
        "cpu": time.process_time() - worked,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "rows": rows,
    }


def compare(path: Path, rounds: int) -> None:
    """Read by turns and print the table."""
    found: dict[str, list[dict[str, float]]] = {reader: [] for reader in READERS}
    for _ in range(rounds):
        for reader in READERS:
            command = [sys.executable, __file__, "--once", reader, str(path)]
            run = subprocess.run(command, check=True, capture_output=True, text=True)
            found[reader].append(json.loads(run.stdout))
    size = path.stat().st_size / 1e6
    print(f"CSV of {size:.0f} MB, {found['polars'][0]['rows']:.0f} rows, polars {pl.__version__}")
    print(f"{'reader':<10}{'wall s':>9}{'cpu s':>9}{'peak MB':>10}")
    middle = {}
    for reader in READERS:
        keys = ("wall", "cpu", "peak")
        middle[reader] = {key: median(run[key] for run in found[reader]) for key in keys}
        one = middle[reader]
        print(f"{reader:<10}{one['wall']:>9.2f}{one['cpu']:>9.2f}{one['peak']:>10.0f}")
    ratios = [middle["deeplode"][key] / middle["polars"][key] for key in ("wall", "cpu", "peak")]
    print(f"{'ratio':<10}{ratios[0]:>9.2f}{ratios[1]:>9.2f}{ratios[2]:>10.2f}")
    print(f"promise    {PROMISE:>8} wall: {'kept' if ratios[0] <= PROMISE else 'missed'}")


def main() -> None:
    """Read the flags and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=1000, help="size of the CSV in megabytes")
    parser.add_argument("--rounds", type=int, default=5, help="readings by each")
    parser.add_argument("--once", nargs=2, metavar=("READER", "FILE"), help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.once:
        print(json.dumps(read_once(*flags.once)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.csv"
        write_csv(path, flags.mb)
        compare(path, flags.rounds)


if __name__ == "__main__":
    main()

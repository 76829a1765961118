"""How fast a trained model answers: batches of Adult in memory, single rows, the cost of a call.

    python benchmarks/predict.py

Bounds: 200 000 rows/s in batch; one row from a dict under 1 ms (median) for the pure net; fixed
cost of a call under 1 ms. The fixed cost is what remains of a one-row frame's time when the time
that a row takes in a large frame is taken off.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from machine import header
from sets import folder
from tables import markdown

REPEATS, SINGLE_ROWS = 7, 1000


def seconds(work: Callable[[], object], repeats: int) -> list[float]:
    """Wall seconds of each of several calls, after one that is not counted."""
    work()
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return spent


def measure(name: str, model: Any, features: pl.DataFrame) -> list[str]:
    """A line of the table: batch, single rows, fixed cost."""
    batch = median(seconds(lambda: model.predict_proba(features), REPEATS))
    rows = features.head(SINGLE_ROWS).to_dicts()
    singles = []
    for row in rows:
        start = time.perf_counter()
        model.predict_proba_one(row)
        singles.append(1000 * (time.perf_counter() - start))
    one = features.head(1)
    call = median(seconds(lambda: model.predict_proba(one), 100)) - batch / features.height
    p50, p99 = np.percentile(singles, [50, 99])
    return [
        name,
        f"{features.height / batch:,.0f}".replace(",", " "),
        f"{p50:.2f}",
        f"{p99:.2f}",
        f"{1000 * call:.2f}",
    ]


def main() -> None:
    """Train both models on Adult, then print the table."""
    from deeplode import Classifier

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--time-limit", default=None, help="of each training; default none")
    limit = parser.parse_args().time_limit
    print(header() + "\n", flush=True)
    table = pl.read_parquet(folder() / "adult.parquet").drop("split")
    features, target = table.drop("income"), table["income"]
    lines = []
    for name, blend in (("blend", True), ("pure net", False)):
        model: Any = Classifier(seed=0, blend=blend, time_limit=limit)
        lines.append(measure(name, model.fit(features, target), features))
    head = ["model", "rows/s in batch", "one dict p50 ms", "p99 ms", "fixed cost of a call ms"]
    print(markdown(head, lines))


if __name__ == "__main__":
    main()

"""How long one user waits for a list: ``Recommender.recommend([id])`` on ml-100k.

    python benchmarks/oneuser.py [--model films.lode] [--time-limit 4m]

Without a model one is learned first, with items and users. Bound: p50 below 2 ms. CPU time stands
beside wall time, because other processes on a shared machine lengthen only the latter. The second
line leaves the recurrent net out of the blend: it reads 50 items one after another.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from machine import header
from tables import markdown

from deeplode import Recommender, load
from deeplode.recommenders.blend import Blend

DATA = Path(os.environ.get("DEEPLODE_DATA", "../shared/data")) / "recsys"
CALLS, WARM = 2_000, 50


def learned(limit: str) -> Recommender:
    """ml-100k with what is known of items and users, a tenth of each user's held out."""
    rows, items, users = (
        pl.read_parquet(DATA / f"ml100k_{name}.parquet") for name in ("ratings", "items", "users")
    )
    model = Recommender(rating="rating", timestamp="timestamp", split="random", time_limit=limit)
    return model.fit(rows, items=items, users=users)


def line(model: Any, weights: dict[str, float]) -> list[str]:
    """Milliseconds of single calls, the users in random order."""
    own = model.model_
    model.model_ = replace(own, blend=Blend(own.blend.scorers, weights))
    users = np.random.default_rng(0).choice(own.catalogue.users.to_list(), CALLS + WARM).tolist()
    wall, busy = [], []
    for user in users:
        began, worked = time.perf_counter(), time.process_time()
        model.recommend([user])
        busy.append(1000 * (time.process_time() - worked))
        wall.append(1000 * (time.perf_counter() - began))
    cells = [np.percentile(one[WARM:], share) for one in (wall, busy) for share in (0, 50, 99)]
    return [", ".join(sorted(weights)), *(f"{cell:.2f}" for cell in cells)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=None, help="model file; default: one is learned")
    parser.add_argument("--time-limit", default="4m")
    told = parser.parse_args()
    print(header() + "\n", flush=True)
    model: Any = load(told.model) if told.model else learned(told.time_limit)
    model.threads = 1
    whole = dict(model.model_.blend.weights)
    blends = [whole, {name: one for name, one in whole.items() if name != "gru"}]
    head = ["blend", "least ms", "p50", "p99", "CPU: least ms", "p50", "p99"]
    print(markdown(head, [line(model, one) for one in blends]))


if __name__ == "__main__":
    main()

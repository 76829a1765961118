"""Which optimizer reaches the lowest validation loss in the same number of epochs.

    python benchmarks/optimizers.py
    python benchmarks/optimizers.py --only adamw,muon --seeds 4
    python benchmarks/optimizers.py --factors 0.5,1,2

Training rows alone, the first ROWS of each set: every net is trained as `deeplode train` would,
MEMBERS members each on its own fold, in EPOCHS epochs, and scored by the mean over members of its
best validation loss (log loss; for a quantity the squared error in standard deviations). The table
shows how much higher than adamw's it is, in per cent; of several factors on the default learning
rate the best for all sets together is shown, and named.
"""

from __future__ import annotations

import argparse
import math
import sys
from statistics import fmean
from typing import Any

import numpy as np
import torch
from machine import header
from sets import load
from tables import markdown

from deeplode.data.frames import as_polars
from deeplode.data.schema import Roles
from deeplode.data.table import Table
from deeplode.encode.encoder import Encoder
from deeplode.encode.target import infer_target
from deeplode.evaluate.problem import Problem
from deeplode.fit.optimizers import OPTIMIZERS
from deeplode.progress import silent
from deeplode.runtime import Budget
from deeplode.tasks.choose import RATES, choose
from deeplode.tasks.deep import fit_net
from deeplode.tasks.prepare import Plan, lesson

SETS = ("california_housing", "adult", "covtype_15k", "cardio")
ROWS, MEMBERS, EPOCHS = 3_000, 2, 20
BASE = "adamw"
Score = dict[tuple[str, str, float], float]  # mean loss by set, optimizer and factor


class Question:
    """One set, encoded once for all trainings."""

    def __init__(self, name: str) -> None:
        known = load(name)
        frame = as_polars(known.train.head(ROWS).assign(target=known.y_train[:ROWS]))
        code = infer_target(frame["target"], "regression" if known.is_regression else None)
        self.lesson, _ = lesson(Table.of(frame), code, Plan(Roles("target")))
        self.code = code
        encoder = Encoder.fit(self.lesson.table, self.lesson.schema)
        self.sizes = encoder.sizes
        self.batch = encoder.transform(self.lesson.table).batch

    def loss(self, optimizer: str, factor: float, seed: int) -> float:
        """Mean over members of the best validation loss."""
        task: Any = self.code.task
        problem = Problem(task, self.code.n_classes, seed, torch.get_num_threads())
        given = {"optimizer": optimizer, "members": MEMBERS, "epochs": EPOCHS, "patience": EPOCHS}
        given["learning_rate"] = RATES[optimizer] * factor
        config = choose(ROWS, self.sizes, problem, given)
        folds = self.lesson.folds(MEMBERS, seed)
        made = fit_net(
            self.batch, self.lesson.target, problem, folds, None, Budget(), silent, config
        )
        return float(np.nanmin(made[0].training["history"]["members"], axis=0).mean())


def measure(optimizers: list[str], factors: list[float], seeds: int) -> Score:
    """Every combination; progress goes to stderr."""
    found: Score = {}
    for name in SETS:
        question = Question(name)
        for optimizer in optimizers:
            for factor in factors:
                losses = [question.loss(optimizer, factor, seed) for seed in range(seeds)]
                found[name, optimizer, factor] = fmean(losses)
                told = f"{name} {optimizer} x {factor:g}: {fmean(losses):.4f}"
                print(told, file=sys.stderr, flush=True)
    return found


def page(found: Score, optimizers: list[str], factors: list[float]) -> str:
    """The table in Markdown."""

    def ratio(name: str, optimizer: str, factor: float) -> float:
        return found[name, optimizer, factor] / base[name]

    def total(optimizer: str, factor: float) -> float:
        logs = (math.log(found[name, optimizer, factor]) for name in SETS)
        return fmean(x if math.isfinite(x) else 99.0 for x in logs)

    best = {one: min(factors, key=lambda factor: total(one, factor)) for one in optimizers}
    base = {name: found[name, BASE, best[BASE]] for name in SETS}
    rows = []
    for optimizer in sorted(optimizers, key=lambda one: total(one, best[one])):
        factor = best[optimizer]
        cells = [f"{100 * (ratio(name, optimizer, factor) - 1):+.1f} %" for name in SETS]
        rows.append([optimizer, f"{RATES[optimizer] * factor:g}", *cells])
    return markdown(["optimizer", "learning rate", *SETS], rows)


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(OPTIMIZERS), help="optimizers, with commas")
    parser.add_argument("--factors", default="1", help="on the default learning rate, with commas")
    parser.add_argument("--seeds", type=int, default=2)
    told = parser.parse_args()
    torch.set_num_threads(1)
    optimizers = list(dict.fromkeys([BASE, *told.only.split(",")]))
    factors = [float(factor) for factor in told.factors.split(",")]
    found = measure(optimizers, factors, told.seeds)
    print(header(), page(found, optimizers, factors), sep="\n\n")


if __name__ == "__main__":
    main()

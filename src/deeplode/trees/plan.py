"""How much boosting: rounds, learning rate, folds and rows from the size of the task.

One rule. Growing a tree costs about ``TREE + rows x columns`` cells; the whole fit may cost WORK
cells, or less where a deadline leaves less. The learning rate rises with the rounds that are too
few for the slow one; where even the fast one has too few, folds are left out, then rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.problem import Problem
from deeplode.runtime import Budget

WORK = 4e9  # cells: about half a minute on one core
SKETCHED = 5e8  # of tables whose every column is sketched by descriptors: texts, images, sounds
TREE = 40_000  # cells that a tree costs whatever its rows
CELLS_PER_SECOND = 1e8  # of one core, on the slow side
TIME_SHARE = 0.25  # of the time that a deadline leaves; the rest is for the net and the report
SLOW, FAST = 0.05, 0.3  # learning rates
MOST_ROUNDS = 2000
STEPS = 20.0  # rounds x learning rate that most tasks need
PATIENCE = 2.5  # rounds x learning rate without improvement before a model ends
FEWEST_ROWS = 5000  # never trained on fewer where there are more
SCORES = 2e7  # rows x classes held at once, about 40 bytes each


@dataclass(frozen=True)
class Shape:
    """How trees grow on tables of up to so many training rows.

    leaves: most of one tree. least: fewest rows of a leaf. rows_share, columns_share: of those
    that there are, drawn anew for every round and for every tree.
    Chosen on ten tables, on other splits than the published ones.
    """

    rows: float
    leaves: int
    least: int
    rows_share: float
    columns_share: float


SHAPES = (  # the first whose ``rows`` is not exceeded counts
    Shape(3_000, 8, 10, 0.8, 1.0),
    Shape(10_000, 16, 10, 0.8, 1.0),
    Shape(float("inf"), 31, 20, 1.0, 0.7),
)


@dataclass(frozen=True)
class Rows:
    """A fold after the rule: positions to train and to validate on."""

    train: NDArray[np.int64]
    valid: NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """What to grow. rounds: most rounds of each fold; seconds: for all of them together."""

    folds: tuple[Rows, ...]
    rounds: tuple[int, ...]
    learning_rate: float
    shape: Shape
    patience: int
    seconds: float
    work: float


def plan(
    shape: tuple[int, ...],
    folds: Sequence[Any],
    problem: Problem,
    budget: Budget,
    replay: Mapping[str, Any] | None = None,
    most: float = WORK,
) -> Plan:
    """The plan for a matrix of this shape (rows, columns).

    folds: each with the positions ``train`` and ``valid``. most: cells that the fit may cost.
    replay: the history of an earlier fit, whose work and rounds are repeated.
    """
    seconds = TIME_SHARE * budget.left()
    work = min(most, seconds * problem.threads * CELLS_PER_SECOND)
    if replay:
        seconds, work = float("inf"), float(replay["work"])
        folds = folds[: len(replay["rounds"])]
    outputs, most_rows = problem.n_outputs, int(SCORES / problem.n_outputs)
    rows, count = min(len(folds[0].train), most_rows), len(folds)

    def rounds_of(count: int, rows: int) -> float:
        return work / (count * outputs * (TREE + rows * shape[1]))

    enough = STEPS / FAST
    while count > 1 and rounds_of(count, rows) < enough:
        count -= 1
    if rounds_of(count, rows) < enough:
        affordable = int((work / (enough * outputs) - TREE) / shape[1])
        rows = max(min(rows, FEWEST_ROWS), min(rows, affordable))
    rounds = rounds_of(count, rows)
    rate = min(FAST, max(SLOW, STEPS / max(1.0, rounds)))
    most = max(1, min(MOST_ROUNDS, int(rounds)))
    return Plan(
        folds=tuple(_limited(fold, rows, most_rows, problem.seed) for fold in folds[:count]),
        rounds=tuple(replay["rounds"]) if replay else (most,) * count,
        learning_rate=rate,
        shape=next(one for one in SHAPES if rows <= one.rows),
        patience=round(PATIENCE / rate),
        seconds=seconds,
        work=work,
    )


def _limited(fold: Any, train: int, valid: int, seed: int) -> Rows:
    """The fold with at most so many rows, drawn at random, in their order."""
    rng = np.random.default_rng(seed)

    def some(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
        return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))

    return Rows(some(fold.train, train), some(fold.valid, valid))

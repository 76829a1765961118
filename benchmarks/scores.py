"""Scores on test rows, and intervals of differences between them by a paired bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Counts = NDArray[np.int64]  # (rows,) how often each test row was drawn
Score = Callable[[Counts], float]

RESAMPLES = 1000
LEVEL = 0.95
TINIEST = float(np.finfo(np.float64).eps)  # floor of a probability, as in scikit-learn


@dataclass(frozen=True)
class Metric:
    """A score: how to prepare it for many resamples of the same rows, and which way is better."""

    name: str
    prepare: Callable[[Array, Array], Score]
    higher_is_better: bool
    digits: int

    def text(self, value: float) -> str:
        """The value as the tables print it: fixed decimals, or five figures of a quantity."""
        if self.digits:
            return f"{value:.{self.digits}f}"
        return f"{value:.5g}" if abs(value) < 1e5 else f"{value:.0f}"


def mean_of(losses: Array) -> Score:
    """The mean of a value a row. losses: (rows,)."""
    return lambda counts: float(counts @ losses / counts.sum())


def accuracy(truth: Array, chances: Array) -> Score:
    """Share of rows whose likeliest class is the true one. chances: (rows, classes)."""
    return mean_of((chances.argmax(axis=1) == truth).astype(np.float64))


def log_loss(truth: Array, chances: Array) -> Score:
    """Mean of -log(chance of the true class). chances: (rows, classes)."""
    given = chances[np.arange(len(truth)), truth.astype(np.int64)] / chances.sum(axis=1)
    return mean_of(-np.log(np.clip(given, TINIEST, 1 - TINIEST)))


def rmse(truth: Array, values: Array) -> Score:
    """Root of the mean squared error, in the target's unit. values: (rows,)."""
    mean = mean_of((truth - values) ** 2)
    return lambda counts: float(np.sqrt(mean(counts)))


def roc_auc(truth: Array, chances: Array) -> Score:
    """Chance that a positive row scores above a negative one, ties counted half.

    chances: (rows, 2). Sorted once; a resample then costs a few sums.
    """
    scores = chances[:, 1]
    order = np.argsort(scores, kind="stable")
    ties = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    positive = truth[order] == 1

    def score(counts: Counts) -> float:
        drawn = counts[order]
        above = np.add.reduceat(np.where(positive, drawn, 0), ties).astype(np.float64)
        below = np.add.reduceat(np.where(positive, 0, drawn), ties).astype(np.float64)
        beaten = np.cumsum(below) - below / 2
        return float(above @ beaten / (above.sum() * below.sum()))

    return score


ROC_AUC = Metric("AUC", roc_auc, higher_is_better=True, digits=4)
ACCURACY = Metric("accuracy", accuracy, higher_is_better=True, digits=4)
LOG_LOSS = Metric("log loss", log_loss, higher_is_better=False, digits=4)
RMSE = Metric("RMSE", rmse, higher_is_better=False, digits=0)

MAIN = {"binary": ROC_AUC, "multiclass": ACCURACY, "regression": RMSE}
SECOND = {"binary": LOG_LOSS, "multiclass": LOG_LOSS}


@dataclass(frozen=True)
class Standing:
    """One row of a ranking: the score and its distance to the best with its interval.

    difference, low, high: score less the best's score, in the metric's own unit and direction.
    """

    name: str
    value: float
    difference: float
    low: float
    high: float

    @property
    def ties_best(self) -> bool:
        """Whether zero lies inside the interval of the distance to the best."""
        return self.low <= 0 <= self.high


def standings(metric: Metric, truth: Array, answers: dict[str, Array]) -> list[Standing]:
    """Score everybody on the same rows and the same resamples; best first.

    truth: (rows,); answers: name -> probabilities (rows, classes) or values (rows,).
    """
    scores = {name: metric.prepare(truth, given) for name, given in answers.items()}
    whole = {name: score(np.ones(len(truth), np.int64)) for name, score in scores.items()}
    order = sorted(whole, key=lambda name: whole[name], reverse=metric.higher_is_better)
    drawn = {name: np.empty(RESAMPLES) for name in order}
    rng = np.random.default_rng(0)
    for i in range(RESAMPLES):
        counts = np.bincount(rng.integers(0, len(truth), len(truth)), minlength=len(truth))
        for name, score in scores.items():
            drawn[name][i] = score(counts)
    tails = [50 * (1 - LEVEL), 50 * (1 + LEVEL)]
    rows = []
    for name in order:
        low, high = np.nanpercentile(drawn[name] - drawn[order[0]], tails)
        rows.append(
            Standing(name, whole[name], whole[name] - whole[order[0]], float(low), float(high))
        )
    return rows


def ranks(values: dict[str, float], higher_is_better: bool) -> dict[str, float]:
    """Place of each, 1 = best; equal values share the mean of their places."""
    sign = -1 if higher_is_better else 1
    keys = {name: sign * value for name, value in values.items()}
    return {
        name: 1
        + sum(other < key for other in keys.values())
        + (sum(other == key for other in keys.values()) - 1) / 2
        for name, key in keys.items()
    }

"""How sure a score is: 95 % intervals by resampling the test rows (Efron, 1979).

The same resamples are used for every candidate, so that a difference between two is paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.metrics import METRICS, scores
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.resampled import Floats, kernel

RESAMPLES = 1000
FEWEST_RESAMPLES = 200
CELLS = 6_000_000  # resamples x rows; larger tests get fewer resamples …
MOST_ROWS = 50_000  # … of so many rows drawn once, and the interval is narrowed to all rows
CHUNK = 250_000  # resamples x rows held at once
CERTAINTY = 0.95
FEW_GROUPS = 5  # below which the rows of a group that is drawn are drawn, too


@dataclass(frozen=True)
class Interval:
    """A value on all test rows and where it lies, with 95 % certainty if nothing else is said.

    NaN where undefined.
    """

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0

    def as_json(self) -> dict[str, float | None]:
        """value, low and high; None where undefined."""
        parts = {"value": self.value, "low": self.low, "high": self.high}
        return {name: float(part) if np.isfinite(part) else None for name, part in parts.items()}


@dataclass(frozen=True)
class Resamples:
    """Scores of some candidates on all test rows and on every resample of them.

    values: candidate: {metric: score}; samples: candidate: {metric: (resamples,)}, moved and
    narrowed to all rows. units: rows, or groups of rows, that are drawn.
    """

    values: Mapping[str, Mapping[str, float]]
    samples: Mapping[str, Mapping[str, Floats]]
    units: int

    def interval(self, candidate: str, metric: str) -> Interval:
        """One candidate's score.

        Where all rows are right or all are wrong, no resample differs, and the accuracy's interval
        is the exact one (Clopper and Pearson, 1934): of 300 right ones, it begins at 0.988.
        """
        found = _interval(self.values[candidate][metric], self.samples[candidate][metric])
        if metric == "accuracy" and found.value in (0.0, 1.0):
            far = ((1 - CERTAINTY) / 2) ** (1 / self.units)
            low, high = (far, 1.0) if found.value else (0.0, 1 - far)
            return Interval(found.value, min(low, found.low), max(high, found.high))
        return found

    def difference(
        self, one: str, other: str, metric: str, certainty: float = CERTAINTY
    ) -> Interval:
        """How much higher the metric of ``one`` is than that of ``other``, on the same rows."""
        return _interval(
            self.values[one][metric] - self.values[other][metric],
            self.samples[one][metric] - self.samples[other][metric],
            certainty,
        )

    def table(self, candidate: str) -> dict[str, dict[str, float | None]]:
        """All scores of one candidate, ready for result.json."""
        return {
            metric: self.interval(candidate, metric).as_json() for metric in self.values[candidate]
        }


def resample(
    problem: Problem,
    truth: NDArray[Any],
    outputs: Mapping[str, Floats],
    weights: Floats | None = None,
    groups: NDArray[np.int64] | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> Resamples:
    """Score all candidates on all rows and on resamples of them.

    truth: (rows,); outputs: candidate: (rows, classes) probabilities or (rows,) values.
    groups: (rows,) codes of rows that belong together and are drawn together.
    thresholds: candidate: probability from which a binary row is called class 1; 0.5 if absent.
    """
    if weights is not None and not weights.any():
        weights = None
    cut = {name: (thresholds or {}).get(name, 0.5) for name in outputs}
    values = {
        name: scores(problem, truth, own, weights, cut[name]) for name, own in outputs.items()
    }
    rng = np.random.default_rng(problem.seed)
    # A row without weight would only leave resamples without any.
    rows = np.arange(len(truth)) if weights is None else np.flatnonzero(weights)
    counted = len(rows)
    if len(rows) > MOST_ROWS:
        rows = np.sort(rng.choice(rows, MOST_ROWS, replace=False))
    kernels = {
        name: kernel(problem, truth[rows], own[rows], cut[name]) for name, own in outputs.items()
    }
    own_weights = np.ones(len(rows)) if weights is None else weights[rows].astype(np.float64)
    codes = None if groups is None else groups[rows]
    parts: dict[str, list[dict[str, Floats]]] = {name: [] for name in outputs}
    for drawn in draws(len(rows), codes, rng):
        for name, of in kernels.items():
            parts[name].append(of(drawn * own_weights))
    narrow = float(np.sqrt(len(rows) / counted))
    samples: dict[str, dict[str, Floats]] = {}
    for name, of in kernels.items():
        middle = of(own_weights[None])
        samples[name] = {
            metric: values[name][metric]
            + narrow * (np.concatenate([part[metric] for part in parts[name]]) - middle[metric])
            for metric in METRICS[problem.task]
        }
    return Resamples(values, samples, counted if codes is None else len(np.unique(codes)))


def draws(
    n_rows: int, groups: NDArray[np.int64] | None, rng: np.random.Generator
) -> Iterator[Floats]:
    """(some resamples, rows) how often each row was drawn, several times, so that little is held.

    groups: (rows,) codes of rows that are drawn together, or None. Where groups are few, a group
    alone or one of two would hardly differ between resamples; the rows of those drawn are
    drawn, too (two-stage bootstrap: Davison and Hinkley 1997, section 3.8).
    """
    count = max(FEWEST_RESAMPLES, min(RESAMPLES, CELLS // n_rows))
    codes = None if groups is None else np.unique(groups, return_inverse=True)[1]
    n_units = n_rows if codes is None else int(codes.max()) + 1
    step = max(1, CHUNK // n_rows)
    for first in range(0, count, step):
        size = min(step, count - first)
        drawn = rng.integers(0, n_units, (size, n_units))
        drawn += np.arange(size)[:, None] * n_units
        often = np.bincount(drawn.reshape(-1), minlength=size * n_units).reshape(size, n_units)
        if codes is None:
            yield often.astype(np.float64)
        elif n_units < FEW_GROUPS:
            yield _within(often, codes, rng)
        else:
            yield often[:, codes].astype(np.float64)


def _within(often: NDArray[np.int64], codes: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """(resamples, rows) how often each row was drawn. often: (resamples, groups) of its group."""
    drawn = np.empty((len(often), len(codes)))
    for group in range(often.shape[1]):
        own = np.flatnonzero(codes == group)
        even = np.full(len(own), 1 / len(own))
        drawn[:, own] = rng.multinomial(often[:, group] * len(own), even)
    return drawn


def _interval(value: float, samples: Floats, certainty: float = CERTAINTY) -> Interval:
    defined = samples[np.isfinite(samples)]
    if not np.isfinite(value) or not len(defined):
        return Interval(float(value), float("nan"), float("nan"))
    low, high = np.quantile(defined, ((1 - certainty) / 2, (1 + certainty) / 2))
    # The value itself always belongs to its interval.
    return Interval(float(value), float(min(low, value)), float(max(high, value)))

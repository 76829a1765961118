"""Probabilities that mean what they say, and intervals around values.

Both are learned on out-of-fold predictions, never on test rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.metrics import FLOOR
from deeplode.evaluate.problem import Problem

COLDEST, HOTTEST = 0.2, 5.0
PRIOR = 2.0  # nats that a temperature of e or 1/e must gain over all rows to be believed
COVERAGE = 0.9  # share of new rows between ``low`` and ``high``
BINS = 10
CELLS = 20_000_000  # rows x classes looked at for a temperature
Z = 1.959964  # 95 % of a normal distribution lie within so many standard deviations


def fit_temperature(
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> float:
    """The temperature that makes probabilities fit best, between COLDEST and HOTTEST.

    truth: (rows,); probabilities: (rows, classes); weights: (rows,) or None.
    Minimises the log loss plus a slight pull to 1. Guo et al., On Calibration of Modern Neural
    Networks, ICML 2017. Without rows it is 1.
    """
    if not len(truth):
        return 1.0
    rows = slice(None, None, max(1, probabilities.size // CELLS))
    truth, logits = truth[rows], np.log(np.maximum(probabilities[rows], FLOOR))
    weight = np.ones(len(truth)) if weights is None else weights[rows]
    weight = weight / weight.sum()
    own = logits[np.arange(len(truth)), truth]

    def loss(log_temperature: float) -> float:
        inverse = np.exp(-log_temperature)
        top = logits.max(axis=1)
        total = np.log(np.exp((logits - top[:, None]) * inverse).sum(axis=1)) + top * inverse
        return float(weight @ (total - own * inverse)) + PRIOR * log_temperature**2 / len(truth)

    return float(np.exp(_lowest(loss, np.log(COLDEST), np.log(HOTTEST))))


def _lowest(loss: Any, low: float, high: float) -> float:
    """Where a function with one valley is lowest, to 1e-4: golden-section search."""
    golden = (np.sqrt(5) - 1) / 2
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > 1e-4:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = loss(right)
    return (low + high) / 2


def apply_temperature(
    probabilities: NDArray[np.float64], temperature: float
) -> NDArray[np.float64]:
    """Probabilities raised to 1 / temperature, made to sum to 1. (rows, classes)."""
    if temperature == 1:
        return probabilities
    logits = np.log(np.maximum(probabilities, FLOOR)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Spread:
    """How far values lie from the truth, in the target's unit: low <= 0 <= high, mostly."""

    low: float
    high: float

    def around(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(rows,) twice: the bounds that COVERAGE of new rows keep to."""
        return values + self.low, values + self.high


def fit_spread(truth: NDArray[np.float64], values: NDArray[np.float64]) -> Spread:
    """The spread of out-of-fold errors, as split conformal prediction takes it.

    truth, values: (rows,). Of n errors the floor((n + 1) 5 %)-th from either end; the outermost
    where there are too few. Lei et al., JASA 2018. Without rows it is 0.
    """
    if not len(truth):
        return Spread(0.0, 0.0)
    errors = np.sort(truth - values)
    outside = int((len(errors) + 1) * (1 - COVERAGE) / 2)
    at = max(0, outside - 1)
    return Spread(float(errors[at]), float(errors[len(errors) - 1 - at]))


def reliability(
    problem: Problem,
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """How often what was called likely came true.

    Binary: the probability of class 1 against its share; else: the largest probability against
    the share of right calls. Rows are sorted into at most BINS bins of equal size.
    Returns ece, the mean distance of the two, and bins [{predicted, observed, low, high, count}]
    with Wilson's 95 % intervals.
    """
    if problem.n_classes == 2:
        said, came = probabilities[:, 1], truth == 1
    else:
        said, came = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    weight = np.ones(len(truth)) if weights is None else weights
    edges = np.unique(np.quantile(said, np.linspace(0, 1, BINS + 1))) if len(said) else np.zeros(1)
    number = np.searchsorted(edges[1:-1], said, side="left")
    bins, ece = [], 0.0
    for one in np.unique(number):
        inside = number == one
        share = weight[inside] / weight[inside].sum()
        predicted, observed = float(share @ said[inside]), float(share @ came[inside])
        low, high = wilson(observed, 1 / float(share @ share))
        ece += abs(predicted - observed) * float(weight[inside].sum() / weight.sum())
        bins.append(
            {
                "predicted": predicted,
                "observed": observed,
                "low": low,
                "high": high,
                "count": int(inside.sum()),
            }
        )
    return {"ece": ece, "bins": bins}


def wilson(share: float, count: float) -> tuple[float, float]:
    """The 95 % interval of a share of so many rows (Wilson, 1927)."""
    middle = share + Z**2 / (2 * count)
    half = Z * float(np.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2)))
    size = 1 + Z**2 / count
    return max(0.0, (middle - half) / size), min(1.0, (middle + half) / size)

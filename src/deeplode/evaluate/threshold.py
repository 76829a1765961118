"""From which probability on a row is called class 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.decision import UNDECIDED, Decision

RARE = 0.3  # a smaller class of fewer rows than this is what users want to find: F1 decides
POINTS = 50  # thresholds of the curve


def choose_threshold(
    truth: NDArray[np.int64],
    positive: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
    decision: Decision = UNDECIDED,
) -> dict[str, Any]:
    """The threshold and its curve from out-of-fold rows.

    truth: (rows,) 0 or 1; positive: (rows,) calibrated probability of 1; weights: (rows,) or None.
    Where both classes are frequent it is 0.5: with calibrated probabilities that is where
    accuracy is highest, and no noise is learned. Where class 1 or class 0 is RARE, F1 of class 1
    is highest there. Costs or a capacity of the user go before both.
    Returns value, metric, chosen_on, and curve [{threshold, precision, recall, f1, flagged}].
    """
    weight = np.ones(len(truth)) if weights is None else weights
    share = float(np.average(truth, weights=weight)) if len(truth) else 0.5
    frequent = RARE <= share <= 1 - RARE or share in (0, 1)
    asked = decision.threshold(positive, weight)
    value = asked if asked is not None else 0.5
    if asked is None and not frequent:
        value = _best_f1(truth, positive, weight)
    return {
        "value": value,
        "metric": decision.by or ("accuracy" if frequent else "f1"),
        "chosen_on": "out_of_fold",
        "curve": curve(truth, positive, weight),
    }


def curve(
    truth: NDArray[np.int64], positive: NDArray[np.float64], weights: NDArray[np.float64]
) -> list[dict[str, float]]:
    """What each of about POINTS thresholds would give on these rows.

    flagged: share of the rows called 1. precision is 1 where none is.
    """
    if not len(truth):
        return []
    at = np.unique(np.quantile(positive, np.linspace(0, 1, POINTS)))
    flagged, hits = _reached(truth, positive, weights, at)
    ones, total = float(weights @ truth), float(weights.sum())
    precision = np.divide(hits, flagged, out=np.ones_like(hits), where=flagged > 0)
    recall = hits / ones if ones else np.zeros_like(hits)
    f1 = 2 * hits / np.maximum(flagged + ones, 1e-300)
    columns = (at, precision, recall, f1, flagged / total)
    names = ("threshold", "precision", "recall", "f1", "flagged")
    return [dict(zip(names, map(float, row), strict=True)) for row in zip(*columns, strict=True)]


def _reached(
    truth: NDArray[np.int64],
    positive: NDArray[np.float64],
    weights: NDArray[np.float64],
    at: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(thresholds,) weight of the rows at or above each threshold, and of the ones among them."""
    order = np.argsort(positive, kind="stable")
    first = np.searchsorted(positive[order], at, side="left")
    above = np.append(np.cumsum(weights[order][::-1])[::-1], 0.0)
    ones = np.append(np.cumsum((weights * truth)[order][::-1])[::-1], 0.0)
    return above[first], ones[first]


def _best_f1(
    truth: NDArray[np.int64], positive: NDArray[np.float64], weights: NDArray[np.float64]
) -> float:
    """The probability halfway between the last row called 1 and the first that is not."""
    at = np.unique(positive)
    flagged, hits = _reached(truth, positive, weights, at)
    best = int(np.argmax(2 * hits / (flagged + float(weights @ truth))))
    return float((at[best] + at[max(0, best - 1)]) / 2)

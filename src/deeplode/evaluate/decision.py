"""Decision: which rows to call when alarms have a price or only so many can be looked at.

Elkan, The foundations of cost-sensitive learning, IJCAI 2001: with calibrated probabilities the
cheapest threshold is alarm / (alarm + miss).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.intervals import draws

TAILS = (0.025, 0.975)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Decision:
    """What decides. All None: accuracy or F1, as the classes are frequent or rare.

    miss: cost of a row of class 1 that is not called. alarm: cost of one of class 0 that is.
    capacity: share of the rows that can be looked at, 0 … 1.
    """

    miss: float | None = None
    alarm: float | None = None
    capacity: float | None = None

    @property
    def by(self) -> str:
        """``cost``, ``capacity``, or '' where nothing was said."""
        return "cost" if self.miss is not None else "" if self.capacity is None else "capacity"

    def threshold(self, positive: Floats, weights: Floats) -> float | None:
        """Call rows from this probability on; None where nothing was said.

        positive: (rows,) calibrated probability of class 1, out of fold. weights: (rows,).
        """
        if self.miss is not None and self.alarm is not None:
            return self.alarm / (self.alarm + self.miss)
        if self.capacity is None or not len(positive):
            return None
        order = np.argsort(-positive, kind="stable")
        reached = np.cumsum(weights[order]) / max(weights.sum(), 1e-300)
        last = int(np.searchsorted(reached, self.capacity, side="right"))
        return float(positive[order[max(0, min(last, len(order)) - 1)]])


UNDECIDED = Decision()


def worth(
    truth: NDArray[np.int64],
    positive: Floats,
    threshold: float,
    decision: Decision,
    weights: Floats | None = None,
    groups: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """What the calls are worth on test rows, with 95 % intervals by resampling them.

    truth: (rows,) 0 or 1. positive: (rows,) probability of class 1. groups: (rows,) codes of rows
    that are drawn together.
    Returns by, threshold, flagged, recall, precision and, with costs, cost (mean a row), saved
    (how much less than the cheaper of calling no row and calling all), each {value, low, high}.
    """
    weight = np.ones(len(truth)) if weights is None else weights
    called = positive >= threshold
    miss, alarm = decision.miss or 0.0, decision.alarm or 0.0
    parts = np.stack(
        [
            np.ones(len(truth)),
            called,
            truth,
            called & (truth == 1),
            np.where(truth == 1, miss * ~called, alarm * called),
            miss * truth,
            alarm * (1 - truth),
        ]
    ).astype(np.float64)
    chance = np.random.default_rng(seed)
    some = [parts @ (often * weight).T for often in draws(len(truth), groups, chance)]
    whole = _figures((weight * parts).sum(axis=1)[:, None])
    resampled = _figures(np.concatenate(some, axis=1))
    names = ["flagged", "recall", "precision", *(["cost", "saved"] if decision.miss else [])]
    return {
        "by": decision.by,
        "threshold": threshold,
        "miss": decision.miss,
        "alarm": decision.alarm,
        "capacity": decision.capacity,
        **{name: _interval(float(whole[name][0]), resampled[name]) for name in names},
    }


def _figures(sums: Floats) -> dict[str, Floats]:
    """(resamples,) each. sums: (7, resamples), as ``worth`` lists them."""
    rows, called, ones, hits, cost, never, always = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "flagged": called / rows,
            "recall": hits / ones,
            "precision": hits / called,
            "cost": cost / rows,
            "saved": (np.minimum(never, always) - cost) / rows,
        }


def _interval(value: float, samples: Floats) -> dict[str, float | None]:
    """value, low and high; None where undefined."""
    there = samples[np.isfinite(samples)]
    if not np.isfinite(value) or not len(there):
        return {"value": None, "low": None, "high": None}
    low, high = np.quantile(there, TAILS)
    return {"value": value, "low": float(min(low, value)), "high": float(max(high, value))}

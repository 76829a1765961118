"""Null: how many scores are too high for normal rows, and how surely one is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from deeplode.detectors.bulk import Bulk, Floats, fit_bulk

MOST = 10_000  # scores that are looked at, evenly from the least to the highest
DRAWS = 200  # bootstrap samples behind the interval
FALSE_ALARMS = 0.01  # rate at the threshold where the training rows are known to be normal
WIDER = 2.0  # spreads that odd rows lie above the middle at least, on average


@dataclass(frozen=True)
class Null:
    """Scores of normal rows are those of ``bulk``; odd rows lie above its middle.

    beyond: spreads that they do on average. share: of odd rows, as probabilities see it: never 0.
    contamination: estimate of that share and its 95 % interval. threshold: from which score on a
    row is called odd.
    """

    bulk: Bulk
    beyond: float
    share: float
    contamination: tuple[float, float, float]
    threshold: float

    def probability(self, scores: Floats) -> Floats:
        """(rows,) in 0 … 1, never falling with the score: that a row of this score is odd.

        1 - local false discovery rate, share * f1 / (share * f1 + (1 - share) * f0), with f0 normal
        and f1 exponential from the middle on. Below the point where that would begin to rise with
        falling scores it is flat.
        """
        return _posterior(self.bulk.out(scores), self.beyond, self.share)

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "bulk": self.bulk.facts(),
            "beyond": self.beyond,
            "share": self.share,
            "contamination": list(self.contamination),
            "threshold": self.threshold,
        }

    @classmethod
    def restore(cls, facts: Mapping[str, Any]) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what describes no null."""
        interval = facts["contamination"]
        if len(facts) != 5 or not isinstance(interval, list) or len(interval) != 3:
            raise ValueError("This describes no distribution of scores.")
        beyond, share, threshold = (facts[name] for name in ("beyond", "share", "threshold"))
        values = (beyond, share, threshold, *interval)
        if any(type(one) is not float or not np.isfinite(one) for one in values):
            raise TypeError("Every part of a distribution must be a finite number.")
        low, high = interval[1:]
        if beyond < WIDER or not 0 < share < 1 or not 0 <= low <= interval[0] <= high <= 1:
            raise ValueError("This describes no distribution of scores.")
        bulk = Bulk.restore(facts["bulk"])
        return cls(bulk, beyond, share, (interval[0], low, high), threshold)


def fit_null(scores: Floats, clean: bool, seed: int, least: float = 0.0) -> Null:
    """The null of the training rows' scores. scores: (rows,) finite, at least 1.

    clean: the rows are known to be normal, so the threshold is that of FALSE_ALARMS; otherwise
    it is where odd is as likely as normal. seed: of the bootstrap samples that give the interval.
    least: share of rows that are known to be odd; neither estimate nor interval is below it.
    On pure noise the share is 0 or near, and 0 is in the interval. Never a fixed share.
    """
    ordered = np.sort(np.asarray(scores, np.float64))
    few = ordered[np.unique(np.linspace(0, len(ordered) - 1, MOST).astype(int))]
    bulk, found = fit_bulk(few)
    share, low, high = _interval(few, found, seed)
    interval = max(share, least), max(low, least), max(high, least)
    share = float(np.clip(interval[0], 0.5 / (len(ordered) + 1), 0.5))
    out = bulk.out(ordered)
    beyond = _beyond(out, share)
    bound = _alarm(out) if clean else _bound(beyond, share)
    return Null(bulk, beyond, share, interval, bulk.score(bound))


def _interval(ordered: Floats, found: float, seed: int) -> tuple[float, float, float]:
    """Share of odd rows and its 95 % interval by the bootstrap, which also tells how much the
    largest of many noisy differences is above the truth. found: the share in the rows themselves.

    The lower end is that of the percentiles or of their mirror image, whichever is less. To the
    upper one comes the standard error that the share had taken off; it leaves room for odd rows of
    which by chance none came (rule of three), but not for those that score like normal ones.
    """
    rows, chance = len(ordered), np.random.default_rng(seed)
    even = np.full(rows, 1 / rows)
    drawn = [
        fit_bulk(ordered, chance.multinomial(rows, even).astype(np.float64))[1]
        for _ in range(DRAWS)
    ]
    low, high = np.quantile(drawn, (0.025, 0.975)).tolist()
    share = max(0.0, 2 * found - float(np.mean(drawn)))
    low = min(max(0.0, min(low, 2 * found - high)), share)
    high += float(np.sqrt(high * (1 - high) / rows))
    return share, low, max(high, share, 1 - 0.05 ** (1 / rows))


def _posterior(out: Floats, beyond: float, share: float) -> Floats:
    """out: spreads above the middle; beyond: those of odd rows on average."""
    out = np.clip(out, 1 / beyond, 1e6)
    odd = np.log(share) - np.log(beyond) - out / beyond
    normal = np.log1p(-share) - 0.5 * np.log(2 * np.pi) - out**2 / 2
    return np.asarray(1 / (1 + np.exp(np.clip(normal - odd, -700, 700))))


def _beyond(out: Floats, share: float) -> float:
    """Mean spreads above the middle of odd rows, by expectation and maximisation."""
    beyond = 2 * WIDER
    for _ in range(20):
        chance = _posterior(out, beyond, share) * (out > 0)
        beyond = max(WIDER, float((chance * out).sum() / max(chance.sum(), 1e-9)))
    return min(beyond, 1e6)


def _bound(beyond: float, share: float) -> float:
    """Spreads above the middle from where on odd is likelier than normal."""
    low, high = 0.0, 1e3
    for _ in range(60):
        half = (low + high) / 2
        sure = float(_posterior(np.array([half]), beyond, share)[0]) >= 0.5
        low, high = (low, half) if sure else (half, high)
    return high


def _alarm(out: Floats) -> float:
    """Spreads above the middle that FALSE_ALARMS of normal rows reach: the order statistic that
    a new row passes at that rate at most; of few rows, the normal distribution's."""
    place = int(np.ceil((1 - FALSE_ALARMS) * (len(out) + 1)))
    return float(out[place - 1]) if place <= len(out) else max(2.3263, float(out[-1]))

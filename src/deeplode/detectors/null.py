"""Null: what scores of normal rows are like, and how many are too high for it.

The empirical null of Efron 2004: the part of the scores below their middle belongs to normal rows,
and its mirror image tells how many normal rows lie above. Scores are skewed, so that they are
first raised to the power that makes their quartiles symmetric.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

DRAWS = 200  # bootstrap samples behind the interval
FALSE_ALARMS = 0.01  # rate at the threshold where the training rows are known to be normal
POWERS = (0.05, 4.0)  # that are tried
STEPS = 30  # of halving
TAIL = 1.0  # spreads above the middle from where on rows are counted
GRID = np.linspace(TAIL, 6.0, 51)  # spreads above the middle at which they are
WIDER = 2.0  # how much further than normal rows odd ones lie at least, on average

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Null:
    """Scores y = (score - origin) ** power are normal(middle, spread) for normal rows; odd rows lie
    above the middle, ``beyond`` on average.

    share: of odd rows, as probabilities see it: never 0. contamination: estimate of that share and
    its 95 % interval. threshold: from which score on a row is called odd.
    """

    origin: float
    power: float
    middle: float
    spread: float
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
        out = (_raised(scores, self.origin, self.power) - self.middle) / self.spread
        return np.asarray(_posterior(out, self.beyond / self.spread, self.share))

    def facts(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "contamination": list(self.contamination)}

    @classmethod
    def restore(cls, facts: Mapping[str, Any]) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what describes no null."""
        given = {one.name: facts[one.name] for one in fields(cls)}
        interval = given.pop("contamination")
        if len(given) + 1 != len(facts) or not isinstance(interval, list) or len(interval) != 3:
            raise ValueError("This describes no distribution of scores.")
        values = [*given.values(), *interval]
        if any(type(one) is not float or not np.isfinite(one) for one in values):
            raise TypeError("Every part of a distribution must be a finite number.")
        right = given["spread"] > 0 and given["beyond"] > 0 and 0 < given["share"] < 1
        if not right or not POWERS[0] <= given["power"] <= POWERS[1]:
            raise ValueError("This describes no distribution of scores.")
        return cls(**given, contamination=(interval[0], interval[1], interval[2]))


def fit_null(scores: Floats, clean: bool, seed: int) -> Null:
    """The null of the training rows' scores. scores: (rows,) finite, at least 1.

    clean: the rows are known to be normal, so the threshold is that of FALSE_ALARMS; otherwise
    it is where odd is as likely as normal. seed: of the bootstrap samples that give the interval.
    On pure noise the share is 0 or near, and 0 is in the interval. Never a fixed share.
    """
    ordered = np.sort(np.asarray(scores, np.float64))
    rows = len(ordered)
    even = np.ones(rows)
    origin = float(ordered[0])
    power, middle, spread, share = _estimated(ordered, even)
    chance = np.random.default_rng(seed)
    drawn = [
        _estimated(ordered, chance.multinomial(rows, even / rows).astype(np.float64))[3]
        for _ in range(DRAWS)
    ]
    low, high = np.quantile(drawn, (0.025, 0.975))
    interval = (share, float(min(low, share)), float(max(high, share, 1 - 0.05 ** (1 / rows))))
    prior = float(np.clip(share, 0.5 / (rows + 1), 0.5))
    out = (_raised(ordered, origin, power) - middle) / spread
    beyond = _beyond(out, prior)
    bound = _bound(beyond, prior) if not clean else _alarm(out)
    threshold = origin + max(middle + bound * spread, 0.0) ** (1 / power)
    return Null(
        origin, power, middle, spread, beyond * spread, prior, interval, float(threshold)
    )  # fmt: skip


def _raised(scores: Floats, origin: float, power: float) -> Floats:
    return np.asarray(np.maximum(scores - origin, 0.0) ** power, np.float64)


def _estimated(ordered: Floats, weight: Floats) -> tuple[float, float, float, float]:
    """Power, middle, spread and share of odd rows. ordered, weight: (rows,) ascending scores and
    how often each is there.

    Taken three times: the share that was found above is left out of the quartiles of the next.
    """
    reached = np.cumsum(weight)
    total, share = float(reached[-1]), 0.0
    power, middle, spread = 1.0, 0.0, 1.0
    for _ in range(3):
        normal = total * (1 - share)
        at = np.searchsorted(reached, normal * np.array([0.25, 0.5, 0.75]), side="left")
        low, half, high = (ordered[at] - ordered[0]).tolist()
        power = _power(low, half, high)
        middle = half**power
        y = _raised(ordered, float(ordered[0]), power)
        below = y <= middle
        mass = max(float(weight[below].sum()), 1.0)
        square = float((weight * (y - middle) ** 2)[below].sum()) / mass
        spread = max(float(np.sqrt(square)), 1e-9 * max(1.0, abs(middle)))
        share = _share(y, reached, middle, spread)
    return power, middle, spread, share


def _power(low: float, half: float, high: float) -> float:
    """The power that puts the median in the middle of the quartiles; all above the least score."""
    if not low < half < high:
        return 1.0

    def skew(power: float) -> float:
        a, b, c = ((one / half) ** power for one in (low, half, high))
        return float((c - b) - (b - a))

    small, large = POWERS
    if skew(small) > 0 or skew(large) < 0:
        return small if skew(small) > 0 else large
    for _ in range(STEPS):
        between = (small + large) / 2
        small, large = (small, between) if skew(between) > 0 else (between, large)
    return (small + large) / 2


def _share(y: Floats, reached: Floats, middle: float, spread: float) -> float:
    """Of odd rows: the most by which rows above the middle outnumber their mirror image, less
    a standard error."""
    total = float(reached[-1])
    upto = np.concatenate([[0.0], reached])
    above = total - upto[np.searchsorted(y, middle + GRID * spread, side="right")]
    below = upto[np.searchsorted(y, middle - GRID * spread, side="left")]
    excess = above - below - np.sqrt(above + below)
    return float(np.clip(excess.max() / total, 0.0, 0.5))


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

"""Bulk: what most scores are like, and by how much the highest of them are too many.

The empirical null of Efron 2004: the lower and middle part of the scores belongs to normal rows,
and tells by a normal distribution and by its mirror image how many normal rows lie far above.
Scores are skewed, so that they are first raised to the power that makes this part most normal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]

POWERS = (0.05, 4.0)
TRIED = np.geomspace(*POWERS, 32)
PLACES = np.array([0.02, 0.05, *np.arange(0.1, 0.61, 0.05)])  # quantiles that must be normal's …
QUARTILES = np.array([0.25, 0.5, 0.75])  # … or these: symmetric, with longer tails
ROUNDS = 3  # of leaving out what was found odd
TAIL = 1.5  # spreads above the middle from where on rows are counted: below, most are normal
GRID = np.linspace(TAIL, 6.0, 41)  # spreads above the middle at which they are


@dataclass(frozen=True)
class Bulk:
    """(score - origin) ** power is normal(middle, spread) for most rows; as origin below 0."""

    origin: float
    power: float
    middle: float
    spread: float

    def out(self, scores: Floats) -> Floats:
        """(rows,): spreads above the middle."""
        above = np.maximum(np.asarray(scores, np.float64) - self.origin, 0.0)
        return np.asarray((above**self.power - self.middle) / self.spread)

    def score(self, out: float) -> float:
        """The score that lies so many spreads above the middle."""
        base = max(self.middle + out * self.spread, 0.0)
        return float(self.origin + base ** (1 / self.power))

    def facts(self) -> dict[str, float]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def restore(cls, facts: Mapping[str, Any]) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what describes no bulk."""
        given = {one.name: facts[one.name] for one in fields(cls)}
        if len(given) != len(facts):
            raise ValueError("This describes no distribution of scores.")
        if any(type(one) is not float or not np.isfinite(one) for one in given.values()):
            raise TypeError("Every part of a distribution must be a finite number.")
        if not given["spread"] > 0 or not POWERS[0] <= given["power"] <= POWERS[1]:
            raise ValueError("This describes no distribution of scores.")
        return cls(**given)


def fit_bulk(
    ordered: Floats, weight: Floats | None = None, places: Floats = PLACES
) -> tuple[Bulk, float]:
    """The bulk of scores, and the share of rows above it. ordered, weight: (rows,) ascending
    scores and how often each is there; None = once. places: quantiles that are to be normal's.

    Taken a few times: what was found odd is left out of the next quantiles. More than a third
    of odd rows reach into them at first; then the share comes out too low.
    """
    each = np.ones(len(ordered)) if weight is None else weight
    reached = np.cumsum(each)
    share, origin = 0.0, float(ordered[0])
    for _ in range(ROUNDS):
        normal = float(reached[-1]) * (1 - share)
        at = np.searchsorted(reached, normal * places, side="left")
        bulk = Bulk(origin, *_fitted(ordered[at] - origin, places))
        share = _share(bulk.out(ordered), reached, normal)
    return bulk, share


def _fitted(quantiles: Floats, places: Floats) -> tuple[float, float, float]:
    """Power, middle and spread of the normal distribution that the quantiles come nearest to, by
    weighted least squares; all above the least score."""
    unit, normal = float(quantiles[-1]) or 1.0, ndtri(places)
    y = (quantiles / unit)[None, :] ** TRIED[:, None]  # (powers, places)
    weight = np.exp(-(normal**2)) / (places * (1 - places))  # 1 / variance of each
    weight /= weight.sum()
    middle, z = (y * weight).sum(1, keepdims=True), normal - (normal * weight).sum()
    slope = ((y - middle) * z * weight).sum(1) / (z**2 * weight).sum()
    rest = ((y - middle - slope[:, None] * z) ** 2 * weight).sum(1)
    best = int((rest / np.maximum(slope, 1e-12) ** 2).argmin()) if slope.max() > 1e-9 else -1
    power = float(TRIED[best]) if best >= 0 else 1.0
    center = float(middle[best, 0]) - float(slope[best]) * float((normal * weight).sum())
    scale = unit**power
    if best < 0:
        center, slope = float(quantiles[-1] / unit), np.zeros(1)
    return power, center * scale, max(float(slope[best]), 1e-9) * scale


def _share(out: Floats, reached: Floats, normal: float) -> float:
    """Of odd rows: the most by which rows above the middle outnumber what is expected of so many
    normal ones, less a standard error."""
    total = float(reached[-1])
    upto = np.concatenate([[0.0], reached])
    above = total - upto[np.searchsorted(out, GRID, side="right")]
    below = upto[np.searchsorted(out, -GRID, side="left")]
    expected = np.maximum(below, normal * ndtr(-GRID))
    excess = above - expected - np.sqrt(above + expected)
    return float(np.clip(excess.max() / total, 0.0, 0.5))

"""Paired: which of several trainings differ for certain, and which by chance alone.

Every choice is trained from the same seeds and scored on the same rows, so that two of them differ
by one number for each seed and row. Both might have been others: seeds and rows count as drawn at
random, as readers and cases do in studies of several readers (Obuchowski and Rockette 1995, Hillis
2007). The variance of a mean difference is that over the rows plus that over the seeds; what
belongs to both is counted in each, on the safe side. Few seeds say little about how much chance
moves one pair, and where they happen to agree a difference would look certain: so the variance over
seeds is at least that pooled over all choices. Student's t with Satterthwaite's degrees of freedom
gives p, and Holm's method (1979) corrects all pairs at once, as it is not known beforehand which
choice will be the best. Of two choices there is nothing to pool, and Satterthwaite's degrees of
freedom, themselves reckoned from two or three seeds, are too many: there the interval's half width
is the root of the sum of squares of that of rows alone and that of seeds alone (Howe 1974).

In studies without any effect one in twenty finds one, or fewer: ``benchmarks/noise.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Floats = NDArray[np.float64]

ALPHA = 0.05  # chance of any difference called real where there is none
NEGLIGIBLE = 1e-3  # share of the smaller loss below which a difference is of no matter
LEAST, HALVINGS = -300.0, 40  # power of ten of the least p that is told; steps of finding p
CELLS = 300_000_000  # pairs x rows; of more, evenly spaced rows are looked at


@dataclass(frozen=True)
class Pairs:
    """How every choice differs from every other, (choices, choices): column less row.

    low, high: 95 % interval of one difference alone. p: corrected for all pairs.
    """

    value: Floats
    low: Floats
    high: Floats
    p: Floats

    def real(self, one: int, other: int) -> bool:
        """Whether two choices differ for certain, and by more than what is negligible."""
        return bool(self.p[one, other] < ALPHA)


def compare(
    losses: Floats, weights: Floats | None = None, groups: NDArray[np.int64] | None = None
) -> Pairs:
    """Compare all choices with each other.

    losses: (seeds, choices, rows). weights: (rows,) >= 0, or None. groups: (rows,) codes of rows
    that belong together, or None.
    """
    seeds, choices, rows = losses.shape
    weights = np.ones(rows) if weights is None else weights.astype(np.float64)
    groups = np.arange(rows) if groups is None else np.unique(groups, return_inverse=True)[1]
    pairs = max(1, choices * (choices - 1) // 2)
    of_seeds = losses @ (weights / weights.sum())  # (seeds, choices)
    mean = of_seeds.mean(0)
    step = max(1, -(-rows * pairs // CELLS))
    units = _units(losses.mean(0), mean, weights, groups)[:, ::step]  # (choices, units)
    value = mean[None] - mean[:, None]
    table = np.zeros((3, choices, choices))  # low, high, p
    table[2] = 1.0
    pooled, free_seeds = _pooled(of_seeds)
    for one in range(choices - 1):
        rest = slice(one + 1, None)
        by_rows = _variance(units[rest] - units[one]) * step
        by_seeds = np.zeros(choices - one - 1)
        if seeds > 1:
            own = (of_seeds[:, rest] - of_seeds[:, [one]]).var(0, ddof=1)
            by_seeds = np.maximum(own, pooled) / seeds
        judge = _howe if choices == 2 else _satterthwaite
        free = max(units.shape[1] - 1, 1), free_seeds
        table[:, one, rest] = judge(value[one, rest], (by_rows, by_seeds), free)
        small = np.minimum(np.abs(mean[one]), np.abs(mean[rest]))
        table[2, one, rest][np.abs(value[one, rest]) <= NEGLIGIBLE * small] = 1.0
    upper = np.triu_indices(choices, 1)
    table[2][upper] = holm(table[2][upper])
    low, high, p = table
    return Pairs(value, low - high.T, high - low.T, np.minimum(p, p.T))


def _units(losses: Floats, mean: Floats, weights: Floats, groups: NDArray[np.int64]) -> Floats:
    """What each group of rows adds to a choice's mean loss beyond its share, (choices, groups)."""
    share = weights / weights.sum()
    moved = (losses - mean[:, None]) * share
    if int(groups.max()) + 1 == len(groups):
        whole: Floats = moved
        return whole
    summed = np.zeros((len(losses), int(groups.max()) + 1))
    for own, row in zip(summed, moved, strict=True):
        own += np.bincount(groups, row, len(own))
    return summed


def _variance(units: Floats) -> Floats:
    """Of a mean whose parts these are. units: (…, units)."""
    count = units.shape[-1]
    if count < 2:
        return np.full(units.shape[:-1], np.inf)
    found: Floats = np.square(units).sum(-1) * count / (count - 1)
    return found


def _pooled(of_seeds: Floats) -> tuple[float, float]:
    """Variance over seeds of the difference of two choices, from all choices, and its degrees of
    freedom: the fewer, the more unlike their variances are.

    of_seeds: (seeds, choices). What a seed does to all choices alike is taken off.
    """
    seeds, choices = of_seeds.shape
    if seeds < 2 or choices < 2:
        return 0.0, 1.0
    rest = of_seeds - of_seeds.mean(1, keepdims=True)
    each = rest.var(0, ddof=1) * choices / (choices - 1)
    whole = each.sum()
    alike = whole**2 / np.square(each).sum() if whole > 0 else float(choices)
    return float(2 * each.mean()), float((seeds - 1) * alike * (choices - 1) / choices)


def _satterthwaite(
    value: Floats, variances: tuple[Floats, Floats], free: tuple[float, float]
) -> Floats:
    """(3, …): 95 % interval and two-sided p of a difference from 0.

    variances: of rows and of seeds. free: their degrees of freedom; those of the sum are
    Satterthwaite's.
    """
    rows, seeds = variances
    spread = np.sqrt(rows + seeds)
    with np.errstate(invalid="ignore", divide="ignore"):
        both = np.square(rows + seeds) / (np.square(rows) / free[0] + np.square(seeds) / free[1])
        t = np.where(spread > 0, np.abs(value) / spread, np.where(value == 0, 0.0, np.inf))
    degrees = np.where(np.isfinite(both), both, free[0])
    reach = stdtrit(degrees, 0.975) * spread
    found: Floats = np.stack([value - reach, value + reach, 2 * stdtr(degrees, -t)])
    return found


def _howe(value: Floats, variances: tuple[Floats, Floats], free: tuple[float, float]) -> Floats:
    """The same by Howe's rule: a bound is never nearer to 0 than that of rows or seeds alone."""
    rows, seeds = variances

    def reach(p: Floats | float) -> Floats:
        """How far from 0 a difference is whose p is this."""
        half = np.asarray(p) / 2
        bound: Floats = rows * stdtrit(free[0], half) ** 2 + seeds * stdtrit(free[1], half) ** 2
        return np.sqrt(bound)

    low, high = np.full(value.shape, LEAST), np.zeros(value.shape)  # powers of ten of p
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        further = reach(10**middle) > np.abs(value)
        low, high = np.where(further, middle, low), np.where(further, high, middle)
    p = np.where(value == 0, 1.0, 10**high)
    found: Floats = np.stack([value - reach(ALPHA), value + reach(ALPHA), p])
    return found


def holm(p: Floats) -> Floats:
    """p-values corrected so that all of them may be looked at together (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    raised = p[order] * np.arange(len(p), 0, -1)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return corrected


def over_seeds(values: Floats) -> tuple[float, float | None, float | None]:
    """The mean over seeds and its 95 % interval by Student's t; None where there is one seed.

    values: (seeds,).
    """
    mean = float(values.mean())
    if len(values) < 2 or not np.isfinite(values).all():
        return mean, None, None
    reach = stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / np.sqrt(len(values))
    return mean, float(mean - reach), float(mean + reach)

"""Valley: whether two groups are two, or one cloud cut in half.

Between two groups there must be fewer rows than in either. Rows that formed the groups say where to
look: along the direction that tells the two apart best (Fisher 1936), in three windows of equal
width, around both middles and where it is emptiest between. Rows that formed nothing are counted
there. Of rows with one common middle, such as a cloud or uniform noise, the window between never
holds less than both others, so the sign test of the counts is exact whatever their distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

WINDOW = 0.25  # of the way from middle to middle
BETWEEN = np.linspace(0.3, 0.7, 9)  # where the emptiest place is looked for
SHRINK = 0.1  # of the mean variance, added to every direction's
STEEP = 1e-9
FEWEST = 2  # rows of a group that give a direction
WIDE = 3.0  # times the gap beside it that equal values may be spread into a gap


@dataclass(frozen=True)
class Counts:
    """Rows in the emptiest window between two groups, and around the middle of each.

    blind: folds in which no direction could be found, so that nothing can be said.
    """

    between: int = 0
    first: int = 0
    second: int = 0
    blind: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.between + other.between,
            self.first + other.first,
            self.second + other.second,
            self.blind + other.blind,
        )


def smoothed(x: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Rows with equal values of a column spread evenly up to half-way to the next value, but no
    further than WIDE times a gap beside that.

    x: (rows, columns). Whole numbers and levels leave gaps that say nothing of groups; one that is
    much wider than those beside it does. Where every value differs hardly anything moves. Columns
    that follow from each other, such as age and year of birth, are spread alike: else there would
    be gaps between the steps of the line that they lie on.
    """
    chance = np.random.default_rng(seed)
    out = np.array(x, np.float64)
    drawn: dict[bytes, NDArray[np.float64]] = {}
    for column in out.T:
        values, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
        if len(values) < 2 or counts.max() == 1:
            continue
        gaps = np.diff(values) / 2
        if len(gaps) > 1:
            ends = np.concatenate([[0.0], gaps, [0.0]])
            gaps = np.minimum(gaps, 2 * WIDE * np.maximum(ends[:-2], ends[2:]))
        below, above = np.append(gaps[0], gaps), np.append(gaps, gaps[-1])
        tied = counts[inverse] > 1
        low, high = column - below[inverse], column + above[inverse]
        ways = inverse, len(values) - 1 - inverse  # from the lowest value on, and from the highest
        keys = [one.tobytes() if len(values) > 2 else b"" for one in ways]
        share = drawn.get(keys[0])
        if share is None or len(values) == 2:
            share = chance.random(len(column))
            drawn |= {keys[1]: 1 - share, keys[0]: share}
        column[tied] = (low + share * (high - low))[tied]
    return out


def count(
    first: NDArray[np.float64], second: NDArray[np.float64], unseen: NDArray[np.float64]
) -> Counts:
    """Count rows of two groups between and around their middles.

    first, second: (rows, columns) that say where to look. unseen: (unseen rows, columns) of both.
    """
    if min(len(first), len(second)) < FEWEST:
        return Counts(blind=1)
    step = second.mean(0) - first.mean(0)
    direction = _direction(first, second, step)
    length = float(step @ direction)
    if not length > STEEP:
        return Counts(blind=1)
    start = float(first.mean(0) @ direction)
    places = (np.concatenate([first, second]) @ direction - start) / length
    emptiest = BETWEEN[int(np.argmin([_within(places, at) for at in BETWEEN]))]
    told = (unseen @ direction - start) / length
    return Counts(_within(told, emptiest), _within(told, 0.0), _within(told, 1.0))


def judged(counts: Counts) -> tuple[float, float, float, float]:
    """Depth of the valley, rows in it over rows around the lower middle, 0 …, with its 95 %
    interval; and the chance that a single cloud would be as empty there, one-sided."""
    if counts.blind:
        return 1.0, 0.0, np.inf, 1.0
    middle, ends = counts.between, (counts.first, counts.second)
    p = max(float(binom.cdf(middle, middle + end, 0.5)) for end in ends)
    return (*_ratio(middle, min(ends)), p)


def _direction(
    first: NDArray[np.float64], second: NDArray[np.float64], step: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(columns,): Fisher's, with the covariance drawn towards a sphere."""
    spread = np.concatenate([first - first.mean(0), second - second.mean(0)])
    covariance = spread.T @ spread / len(spread)
    ridge = SHRINK * float(np.trace(covariance)) / len(step) + STEEP
    return np.asarray(np.linalg.solve(covariance + ridge * np.eye(len(step)), step))


def _within(places: NDArray[np.float64], at: float) -> int:
    return int((np.abs(places - at) <= WINDOW / 2).sum())


def _ratio(middle: int, end: int) -> tuple[float, float, float]:
    """middle / end and its interval, by the log ratio of two counts with half a row added."""
    ratio = (middle + 0.5) / (end + 0.5)
    width = float(norm.ppf(0.975)) * np.sqrt(1 / (middle + 0.5) + 1 / (end + 0.5))
    value, low = middle / max(end, 1), float(ratio * np.exp(-width))
    return value, min(low, value), float(ratio * np.exp(width))

"""Period: after how many moments series are most like themselves."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

LIKE = 0.3  # correlation of a series with itself from where on it has a period
NEAR = 0.95  # of the highest correlation: of such lags the shortest is the period
LONGEST = 1_000  # moments of a period that is looked for
FEWEST = 30  # moments that a series must have to say something

Values = NDArray[np.float64]


def period(several: Iterable[Values]) -> int:
    """The lag at which series are most like themselves, beyond their first fall: 1 = none.

    several: (moments,) each, NaN where there is no value.
    """
    total, many = np.zeros(LONGEST + 1), np.zeros(LONGEST + 1)
    for own in several:
        found = _alike(own)
        total[: len(found)] += found
        many[: len(found)] += 1
    mean = total / np.maximum(many, 1)
    mean[many == 0] = -1
    falls = np.flatnonzero(mean < LIKE / 2)
    falls = falls[many[falls] > 0]
    if not len(falls):
        return 1
    rest = mean[falls[0] :]
    near = np.flatnonzero(rest >= NEAR * rest.max())  # multiples of a period are as like as it
    first = int(near[0])
    best = first + int(rest[first : first + 2].argmax())
    return int(falls[0] + best) if rest[best] >= LIKE else 1


def _alike(values: Values) -> Values:
    """(lags,) correlation of a series with itself, its straight line taken off; as far as a
    third of it."""
    there = np.isfinite(values)
    most = min(LONGEST, len(values) // 3)
    if there.sum() < FEWEST:
        return np.zeros(0)
    place = np.arange(len(values))
    line = np.polyfit(place[there], values[there], 1)
    rest = np.where(there, values - np.polyval(line, place), 0.0)
    rest /= max(np.abs(rest).max(), 1e-300)  # squares of huge numbers are none
    size = 1 << int(np.ceil(np.log2(2 * len(rest))))
    spectrum = np.abs(np.fft.rfft(rest, size)) ** 2
    found = np.fft.irfft(spectrum)[: most + 1] / np.maximum(len(rest) - np.arange(most + 1), 1)
    return np.asarray(found / max(found[0], 1e-300))

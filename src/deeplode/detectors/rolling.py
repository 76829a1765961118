"""Rolling: what the window that ends at a moment tells of each channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLD = 4  # of each channel: mean, spread, movement, gaps
LOG = 0.05  # added to a spread before its logarithm, in the channel's deviations
WILD = 1e3  # deviations that count at most: sums stay exact enough for the windows after them
ENOUGH = 4  # part of a window that must be there for a spread

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rolling:
    """Rolling statistics.

    features: (moments, TOLD * channels): means, log spreads, log movements, shares of gaps; NaN =
    not known. lengths: (moments,) moments in each window.
    """

    features: Floats
    lengths: NDArray[np.int64]

    def rows(self, index: slice) -> Rolling:
        """Of some moments."""
        return Rolling(self.features[index], self.lengths[index])


def rolling(z: Floats, starts: NDArray[np.int64], window: int) -> Rolling:
    """Look back from each moment.

    z: (moments, channels), each in its own deviations; NaN = missing. starts: (moments,) first
    moment of the unbroken stretch, which no window reaches beyond.
    """
    here = np.arange(len(z))
    first = np.maximum(starts, here + 1 - window)
    there = ~np.isnan(z)
    filled = np.clip(np.where(there, z, 0.0), -WILD, WILD)
    steps = np.zeros_like(filled)
    moved = np.zeros_like(there)
    moved[1:] = there[1:] & there[:-1] & (here[1:] > starts[1:])[:, None]
    steps[1:] = np.where(moved[1:], np.diff(filled, axis=0), 0.0)
    lengths = here + 1 - first
    count, jumps = _sums(there, first), _sums(moved, np.minimum(first + 1, here + 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = _sums(filled, first) / count
        square = _sums(filled**2, first) / count - mean**2
        jump = _sums(steps**2, np.minimum(first + 1, here + 1)) / jumps
    few = count < max(2, window // ENOUGH)
    spread = np.where(few, np.nan, _log(square))
    movement = np.where(few | (jumps == 0), np.nan, _log(jump))
    gaps = 1 - count / lengths[:, None]
    return Rolling(np.concatenate([mean, spread, movement, gaps], axis=1), lengths)


def _sums(values: NDArray[np.generic], first: NDArray[np.int64]) -> Floats:
    """(moments, channels): of each moment's window, from ``first`` on."""
    total = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, dtype=np.float64, out=total[1:])
    return np.asarray(total[1:] - total[first])


def _log(square: Floats) -> Floats:
    return np.asarray(np.log(np.sqrt(np.maximum(square, 0.0)) + LOG))

"""Histogram: an odd row has rare values, column by column.

The mean of two answers: the density of each value by a histogram (HBOS, Goldstein and Dengel 2012)
and the tail that it lies in (ECOD, Li et al. 2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from deeplode.detectors.detector import Arrays, checked, kept
from deeplode.runtime import Budget

BINS = 20  # of equal width
HALF = 0.5  # a row that is counted in every bin beside those that are there
POINTS = 256  # of the distribution of a column that are kept, at most


@dataclass(frozen=True, eq=False)
class Histogram:
    """What each column's values are like.

    low, width: (columns,) where the first bin begins and how wide one is. rare: (columns, BINS + 1)
    surprise in nats of each bin, and of values outside of all. values: (columns, points) of the
    distribution, ascending. below, above: (columns, points) -ln of the share of rows at most, at
    least as high. skew: (columns,) bool, whether the longer tail is the upper one.
    scale: (2,) deviation of either answer over the training rows.
    """

    low: NDArray[np.float32]
    width: NDArray[np.float32]
    rare: NDArray[np.float32]
    values: NDArray[np.float32]
    below: NDArray[np.float32]
    above: NDArray[np.float32]
    skew: NDArray[np.bool_]
    scale: NDArray[np.float64]
    name: ClassVar[str] = "histogram"

    def score(self, x: Tensor) -> NDArray[np.float64]:
        """(rows,): sum of the blame."""
        return np.asarray(self.blame(x).sum(axis=1))

    def spread(self, x: Tensor) -> NDArray[np.float64]:
        """(2,) deviation of the sums of either answer over some rows; 1 where there is none."""
        rare, tails = self._answers(x)
        found = np.array([rare.sum(axis=1).std(), tails.sum(axis=1).std()])
        return np.where(found > 1e-9, found, 1.0)

    def blame(self, x: Tensor) -> NDArray[np.float64]:
        """(rows, columns): surprise of each value, each answer in deviations of its sum."""
        rare, tails = self._answers(x)
        return np.asarray(rare / self.scale[0] + tails / self.scale[1])

    def _answers(self, x: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rarity by density and by tail, (rows, columns) each.

        Of the tails the lower ones, the upper ones, or each column's longer one, whichever makes
        the row oddest.
        """
        cells = checked(x, len(self.low)).numpy()
        rare, below, above = (np.empty(cells.shape) for _ in range(3))
        for column, values in enumerate(cells.T):
            rare[:, column] = self.rare[column][self._bin(values, column)]
            below[:, column], above[:, column] = self._tails(values, column)
        tails = np.stack([below, above, np.where(self.skew, above, below)])
        return rare, tails[tails.sum(axis=2).argmax(axis=0), np.arange(len(cells))]

    def _bin(self, values: NDArray[np.float32], column: int) -> NDArray[np.int64]:
        place = np.floor((values - self.low[column]) / self.width[column])
        inside = (place >= 0) & (place < BINS)
        return np.where(inside, place, BINS).astype(np.int64)

    def _tails(
        self, values: NDArray[np.float32], column: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """-ln of the share of rows as low, and of those as high."""
        known = self.values[column]
        low = np.searchsorted(known, values, side="right")
        high = np.searchsorted(known, values, side="left")
        return self.below[column][low], self.above[column][high]

    def facts(self) -> dict[str, Any]:
        """Nothing beyond the arrays."""
        return {}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""
        return {name: getattr(self, name) for name in NAMES}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse of ``facts`` and ``arrays``."""
        columns, points = kept(arrays, "values", "float32", -1, -1).shape
        sizes: dict[str, tuple[int, ...]] = {
            "low": (columns,),
            "width": (columns,),
            "rare": (columns, BINS + 1),
        }
        sizes |= {"values": (columns, points), "below": (columns, points + 1)}
        sizes |= {"above": (columns, points + 1)}
        found: dict[str, Any] = {
            name: kept(arrays, name, "float32", *size) for name, size in sizes.items()
        }
        found["skew"] = kept(arrays, "skew", "bool", columns)
        found["scale"] = kept(arrays, "scale", "float64", 2)
        odd = any((found[name] < 0).any() for name in ("rare", "below", "above"))
        rising = (np.diff(found["values"], axis=1) >= 0).all()
        positive = (found["width"] > 0).all() and (found["scale"] > 0).all()
        if facts or not columns or not points or odd or not rising or not positive:
            raise ValueError("This describes no histograms.")
        return cls(**found)


NAMES = ("low", "width", "rare", "values", "below", "above", "skew", "scale")


def fit_histogram(x: Tensor, chance: int, clean: bool, budget: Budget, threads: int) -> Histogram:
    """Count. x: (rows, columns) float32, at least 1 row and column.

    chance, clean, budget, threads: make no difference, this is quick. Of 7, 10 and 20 bins, smooth
    or not, and of either answer alone, this was best on development data (benchmarks/oddsets.py).
    """
    cells = np.ascontiguousarray(x.numpy(), np.float32)
    ordered = np.sort(cells, axis=0)
    low, spread = ordered[0], (ordered[-1] - ordered[0]).astype(np.float64)
    width = np.where(spread > 0, spread / BINS * (1 + 1e-5), 1).astype(np.float32)
    rare = np.stack([_rare(one, low[i], width[i]) for i, one in enumerate(ordered.T)])
    points = np.unique(np.linspace(0, len(x) - 1, min(POINTS, len(x))).round().astype(int))
    values = np.ascontiguousarray(ordered[points].T)
    tails = [_shares(one, known) for one, known in zip(ordered.T, values, strict=True)]
    below, above = (np.stack(part).astype(np.float32) for part in zip(*tails, strict=True))
    gaps = cells.astype(np.float64) - cells.mean(axis=0, dtype=np.float64)
    skew = (gaps**3).sum(axis=0) > 0
    plain = Histogram(low, width, rare, values, below, above, skew, np.ones(2))
    return replace(plain, scale=plain.spread(x))


def _rare(values: NDArray[np.float32], low: np.float32, width: np.float32) -> NDArray[np.float32]:
    """(BINS + 1,) -ln of the density by a smoothed histogram, over that of the fullest bin."""
    place = np.clip(np.floor((values - low) / width), 0, BINS - 1).astype(np.int64)
    count = np.bincount(place, minlength=BINS) + HALF
    smooth = np.convolve(np.pad(count, 1, mode="edge"), (0.25, 0.5, 0.25), "valid")
    surprise = np.log(smooth.max()) - np.log(np.append(smooth, HALF))
    return np.asarray(surprise, np.float32)


def _shares(
    ordered: NDArray[np.float32], known: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """-ln of the share of rows up to each known value, and from it on, (points + 1,) each; what is
    beyond all rows is as rare as half a row."""
    rows = len(ordered)
    below = np.searchsorted(ordered, known, side="right") / rows
    above = 1 - np.searchsorted(ordered, known, side="left") / rows
    return -np.log(np.append(HALF / rows, below)), -np.log(np.append(above, HALF / rows))

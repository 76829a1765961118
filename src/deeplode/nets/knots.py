"""Knots: where on a number's axis a net may bend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Knots:
    """Ascending positions on the axis of each number column, learned from training rows.

    values: (all knots,) float32, column after column, in the units of the net's input.
    normal: (all knots,) float32: the standard normal quantile of each knot's rank among the
        training rows, so that a column is also seen spread evenly whatever its distribution.
    starts: (columns + 1,) where each column's knots begin in the two above.
    """

    values: Tensor
    normal: Tensor
    starts: tuple[int, ...]

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.starts) - 1

    @property
    def segments(self) -> tuple[int, ...]:
        """Stretches between knots of each column."""
        return tuple(b - a - 1 for a, b in zip(self.starts, self.starts[1:], strict=False))

    def coordinates(self, numbers: Tensor) -> Tensor:
        """Where each value lies, counted in knots: 2.25 is a quarter of the way from knot 2 to 3.

        numbers: (rows, columns) float32, NaN = missing.
        Returns (rows, columns) float32 in [0, segments]; beyond the outer knots the outer knot;
        NaN stays NaN.
        """
        places = torch.empty_like(numbers)
        for column in range(self.columns):
            knots = self.values[self.starts[column] : self.starts[column + 1]]
            values = numbers[:, column].clamp(knots[0], knots[-1])
            segment = torch.searchsorted(knots, values, right=True).sub_(1)
            segment.clamp_(0, len(knots) - 2)
            left = knots[segment]
            width = knots[segment + 1] - left
            places[:, column] = segment + (values - left) / width
        return places

    def as_normal(self, places: Tensor) -> Tensor:
        """Coordinates as standard normal quantiles, linear between knots; shape kept, no NaN."""
        segment = places.long()
        fraction = places - segment
        segment += torch.tensor(self.starts[:-1])
        last = torch.tensor(self.starts[1:]) - 1
        left = self.normal[segment]
        right = self.normal[torch.minimum(segment + 1, last)]
        return left + fraction * (right - left)


def place_knots(numbers: Tensor, quantiles: int, frequent: int) -> Knots:
    """Knots at quantiles and at the most frequent values of each column's training rows.

    A value shared by many rows gets a knot of its own, with its neighbours, so that the net can
    tell it from values close by as a tree does (the idea of piecewise-linear encoding, Gorishniy
    et al. 2022, with unique-value bins).

    numbers: (rows, columns) float32, NaN = missing. quantiles, frequent: most knots of each sort.
    """
    values: list[np.ndarray] = []
    normal: list[np.ndarray] = []
    for column in numbers.numpy().T:
        present = np.sort(column[~np.isnan(column)])
        knots = _knots(present, quantiles, frequent)
        below = np.searchsorted(present, knots, "left")
        upto = np.searchsorted(present, knots, "right")
        rank = (below + upto + 1) / (2 * (len(present) + 1))  # middle of the ties, within (0, 1)
        values.append(knots)
        normal.append(torch.special.ndtri(torch.from_numpy(rank)).numpy())
    starts = tuple(np.cumsum([0, *(len(knots) for knots in values)]).tolist())
    return Knots(_flat(values), _flat(normal), starts)


def _knots(present: np.ndarray, quantiles: int, frequent: int) -> np.ndarray:
    """At least two ascending knots. present: sorted values without NaN, perhaps none."""
    if len(present) == 0:
        return np.array([0.0, 1.0], np.float32)
    if present[0] == present[-1]:
        return np.array([present[0], np.nextafter(present[0], np.float32(np.inf))], np.float32)
    at = np.linspace(0, len(present) - 1, quantiles + 1).round().astype(np.int64)
    distinct, counts = np.unique(present, return_counts=True)
    often = np.argsort(-counts, kind="stable")[:frequent]
    often = often[counts[often] > 1]
    return np.unique(np.concatenate([present[at], distinct[often]])).astype(np.float32)


def _flat(parts: Sequence[np.ndarray]) -> Tensor:
    flat = np.concatenate([np.empty(0), *parts]).astype(np.float32)
    return torch.from_numpy(flat)

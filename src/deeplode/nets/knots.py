"""Knots: where on a number's axis a net may bend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NEVER = float(np.finfo(np.float32).max)  # a knot that no value comes near


@dataclass(frozen=True)
class Knots:
    """Ascending positions on the axis of each number column, learned from training rows.

    values: (all knots,) float32, column after column, in the units of the net's input.
    normal: (all knots,) float32: the standard normal quantile of each knot's rank among the
        training rows, so that a column is also seen spread evenly whatever its distribution.
    smooth: (all knots,) float32: each knot's value, bent softly so that it stays within ±3.
    starts: (columns + 1,) where each column's knots begin in the three above.
    """

    values: Tensor
    normal: Tensor
    smooth: Tensor
    starts: tuple[int, ...]

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.starts) - 1

    @property
    def segments(self) -> tuple[int, ...]:
        """Stretches between knots of each column."""
        return tuple(end - start - 1 for start, end in pairwise(self.starts))

    @cached_property
    def _padded(self) -> Tensor:
        """(columns, most knots) float32, filled up with infinity."""
        if not self.columns:
            return torch.empty(0, 0)
        columns = torch.split(self.values, [segments + 1 for segments in self.segments])
        return torch.nn.utils.rnn.pad_sequence(list(columns), True, float("inf"))

    @cached_property
    def first(self) -> Tensor:
        """(columns, 1) int64: where each column's knots begin."""
        return torch.tensor(self.starts[:-1], dtype=torch.long).unsqueeze(1)

    @cached_property
    def _ends(self) -> tuple[Tensor, Tensor, Tensor]:
        """(columns, 1) lowest and highest knot, and the last segment's number."""
        last = torch.tensor(self.starts[1:], dtype=torch.long).unsqueeze(1) - 1
        return self.values[self.first], self.values[last], last - self.first - 1

    def places(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Between which knots each value lies.

        numbers: (columns, rows) float32; NaN counts as 0, the median of a robustly scaled column.
        Returns the segment, (columns, rows) int64, and how far through it the value is, float32
        in 0 … 1; values beyond the outer knots count as the outer knot.
        """
        low, high, last = self._ends
        values = numbers.nan_to_num(0.0).clamp(low, high)
        segment = torch.searchsorted(self._padded, values, right=True).sub_(1)
        segment = torch.minimum(segment, last)
        left = segment + self.first
        start = self.values[left]
        return segment, (values - start) / (self.values[left + 1] - start)

    def cells(self, numbers: Tensor) -> Tensor:
        """What the net takes in for each number: coordinate, normal score, softly clipped value.

        numbers: (rows, columns) float32, NaN = missing. The coordinate counts knots: 2.25 is a
        quarter of the way from knot 2 to knot 3; the others are linear between knots.
        Returns (rows, 3 * columns) float32 without NaN.
        """
        segment, part = self.places(numbers.T.contiguous())
        left = segment + self.first
        scores = [torch.lerp(s[left], s[left + 1], part) for s in (self.normal, self.smooth)]
        return torch.cat([segment + part, *scores]).T.contiguous()


def place_knots(numbers: Tensor, quantiles: int, frequent: int) -> Knots:
    """Knots at quantiles and at the most frequent values of each column's training rows.

    A value shared by many rows gets a knot of its own, so that the net can tell it from values
    close by as a tree does (piecewise-linear encoding, Gorishniy et al. 2022, with bins at
    unique values). A column that never changes gets one segment that no value enters.

    numbers: (rows, columns) float32, NaN = missing. quantiles, frequent: most knots of each sort.
    """
    values: list[NDArray[np.float32]] = []
    normal: list[NDArray[np.float64]] = []
    smooth: list[NDArray[np.floating]] = []
    for column in numbers.numpy().T:
        present = np.sort(column[~np.isnan(column)])
        if len(present) == 0 or present[0] == present[-1]:
            values.append(np.array([present[0] if len(present) else 0.0, NEVER]))
            normal.append(np.zeros(2))
            smooth.append(np.zeros(2, np.float32))
            continue
        knots = _knots(present, quantiles, frequent)
        below, upto = (np.searchsorted(present, knots, side) for side in ("left", "right"))
        rank = (below + upto + 1) / (2 * (len(present) + 1))  # middle of the ties, within 0 … 1
        values.append(knots)
        smooth.append(knots / np.hypot(1, knots / 3))
        normal.append(torch.special.ndtri(torch.from_numpy(rank)).numpy())
    starts = tuple(np.cumsum([0, *(len(knots) for knots in values)]).tolist())
    return Knots(_flat(values), _flat(normal), _flat(smooth), starts)


def _knots(present: NDArray[np.float32], quantiles: int, frequent: int) -> NDArray[np.float32]:
    """At least two ascending knots. present: sorted, of at least two different values."""
    at = np.linspace(0, len(present) - 1, quantiles + 1).round().astype(np.int64)
    distinct, counts = np.unique(present, return_counts=True)
    often = np.argsort(-counts, kind="stable")[:frequent]
    often = often[counts[often] > 1]
    return np.unique(np.concatenate([present[at], distinct[often]]))


def _flat(parts: Sequence[NDArray[np.floating]]) -> Tensor:
    return torch.from_numpy(np.concatenate([np.empty(0), *parts]).astype(np.float32))

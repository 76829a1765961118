"""Convolved: how often many fixed convolutions of a series lie above their thresholds.

Dempster et al., MiniRocket: A Very Fast (Almost) Deterministic Transform for Time Series
Classification, KDD 2021: all 84 kernels of nine weights, three of which are 2 and the others -1,
at several dilations; thresholds are quantiles of what the kernels give on training series. A
linear model over these shares is as good as much larger nets where there are few series.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

TAPS = 9
TRIPLES = np.array(list(combinations(range(TAPS), 3)))  # (84, 3)
KERNELS = len(TRIPLES)
MOST_DILATIONS = 32
MOST_CHANNELS = 9  # that one kernel adds up
GOLDEN = (np.sqrt(5) + 1) / 2
CHUNK = 256  # series that are convolved at once
MOST = 120  # thresholds of a kernel, all its dilations together

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Convolutions:
    """dilations: of the kernels. counts: thresholds that a kernel has at each dilation.
    mixed: (dilations, 84, channels) which channels a kernel adds up.
    thresholds: by dilation, then kernel: (84 * all counts,).

    Raises ValueError for parts that do not fit together.
    """

    dilations: tuple[int, ...]
    counts: tuple[int, ...]
    mixed: NDArray[np.bool_]
    thresholds: Floats

    def __post_init__(self) -> None:
        sizes = (*self.dilations, *self.counts)
        if any(type(one) is not int or not 1 <= one <= 1 << 20 for one in sizes):
            raise ValueError("dilations and counts are whole numbers above 0")
        right = (
            len(self.dilations) == len(self.counts)
            and self.mixed.ndim == 3
            and self.mixed.shape[:2] == (len(self.dilations), KERNELS)
            and self.thresholds.shape == (KERNELS * sum(self.counts),)
            and bool(np.isfinite(self.thresholds).all())
            and bool(self.mixed.any(2).all())
        )
        if not right:
            raise ValueError("convolutions of sizes that do not fit")

    @classmethod
    def fit(cls, cells: Floats, features: int, seed: int = 0) -> Convolutions:
        """Thresholds by training series. cells: (rows, channels, length), no NaN; about so many
        features are made, at least one a kernel."""
        rows, channels, length = cells.shape
        each = max(1, min(MOST, features // KERNELS))
        dilations, counts = _dilations(length, each)
        rng = np.random.default_rng(seed)
        mixed = np.zeros((len(dilations), KERNELS, channels), bool)
        most = np.log2(min(channels, MOST_CHANNELS) + 1)
        for own in mixed.reshape(-1, channels):
            own[rng.choice(channels, min(channels, int(2 ** rng.uniform(0, most))), False)] = True
        shares = np.arange(1, KERNELS * each + 1) * GOLDEN % 1
        found, start = [], 0
        for at, dilation in enumerate(dilations):
            example = cells[rng.integers(rows, size=KERNELS)]
            taps = _taps(example, dilation)
            for kernel in range(KERNELS):
                one = [tap[kernel : kernel + 1] for tap in taps]
                values = _convolved(one, kernel, mixed[at, kernel])
                found.append(np.quantile(values, shares[start : start + counts[at]]))
                start += counts[at]
        return cls(dilations, counts, mixed, np.concatenate(found).astype(np.float32))

    @property
    def features(self) -> int:
        """Shares that a series gives."""
        return len(self.thresholds)

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """(dilations + 1,) where the thresholds of each dilation begin."""
        return np.cumsum([0, *(KERNELS * count for count in self.counts)])

    def __call__(self, cells: Floats) -> Floats:
        """(rows, channels, length) without NaN -> (rows, features) shares of 0 … 1."""
        found = np.empty((len(cells), self.features), np.float32)
        for first in range(0, len(cells), CHUNK):
            part = slice(first, first + CHUNK)
            for at in range(len(self.dilations)):
                self._fill(found[part], cells[part], at)
        return found

    def _fill(self, found: Floats, cells: Floats, at: int) -> None:
        dilation, count = self.dilations[at], self.counts[at]
        taps, length = _taps(cells, dilation), cells.shape[2]
        edge = dilation * (TAPS // 2)
        for kernel in range(KERNELS):
            values = _convolved(taps, kernel, self.mixed[at, kernel])
            if (at + kernel) % 2 and length > 2 * edge:  # every other one without the edges
                values = values[:, edge : length - edge]
            start = self._starts[at] + kernel * count
            for place in range(start, start + count):
                found[:, place] = (values > self.thresholds[place]).mean(1)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return {
            "dilations": list(self.dilations),
            "counts": list(self.counts),
            "channels": self.mixed.shape[2],
            "mixed": base64.b64encode(np.packbits(self.mixed).tobytes()).decode("ascii"),
            "thresholds": base64.b64encode(self.thresholds.astype("<f4").tobytes()).decode("ascii"),
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Convolutions:
        """The inverse of ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        dilations, counts = tuple(facts["dilations"]), tuple(facts["counts"])
        shape = (len(dilations), KERNELS, int(facts["channels"]))
        bits = np.frombuffer(base64.b64decode(facts["mixed"], validate=True), np.uint8)
        size = int(np.prod(shape))
        if shape[2] < 1 or len(bits) != -(-size // 8):
            raise ValueError("channels that do not fit")
        mixed = np.unpackbits(bits)[:size].reshape(shape).astype(bool)
        numbers = np.frombuffer(base64.b64decode(facts["thresholds"], validate=True), "<f4")
        return cls(dilations, counts, mixed, numbers.astype(np.float32))


def _dilations(length: int, each: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Dilations up to where nine taps span the series, and how many of ``each`` thresholds a
    kernel has at each of them."""
    widest = max(0.0, np.log2(max(1, length - 1) / (TAPS - 1)))
    spaced = 2 ** np.linspace(0, widest, min(each, MOST_DILATIONS))
    dilations, shares = np.unique(spaced.astype(np.int64), return_counts=True)
    counts = shares * each // shares.sum()
    for left in range(each - int(counts.sum())):
        counts[left % len(counts)] += 1
    kept = counts > 0
    return tuple(dilations[kept].tolist()), tuple(counts[kept].tolist())


def _taps(cells: Floats, dilation: int) -> list[Floats]:
    """The series as each tap meets it, zeros around: nine of (rows, channels, length)."""
    length, edge = cells.shape[2], dilation * (TAPS // 2)
    wide = np.pad(cells, ((0, 0), (0, 0), (edge, edge)))
    return [wide[:, :, tap * dilation : tap * dilation + length] for tap in range(TAPS)]


def _convolved(taps: list[Floats], kernel: int, channels: NDArray[np.bool_]) -> Floats:
    """(rows, length) what a kernel gives on some channels together."""
    own = np.flatnonzero(channels)
    total = np.zeros((len(taps[0]), taps[0].shape[2]), np.float32)
    for tap, values in enumerate(taps):
        weight = np.float32(2 if tap in TRIPLES[kernel] else -1)
        for channel in own:
            total += weight * values[:, channel]
    return total

"""Moments: how the moments of series become the plain numbers that detectors compare.

What matrix.py is for rows. Each channel tells of a moment four things about the window that ends
there: mean, spread, movement from moment to moment, and share of gaps. Each counts as its distance
from the baseline of its own series, in units of how far normal moments get away from theirs: the
second half of the normal moments from the first. What drifts by itself needs to go further to be
odd.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.detectors.detector import Arrays, kept, whole
from deeplode.detectors.rolling import TOLD, Rolling, rolling

LEAST = 0.05  # unit of a feature: below it differences are rounding
FLAT = 0.01  # of the level: width of a channel that never moved
PIECES = 10  # of a series that are held out on their own, at most
FAR = 50.0  # units that a feature is at most away from its baseline

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Baseline:
    """What is normal for one series. level, width: (channels,), in the channel's unit.
    center: (features,) of scaled channels."""

    level: Floats
    width: Floats
    center: Floats


@dataclass(frozen=True, eq=False)
class Moments:
    """Window and baselines.

    window: moments. level, width: (series + 1, channels). center: (series + 1, features). The last
    line of each is for a series that is not known. unit: (features,).
    """

    window: int
    level: Floats
    width: Floats
    center: Floats
    unit: Floats

    @property
    def channels(self) -> int:
        """How many there are."""
        return int(self.level.shape[1])

    def of(self, cells: Floats, starts: NDArray[np.int64], base: NDArray[np.int64]) -> Tensor:
        """(moments, features) float32, finite.

        cells: (moments, channels) in order, NaN = missing. starts: (moments,) of the unbroken
        stretch. base: (moments,) lines of the baselines.
        """
        found = rolling((cells - self.level[base]) / self.width[base], starts, self.window)
        return self.away(found, self.center[base])

    def measured(
        self, cells: Floats, starts: NDArray[np.int64], places: NDArray[np.int64]
    ) -> Floats:
        """(places, channels): the mean over each window that ends at one of them, in the channel's
        unit, however far out; NaN where a channel has no value. cells, starts: as in ``of``."""
        back = places[:, None] + np.arange(1 - self.window, 1)
        own = cells[np.maximum(back, 0)]  # (places, window, channels)
        there = (back >= starts[places][:, None])[:, :, None] & ~np.isnan(own)
        count = there.sum(axis=1)
        total = np.where(there, own, 0.0).sum(axis=1)
        with np.errstate(invalid="ignore"):
            return np.asarray(total / count)

    def away(self, found: Rolling, center: Floats) -> Tensor:
        """(moments, features): distance from a baseline in units; shorter windows count less."""
        gap = (found.features - center) / self.unit
        gap *= np.sqrt(found.lengths / self.window)[:, None]
        clipped = np.clip(np.where(np.isnan(gap), 0.0, gap), -FAR, FAR)
        return torch.from_numpy(clipped.astype(np.float32))

    def joined(self, more: list[Baseline]) -> Moments:
        """With the baselines of other series, in lines after the present ones."""
        if not more:
            return self
        level, width, center = (
            np.vstack([getattr(self, name), *(getattr(one, name)[None] for one in more)])
            for name in ("level", "width", "center")
        )
        return replace(self, level=level, width=width, center=center)

    def means(self, x: Floats, base: NDArray[np.int64]) -> Floats:
        """(moments, channels): the means that features stand for, in the channel's unit.

        x: (moments, features) as ``of`` gives them."""
        mean = x[:, : self.channels] * self.unit[: self.channels]
        mean = mean + self.center[base][:, : self.channels]
        return np.asarray(mean * self.width[base] + self.level[base])

    def facts(self) -> dict[str, Any]:
        """Sizes."""
        return {"window": self.window}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""
        return {name: getattr(self, name) for name in ("level", "width", "center", "unit")}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what could not be."""
        window = whole(facts, "window", 1, 1 << 20)
        level = kept(arrays, "level", "float64", -1, -1)
        lines, channels = level.shape
        width = kept(arrays, "width", "float64", lines, channels)
        center = kept(arrays, "center", "float64", lines, TOLD * channels)
        unit = kept(arrays, "unit", "float64", TOLD * channels)
        if not lines or not channels or not (width > 0).all() or not (unit > 0).all():
            raise ValueError("These are no baselines of series.")
        return cls(window, level, width, center, unit)


def baseline(cells: Floats, starts: NDArray[np.int64], window: int) -> Baseline:
    """Of the normal moments of one series, in order. cells: (moments, channels).

    The center is the median: some odd moments among them do not move it.
    """
    level, width = _scale(cells)
    found = rolling((cells - level) / width, starts, window)
    return Baseline(level, width, _center(found))


@dataclass(frozen=True)
class Learned:
    """Moments, and the rows that detectors learn from.

    x: (rows, features). blocks: (rows,) int64 of the rows that belong together; halves of the rows
    are made of whole ones.
    """

    moments: Moments
    x: Tensor
    blocks: NDArray[np.int64]


def fit_moments(
    cells: Floats, starts: NDArray[np.int64], parts: list[slice], window: int, clean: bool
) -> Learned:
    """Baselines and units from the moments that each series is learned from.

    cells: (moments, channels) in order. parts: of each series, the places of these moments, one
    at least.
    clean: they are known to be normal; then the rows to learn from are the later halves, as far
    from the earlier ones as they got. Otherwise all of them, and units are robust.
    """
    bases, gaps, blocks = [], [], []
    for number, part in enumerate(parts):
        own, begins = cells[part], np.maximum(starts[part] - part.start, 0)
        base = baseline(own, begins, window)
        bases.append(base)
        found = rolling((own - base.level) / base.width, begins, window)
        half = len(own) // 2 if clean else 0
        center = _center(found.rows(slice(half))) if half else base.center
        gaps.append((found.features - center)[half:])
        blocks.append(_block(number, len(own) - half, window, len(parts)))
    away, center = np.concatenate(gaps), np.stack([base.center for base in bases])
    unit = np.maximum(_unit(away, clean), LEAST)
    level, width = (np.stack([getattr(base, n) for base in bases]) for n in ("level", "width"))
    moments = Moments(window, *_with_any(level, width, center), unit)
    scaled = np.clip(np.where(np.isnan(away), 0.0, away / unit), -FAR, FAR)
    return Learned(moments, torch.from_numpy(scaled.astype(np.float32)), np.concatenate(blocks))


def _scale(cells: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of each channel over the present cells; of a channel that never moved,
    a part of its level."""
    there = ~np.isnan(cells)
    count = np.maximum(there.sum(axis=0), 1)
    level = np.where(there, cells, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(there, (cells - level) ** 2, 0.0).sum(axis=0) / count)
    flat = FLAT * np.where(level == 0, 1.0, np.abs(level))
    return level, np.where(spread > 1e-9 * np.maximum(np.abs(level), 1e-300), spread, flat)


def _center(found: Rolling) -> Floats:
    """(features,): medians of whole windows, of all where there are none; 0 of none at all."""
    full = found.lengths == found.lengths.max(initial=0)
    values = found.features[full]
    known = ~np.isnan(values).all(axis=0) if len(values) else np.zeros(values.shape[1], bool)
    out = np.zeros(values.shape[1])
    if known.any():
        out[known] = np.nanmedian(values[:, known], axis=0)
    return out


def _unit(away: Floats, clean: bool) -> Floats:
    """(features,): how far normal moments get from their baseline."""
    square = np.where(np.isnan(away), 0.0, away) ** 2
    if clean:
        return np.asarray(np.sqrt(square.mean(axis=0)))
    return np.asarray(np.sqrt(np.median(square, axis=0)) / 0.6745)


def _with_any(level: Floats, width: Floats, center: Floats) -> tuple[Floats, Floats, Floats]:
    """With a last line for a series that is not known: it may lie anywhere among the others."""
    any_level = np.median(level, axis=0)
    any_width = np.sqrt((width**2).mean(axis=0) + level.var(axis=0))
    lines = ((level, any_level), (width, any_width), (center, np.median(center, axis=0)))
    one, two, three = (np.vstack([own, last[None]]) for own, last in lines)
    return one, two, three


def _block(number: int, count: int, window: int, series: int) -> NDArray[np.int64]:
    """Of so many moments of a series: all of them; where there are few series, stretches of two
    windows at least, so that few moments of one share anything with those of another."""
    pieces = 1 if series >= PIECES else max(1, min(PIECES, count // (2 * window)))
    return np.asarray(PIECES * number + (pieces * np.arange(count)) // max(count, 1), np.int64)

"""Series: windows of many channels, scaled by the training rows, gaps filled and marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from deeplode.data.column import Column
from deeplode.encode.column import FILLED_IN, INFINITE, OUT_OF_RANGE, ColumnEncoder, Piece
from deeplode.encode.convolved import TAPS, Convolutions
from deeplode.encode.number import MARGIN, widened
from deeplode.encode.seriescells import channels_of, lengths, moments, packed

LONGEST = 1_024  # moments that a net sees; longer series are averaged to at most so many
FAR = 10.0  # spreads from the middle at which a value is cut off
RARE = 0.001  # share of the lowest and of the highest values that the spread does without
LEARNED = 1 << 22  # values of training rows that location and spread are taken of
FEATURES, CELLS = 10_000, 10_000_000  # convolved ones: most of a row, and of all training rows
WORK = 5e8  # training rows x moments x features: of more rows, few features would be left, …
FEWEST = 1_000  # … and fewer than so many are of no use
MOST_CHANNELS = 4_096
CHUNK = 1 << 21  # values of rows that are encoded at once
# The last so-manieth part is described apart: of a whole series, and of a window that looks back
# from its row's moment (chosen on training series; benchmarks/RESULTS.md).
TAIL, RECENT = 4, 10
FIGURES = ("last", "mean", "spread", "lowest", "highest", "slope", "mean at the end",
             "slope at the end")  # fmt: skip

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Channel:
    """One channel: its name; location and spread; the range of its training values, widened;
    whether training rows had gaps in it, so that they are marked."""

    name: str
    center: float
    spread: float
    low: float
    high: float
    marked: bool

    def __post_init__(self) -> None:
        numbers = (self.center, self.spread, self.low, self.high)
        if not all(np.isfinite(numbers)) or self.spread <= 0 or type(self.marked) is not bool:
            raise ValueError(f"no channel: {self}")


@dataclass(frozen=True, eq=False)
class SeriesEncoder(ColumnEncoder):
    """One column of series: windows for the net, and figures of every channel for all models.

    length: moments of an encoded cell, each the mean of ``pooled`` moments of the series.
    short: some training series had moments without any value; a mark says which have one.
    convolved: what the linear model sees beside them; None where there are none.
    tail: the last so-manieth part of a series is described apart.
    """

    name: str
    channels: tuple[Channel, ...]
    length: int
    pooled: int
    short: bool
    convolved: Convolutions | None
    tail: int = TAIL

    media: ClassVar[str] = "series"

    def __post_init__(self) -> None:
        if not 1 <= len(self.channels) <= MOST_CHANNELS:
            raise ValueError(f"series of {len(self.channels)} channels")
        for size, most in ((self.length, LONGEST), (self.pooled, 1 << 20), (self.tail, LONGEST)):
            if type(size) is not int or not 1 <= size <= most:
                raise ValueError(f"series of {self.length} x {self.pooled} moments")
        if self.convolved and self.convolved.mixed.shape[2] != len(self.channels):
            raise ValueError("convolutions over other channels")

    @classmethod
    def fit(cls, series: pl.Series, column: Column) -> SeriesEncoder:
        """Length, location and spread of every channel, and thresholds, of the training rows."""
        names = channels_of(series)
        sizes = lengths(series)
        longest = max(1, int(sizes.max(initial=1)))
        pooled = -(-longest // LONGEST)
        length = -(-longest // pooled)
        some = np.linspace(0, max(len(series) - 1, 0), max(1, LEARNED // (len(names) * longest)))
        rows = np.unique(some.astype(np.int64))[: len(series)]
        cells = moments(series[rows], names, longest)
        there = ~np.all(np.isnan(cells), axis=1, keepdims=True)
        channels = tuple(_channel(name, cells[:, at], there[:, 0]) for at, name in enumerate(names))
        made = cls(column.name, channels, length, pooled, not bool(there.all()), None)
        each = min(FEATURES, CELLS // max(len(series), 1), int(WORK / max(len(series) * length, 1)))
        if length < TAPS or each < FEWEST or not len(rows):
            return made
        filled = made._scaled(cells)[0]
        return cls(made.name, channels, length, pooled, made.short, Convolutions.fit(filled, each))

    def looking_back(self) -> SeriesEncoder:
        """The same for windows, each of which ends at its row's moment."""
        return replace(self, tail=RECENT)

    def sizes_of_media(self) -> tuple[int, ...]:
        """(channels and marks, length)."""
        return (len(self.channels) + len(self._marked) + int(self.short), self.length)

    @cached_property
    def _marked(self) -> list[int]:
        return [at for at, one in enumerate(self.channels) if one.marked]

    @cached_property
    def number_names(self) -> tuple[str, ...]:
        """Figures of each channel, and how many moments there are: the net gets them, too."""
        several = len(self.channels) > 1
        names = [one.name if several else self.name for one in self.channels]
        told = [f"{name} {what}" for what in FIGURES for name in names]
        return (*told, *([f"{self.name} moments"] if self.short else []))

    @property
    def wide(self) -> int:
        """Features for the linear model alone."""
        return self.convolved.features if self.convolved else 0

    def encode(self, *series: pl.Series) -> Piece:
        """Scale, fill and mark each cell, some rows at a time.

        media: (rows, channels and marks, length) float32. wide: (rows, features).
        """
        rows = len(series[0])
        media = np.zeros((rows, *self.sizes_of_media()), np.float32)
        figures = np.full((len(self.number_names), rows), np.nan)
        wide = np.zeros((rows, self.wide), np.float32)
        flags = np.zeros(rows, np.uint8)
        names = tuple(one.name for one in self.channels)
        step = max(1, CHUNK // (len(names) * self.length * self.pooled))
        for first in range(0, rows, step):
            part = slice(first, first + step)
            cells = moments(series[0][part], names, self.length * self.pooled)
            flags[part] = self._flags(cells)
            filled, there = self._scaled(cells)
            exists = there.any(1)
            marks = [there[:, at] for at in self._marked] + ([exists] if self.short else [])
            media[part, : len(names)] = filled
            for at, mark in enumerate(marks, len(names)):
                media[part, at] = mark
            figures[:, part] = self._figures(filled, there).T
            if self.convolved:
                wide[part] = self.convolved(filled)
        return Piece(
            numbers=list(figures),
            flags=flags if flags.any() else None,
            media=torch.from_numpy(media),
            wide=wide if self.wide else None,
        )

    def _flags(self, cells: NDArray[Any]) -> NDArray[np.uint8]:
        """(rows,) what is odd about each. cells: as they come, (rows, channels, moments)."""
        endless = np.isinf(cells).any((1, 2))
        lost = np.isnan(cells)
        begun = np.logical_or.accumulate(~np.all(lost, axis=1, keepdims=True), axis=2)
        gaps = (lost & begun).any((1, 2)) | lost.all((1, 2))
        low, high = (
            np.array([getattr(one, side) for one in self.channels])[:, None]
            for side in ("low", "high")
        )
        with np.errstate(invalid="ignore"):
            outside = ((cells < low) | (cells > high)).any((1, 2))
        bits = FILLED_IN * (gaps | endless) + INFINITE * endless + OUT_OF_RANGE * outside
        return np.asarray(bits, np.uint8)

    def _scaled(self, cells: NDArray[Any]) -> tuple[Floats, NDArray[np.bool_]]:
        """Scaled and filled, (rows, channels, length), and where there was a value.

        Gaps are filled by the value before them, at the front by the first one; 0 where a channel
        has none at all.
        """
        center, spread = (
            np.array([getattr(one, part) for one in self.channels])[:, None]
            for part in ("center", "spread")
        )
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = (cells - center) / spread
            scaled = np.where(np.isfinite(scaled), np.clip(scaled, -FAR, FAR), np.nan)
        scaled = self._pool(scaled)
        there = ~np.isnan(scaled)
        place = np.where(there, np.arange(self.length), -1)
        before = np.maximum.accumulate(place, axis=2)
        first = np.where(there.any(2), there.argmax(2), 0)[:, :, None]
        filled = np.take_along_axis(scaled, np.where(before < 0, first, before), 2)
        return np.nan_to_num(filled, nan=0.0).astype(np.float32), there

    def _pool(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean of each ``pooled`` moments, (rows, channels, length)."""
        lack = self.length * self.pooled - scaled.shape[2]
        if lack > 0:
            scaled = np.pad(scaled, ((0, 0), (0, 0), (lack, 0)), constant_values=np.nan)
        if self.pooled == 1:
            return scaled
        parts = scaled.reshape(*scaled.shape[:2], self.length, self.pooled)
        count = (~np.isnan(parts)).sum(3)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(count, np.nansum(parts, axis=3) / count, np.nan))

    def _figures(self, filled: Floats, there: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(rows, number names); NaN for a channel without any value."""
        tail = max(2, self.length // self.tail)
        exists = np.any(there, axis=1, keepdims=True)
        whole = _moments_of(filled, np.broadcast_to(exists, filled.shape))
        end = _moments_of(filled[:, :, -tail:], np.broadcast_to(exists, filled.shape)[:, :, -tail:])
        outside = np.where(exists, filled, np.inf), np.where(exists, filled, -np.inf)
        parts = [filled[:, :, -1], whole[0], whole[1], outside[0].min(2), outside[1].max(2),
                 whole[2], end[0], end[2]]  # fmt: skip
        empty = ~there.any(2)
        found = [np.where(empty, np.nan, part) for part in parts]
        if self.short:
            found.append(exists.sum(2).astype(np.float64))
        return np.concatenate(found, axis=1)

    def probe_cells(self, series: pl.Series) -> pl.Series:
        """The moments that are looked at, as plain bytes."""
        names = tuple(one.name for one in self.channels)
        cells = moments(series, names, self.length * self.pooled)
        sizes = np.minimum(lengths(series), self.length * self.pooled)
        told = [
            packed(cell[:, cell.shape[1] - size :]) for cell, size in zip(cells, sizes, strict=True)
        ]
        empty = series.is_null().to_list()
        kept = [None if gone else cell for cell, gone in zip(told, empty, strict=True)]
        return pl.Series(series.name, kept, pl.Binary)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return {
            "name": self.name,
            "channels": [asdict(one) for one in self.channels],
            "length": self.length,
            "pooled": self.pooled,
            "short": self.short,
            "convolved": self.convolved.to_json() if self.convolved else None,
            "tail": self.tail,
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> SeriesEncoder:
        """The encoder written by ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        channels = tuple(
            Channel(
                name=str(one["name"]),
                center=float(one["center"]),
                spread=float(one["spread"]),
                low=float(one["low"]),
                high=float(one["high"]),
                marked=one["marked"],
            )
            for one in facts["channels"]
        )
        told = facts["convolved"]
        convolved = None if told is None else Convolutions.from_json(told)
        sizes = facts["length"], facts["pooled"], bool(facts["short"])
        return cls(str(facts["name"]), channels, *sizes, convolved, facts.get("tail", TAIL))


def _channel(name: str, cells: NDArray[Any], there: NDArray[np.bool_]) -> Channel:
    """By training values of one channel. cells: (rows, moments); there: which moments exist."""
    finite = cells[np.isfinite(cells)].astype(np.float64)
    low, high = widened(finite, MARGIN)
    marked = bool((~np.isfinite(cells) & there).any())
    if not len(finite):
        return Channel(name, 0.0, 1.0, low, high, marked)
    finite = np.clip(finite, -1e150, 1e150)
    finite = np.clip(finite, *np.quantile(finite, (RARE, 1 - RARE)))
    spread = float(finite.std())
    return Channel(
        name, float(finite.mean()), spread if spread > 1e-150 else 1.0, low, high, marked
    )


def _moments_of(cells: Floats, weight: NDArray[np.bool_]) -> tuple[NDArray[np.float64], ...]:
    """Mean, standard deviation and slope over the whole stretch, of the moments that exist:
    (rows, channels) each. cells: (rows, channels, moments)."""
    count = np.maximum(weight.sum(2), 1)
    mean = np.where(weight, cells, 0.0).sum(2, dtype=np.float64) / count
    off = np.where(weight, cells - mean[:, :, None], 0.0)
    time = np.broadcast_to(np.linspace(-0.5, 0.5, cells.shape[2]), cells.shape)
    middle = np.where(weight, time, 0.0).sum(2) / count
    apart = np.where(weight, time - middle[:, :, None], 0.0)
    along = (apart * apart).sum(2)
    slope = np.where(along > 0, (apart * off).sum(2) / np.where(along > 0, along, 1.0), 0.0)
    return mean, np.sqrt((off * off).sum(2) / count), slope

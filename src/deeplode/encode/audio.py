"""Audio: clips as log-mel spectrograms, all of one size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import polars as pl
import torch

from deeplode.data.column import Column
from deeplode.encode.column import FILLED_IN, UNREADABLE, ColumnEncoder, Piece
from deeplode.encode.mel import HOP, Mel, decibels
from deeplode.encode.sound import STRETCHES, Ear, facts, wav
from deeplode.mapped import zeros
from deeplode.runtime import workers

LOOKED_AT = 1_000  # headers of training clips that rate and length are chosen by
HIGHEST = 16_000  # samples a second: what is above 8 kHz tells few sounds apart
BANDS = 64
FITTING = 0.98  # share of the training clips that are heard whole, where MOST allows
STEP, FEWEST, MOST = 8, 16, 400  # frames come in steps; MOST is four seconds
MANY = 2.0  # clips so many times as long as MOST are heard in several pieces
CHUNK = 32  # clips that a thread takes at once
NO_RATE, NO_LENGTH = HIGHEST, 1.0  # where no training clip can be read
TOP = {"rate": 48_000, "bands": 256, "frames": 4_096, "pieces": 16}  # of an encoder in a file


@dataclass(frozen=True)
class AudioEncoder(ColumnEncoder):
    """One column of clips: paths or bytes of WAV, FLAC, OGG or MP3 files.

    rate: samples a second that clips are heard at. bands, frames: size of a spectrogram.
    pieces: parts of a longer clip that it is taken from.
    """

    name: str
    rate: int
    bands: int
    frames: int
    pieces: int
    media: ClassVar[str] = "audio"

    def __post_init__(self) -> None:
        for name, most in TOP.items():
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise ValueError(f"{name} of sounds must be within 1 … {most}, got {value!r}")
        if self.rate < 500 or self.frames < 2 * self.pieces:
            raise ValueError(f"{self.rate} samples a second, {self.frames} frames")

    @classmethod
    def fit(cls, series: pl.Series, column: Column) -> AudioEncoder:
        """Choose rate and length by the headers of training clips, evenly spread."""
        cells = _cells(series)
        places = np.unique(np.linspace(0, max(len(cells) - 1, 0), LOOKED_AT).astype(int))
        found = [one for place in places[: len(cells)] if (one := _facts(cells[place]))]
        rates, lengths = zip(*found, strict=True) if found else ([NO_RATE], [NO_LENGTH])
        rate = min(HIGHEST, int(np.quantile(rates, 0.5, method="lower")))
        length = float(np.quantile(lengths, FITTING))
        frames = STEP * int(np.ceil(length / HOP / STEP))
        pieces = STRETCHES if frames > MANY * MOST else 1
        return cls(column.name, rate, BANDS, min(max(frames, FEWEST), MOST), pieces)

    def sizes_of_media(self) -> tuple[int, ...]:
        """(bands, frames)."""
        return (self.bands, self.frames)

    @cached_property
    def _mel(self) -> Mel:
        return Mel(self.rate, self.bands, self.frames)

    @cached_property
    def _ear(self) -> Ear:
        return Ear(self.rate, self._mel.samples, self.pieces)

    @cached_property
    def described_names(self) -> tuple[str, ...]:
        """Mean and spread of each band, and seconds."""
        hertz = [f"{self.name} {round(edge)} Hz" for edge in self._mel.edges[1:-1]]
        means, spreads = ([f"{one} {what}" for one in hertz] for what in ("mean", "spread"))
        return (*means, *spreads, f"{self.name} seconds")

    def encode(self, *series: pl.Series) -> Piece:
        """Hear and draw each clip, in threads."""
        cells = _cells(series[0])
        rows = len(cells)
        media = zeros((rows, self.bands, self.frames))
        described = np.full((rows, 2 * self.bands + 1), np.nan, np.float32)
        why: list[str | None] = [None] * rows

        def work(start: int) -> None:
            for row in range(start, min(start + CHUNK, rows)):
                cell = cells[row]
                if cell is None:
                    continue
                try:
                    media[row], described[row] = self._encoded(cell)
                except ValueError as error:
                    why[row] = str(error)

        starts = range(0, rows, CHUNK)
        with workers(max(len(starts), 1), each=1) as side_by_side:
            side_by_side(work, starts)
        unread = np.array([reason is not None for reason in why], bool)
        empty = np.array([cell is None for cell in cells], bool)
        flags = (FILLED_IN * empty + UNREADABLE * unread).astype(np.uint8)
        return Piece(
            flags=flags if flags.any() else None,
            unread=unread if unread.any() else None,
            why=next((reason for reason in why if reason is not None), ""),
            media=torch.from_numpy(media),
            described=described,
        )

    def _encoded(self, cell: str | bytes) -> tuple[np.ndarray, np.ndarray]:
        """(bands, frames) uint8, and (2 * bands + 1,) float32."""
        samples, seconds = self._ear.hear(cell)
        picture, heard = self._mel.picture(samples.astype(np.float32) / np.float32(32_767))
        level = decibels(picture[:, heard])
        return picture, np.concatenate([level.mean(1), level.std(1), [np.float32(seconds)]])

    def probe_cells(self, series: pl.Series) -> pl.Series:
        """What is heard of each clip, as a WAV file; no bytes where it cannot be read."""
        return pl.Series(series.name, [self._probe(cell) for cell in _cells(series)], pl.Binary)

    def _probe(self, cell: str | bytes | None) -> bytes | None:
        try:
            return None if cell is None else wav(self._ear.hear(cell)[0], self.rate)
        except ValueError:
            return b""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> AudioEncoder:
        """The encoder written by ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        return cls(str(facts["name"]), *(facts[name] for name in TOP))


def _cells(series: pl.Series) -> Sequence[str | bytes | None]:
    """Paths or bytes; None where there is nothing."""
    if series.dtype == pl.Binary:
        found: list[str | bytes | None] = series.to_list()
        return found
    texts = series.cast(pl.String, strict=False)
    return texts.set(texts.str.strip_chars() == "", None).to_list()


def _facts(cell: str | bytes | None) -> tuple[int, float] | None:
    """Rate and seconds of a clip; None where there is none, or it cannot be read."""
    try:
        return None if cell is None else facts(cell)
    except ValueError:
        return None

"""Images: every cell as pixels of one size, decoded by several threads at once."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl
import torch
from PIL import Image

from deeplode.data.column import Column
from deeplode.encode.column import FILLED_IN, UNREADABLE, ColumnEncoder, Piece
from deeplode.encode.pixels import Size, Unreadable, pixels_of, png_of, size_of
from deeplode.mapped import zeros

LOOKS = 1_000  # training images whose headers are looked at
KEPT = 64  # pixels of the longer side up to which images keep their size; larger ones get it
LEAST = 8  # pixels of a side
MOST = 512  # pixels of a side that a model file may ask for
CHUNK = 256  # images whose decoding is handed out at once
THUMB = 8  # pixels of the sides of the thumbnail that the simple models see
_COLOURS = {1: ("grey",), 3: ("red", "green", "blue")}


@dataclass(frozen=True)
class ImageEncoder(ColumnEncoder):
    """One column of images: paths, or the bytes of files.

    channels: 1 where all training images were grey, else 3. height, width: of every cell.
    """

    name: str
    channels: int
    height: int
    width: int

    media: ClassVar[str] = "image"

    @classmethod
    def fit(cls, series: pl.Series, column: Column) -> ImageEncoder:
        """Find channels and size by the headers of up to LOOKS images, evenly spread.

        The size is the median one; where its longer side has more than KEPT pixels, it is shrunk
        to so many, its shape kept.
        """
        filled = cells_of(series.drop_nulls())
        some = [cell for cell in filled[:: max(1, len(filled) // LOOKS)] if cell is not None]
        with quiet(), ThreadPoolExecutor(_threads()) as pool:
            sizes = [size for size in pool.map(_size, some[:LOOKS]) if size is not None]
        if not sizes:
            return cls(column.name, 1, KEPT // 2, KEPT // 2)
        height, width = (
            float(np.median([getattr(size, side) for size in sizes]))
            for side in ("height", "width")
        )
        scale = min(1.0, KEPT / max(height, width))
        sides = (max(LEAST, round(side * scale)) for side in (height, width))
        return cls(column.name, 1 if all(size.grey for size in sizes) else 3, *sides)

    def sizes_of_media(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        return (self.channels, self.height, self.width)

    @property
    def described_names(self) -> tuple[str, ...]:
        """Grey at the places of a thumbnail; mean and spread of each channel."""
        places = [(row, column) for row in range(THUMB) for column in range(THUMB)]
        grey = [f"{self.name} grey at {row + 1}, {column + 1}" for row, column in places]
        colours = _COLOURS[self.channels]
        means = [f"{self.name} mean {colour}" for colour in colours]
        return (*grey, *means, *(f"{self.name} spread {colour}" for colour in colours))

    def encode(self, *series: pl.Series) -> Piece:
        """Decode each cell: media (rows, channels, height, width) uint8; zeros where it is empty
        or cannot be read. described: of 0 … 1."""
        cells = cells_of(series[0])
        media = zeros((len(cells), *self.sizes_of_media()))
        described = np.full((len(cells), len(self.described_names)), np.nan, dtype=np.float32)
        unread, why = np.zeros(len(cells), dtype=bool), ""
        for start, found in self._decoded(cells):
            part = slice(start, start + len(found))
            for at, one in enumerate(found, start):
                if isinstance(one, Unreadable):
                    unread[at], why = True, why or str(one)
                elif one is not None:
                    media[at] = one
            described[part] = _described(media[part])
        empty = np.array([cell is None for cell in cells], dtype=bool)
        described[empty | unread] = np.nan
        flags = (FILLED_IN * empty + UNREADABLE * unread).astype(np.uint8)
        some = unread.any()
        return Piece(
            flags=flags if flags.any() else None,
            unread=unread if some else None,
            why=why,
            media=torch.from_numpy(media),
            described=described,
        )

    def probe_cells(self, series: pl.Series) -> pl.Series:
        """Bytes of PNG files that decode to the same cells; empty ones stay so, and unreadable
        ones become b''."""
        cells = cells_of(series)
        probes = [
            b"" if isinstance(one, Unreadable) else None if one is None else png_of(one)
            for _, found in self._decoded(cells)
            for one in found
        ]
        return pl.Series(series.name, probes, dtype=pl.Binary)

    def _decoded(
        self, cells: Sequence[str | bytes | None]
    ) -> Iterator[tuple[int, list[np.ndarray | Unreadable | None]]]:
        """The pixels of CHUNK cells at a time, with where they begin."""
        with quiet(), ThreadPoolExecutor(_threads()) as pool:
            for start in range(0, len(cells), CHUNK):
                yield start, list(pool.map(self._one, cells[start : start + CHUNK]))

    def _one(self, cell: str | bytes | None) -> np.ndarray | Unreadable | None:
        if cell is None:
            return None
        try:
            return pixels_of(cell, *self.sizes_of_media())
        except Unreadable as error:
            return error

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> ImageEncoder:
        """The encoder written by ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        sizes = [facts[name] for name in ("channels", "height", "width")]
        if any(type(size) is not int for size in sizes) or sizes[0] not in _COLOURS:
            raise ValueError(f"no sizes of images: {sizes}")
        if not all(LEAST <= side <= MOST for side in sizes[1:]):
            raise ValueError(f"images of {sizes[1]} x {sizes[2]} pixels")
        return cls(str(facts["name"]), *sizes)


def cells_of(series: pl.Series) -> list[str | bytes | None]:
    """Paths or bytes; None where a cell is empty or blank. Anything else becomes text, which leads
    to no file."""
    if series.dtype == pl.Binary:
        cells: list[str | bytes | None] = series.to_list()
        return cells
    texts = series.cast(pl.String, strict=False) if series.dtype != pl.String else series
    return [text if text is not None and text.strip() else None for text in texts.to_list()]


def _size(cell: str | bytes) -> Size | None:
    try:
        return size_of(cell)
    except Unreadable:
        return None


def _threads() -> int:
    """As many as a run may use."""
    return max(1, torch.get_num_threads())


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Inside, odd files raise no warnings but for one: that of pixels without end is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _described(media: np.ndarray) -> np.ndarray:
    """(rows, descriptors) float32 of 0 … 1, by exact sums. media: (rows, channels, h, w) uint8."""
    rows, channels, height, width = media.shape
    down, right = (np.arange(THUMB) * side // THUMB for side in (height, width))
    grey = media.sum(1, dtype=np.int64)
    sums = np.add.reduceat(np.add.reduceat(grey, down, axis=1), right, axis=2)
    counts = np.outer(np.diff([*down, height]), np.diff([*right, width])) * channels
    flat = media.reshape(rows, channels, -1).astype(np.int64)
    pixels = height * width
    mean = flat.sum(2) / pixels
    spread = np.sqrt(np.maximum((flat * flat).sum(2) / pixels - mean * mean, 0.0))
    parts = [(sums / counts).reshape(rows, -1), mean, spread]
    found: np.ndarray = (np.concatenate(parts, axis=1) / 255).astype(np.float32)
    return found

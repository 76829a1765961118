"""What every encoder of a column offers, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import polars as pl
from torch import Tensor

# What may be odd about a row that is to be predicted, as bits of a mask.
UNSEEN_CATEGORY = 1
OUT_OF_RANGE = 2
FILLED_IN = 4
NOT_A_NUMBER = 8
INFINITE = 16
UNREADABLE = 32  # an image or a sound that cannot be decoded

FLAG_WORDS = {
    UNSEEN_CATEGORY: "unseen_category",
    OUT_OF_RANGE: "out_of_range",
    FILLED_IN: "filled_in",
    NOT_A_NUMBER: "not_a_number",
    INFINITE: "infinite",
    UNREADABLE: "unreadable",
}

BOUND = 1e30  # encoded numbers stay within ±BOUND, so that float32 and its squares do not overflow

_WORDS_OF_MASK = [
    " ".join(word for bit, word in FLAG_WORDS.items() if mask & bit) for mask in range(64)
]


def flag_words(masks: np.ndarray) -> list[str]:
    """The masks of some rows as words separated by spaces. masks: (rows,) uint8."""
    return [_WORDS_OF_MASK[mask] for mask in masks.tolist()]


@dataclass
class Piece:
    """The cells of one encoder, encoded.

    numbers: (rows,) float64 each, NaN = missing. categories: (rows,) int32 slots each.
    flags: (rows,) uint8 masks; None where no row has any.
    unread: cells that could not be read at all, (rows,) bool; None where all could.
    why: what was wrong with the first of them, where more can be said than that.
    media: (rows, …), the cells of text, images, sounds or series as the net gets them.
    described: (rows, k) float32, what the simple models get of them; NaN = missing.
    wide: (rows, k) float32, what the linear model gets beside that.
    """

    numbers: list[np.ndarray] = field(default_factory=list)
    categories: list[np.ndarray] = field(default_factory=list)
    flags: np.ndarray | None = None
    unread: np.ndarray | None = None
    why: str = ""
    media: Tensor | None = None
    described: np.ndarray | None = None
    wide: np.ndarray | None = None


class ColumnEncoder:
    """Encodes one column, or a few read together, by what the training rows showed.

    The classes below it are frozen dataclasses with ``fit`` and ``from_json``, too.
    """

    name: str
    media: ClassVar[str] = ""  # text, image, audio or series; '' for other kinds

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns read."""
        return (self.name,)

    @property
    def number_names(self) -> tuple[str, ...]:
        """A name for each number it gives."""
        return ()

    @property
    def category_names(self) -> tuple[str, ...]:
        """A name for each category it gives."""
        return ()

    @property
    def slots(self) -> tuple[int, ...]:
        """The slots of each category it gives, UNSEEN and MISSING too."""
        return ()

    def sizes_of_media(self) -> tuple[int, ...]:
        """The shape of one encoded cell of text, images, sounds or series."""
        raise NotImplementedError

    @property
    def features(self) -> int:
        """Of texts: how many features there are."""
        return 0

    @property
    def described_names(self) -> tuple[str, ...]:
        """A name for each descriptor of its media."""
        return ()

    @property
    def wide(self) -> int:
        """Features of its media for the linear model alone."""
        return 0

    def probe_cells(self, series: pl.Series) -> pl.Series:
        """The cells as they may travel in a model file: no paths, and no larger than needed."""
        return series

    def encode(self, *series: pl.Series) -> Piece:
        """Encode whole columns."""
        raise NotImplementedError

    def encode_row(self, values: tuple[Any, ...], numbers: list[float], slots: list[int]) -> int:
        """Encode one row: append to numbers and slots, return the mask of flags."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        raise NotImplementedError

"""Tuned: cells as a pretrained encoder takes them in, whose weights the net trains further.

The weights are in a branch of the net; before it come tokens of texts and pixels of images.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl
import torch

from deeplode.encode.category import as_texts
from deeplode.encode.column import ColumnEncoder, Piece
from deeplode.encode.embedding import square
from deeplode.encode.image import cells_of, quiet
from deeplode.mapped import zeros
from deeplode.pretrained.image import ImageModel
from deeplode.pretrained.read import Pretrained
from deeplode.pretrained.text import LENGTHS, TextModel


@dataclass(frozen=True, eq=False)
class TokensEncoder(ColumnEncoder):
    """One column of texts. length: tokens of a text that are kept."""

    name: str
    model: TextModel
    length: int

    media: ClassVar[str] = "tokens"

    def __post_init__(self) -> None:
        if self.length not in LENGTHS:
            raise ValueError(f"texts of {self.length} tokens")

    @classmethod
    def fit(cls, series: pl.Series, model: TextModel) -> TokensEncoder:
        """As many tokens as the longest training text has, within what the encoder can read."""
        longest = max((len(own) for own in model.ids(as_texts(series).to_list())), default=0)
        return cls(series.name, model, next(one for one in LENGTHS if longest <= one))

    def sizes_of_media(self) -> tuple[int, ...]:
        """(tokens,)."""
        return (self.length,)

    def encode(self, *series: pl.Series) -> Piece:
        """media: (rows, tokens) int64, each token's number and 1; 0 behind the last."""
        found = self.model.ids(as_texts(series[0]).to_list())
        cells = np.zeros((len(found), self.length), np.int64)
        for row, own in enumerate(found):
            kept = own[: self.length]
            cells[row, : len(kept)] = np.add(kept, 1)
        return Piece(media=torch.from_numpy(cells))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; what makes tokens is written once for all columns."""
        return {"name": self.name, "length": self.length}

    @classmethod
    def of(cls, facts: Mapping[str, Any], models: Mapping[str, Pretrained]) -> TokensEncoder:
        """The encoder written by ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        model = models["text"]
        if not isinstance(model, TextModel):
            raise TypeError("an encoder of texts that is none")
        return cls(str(facts["name"]), model, facts["length"])


@dataclass(frozen=True, eq=False)
class PixelsEncoder(ColumnEncoder):
    """One column of images."""

    name: str
    model: ImageModel

    media: ClassVar[str] = "pixels"

    def sizes_of_media(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        side = self.model.look.side
        return (self.model.sizes.channels, side, side)

    def encode(self, *series: pl.Series) -> Piece:
        """media: (rows, channels, height, width) uint8; zeros where there is no image."""
        cells = cells_of(series[0])
        pixels = zeros((len(cells), *self.sizes_of_media()))

        def work(row: int) -> None:
            found = square(cells[row], self.model.look)
            if found is not None:
                pixels[row] = found

        with quiet(), ThreadPoolExecutor(max(1, torch.get_num_threads())) as pool:
            list(pool.map(work, range(len(cells))))
        return Piece(media=torch.from_numpy(pixels))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; how images are made ready is written once for all columns."""
        return {"name": self.name}

    @classmethod
    def of(cls, facts: Mapping[str, Any], models: Mapping[str, Pretrained]) -> PixelsEncoder:
        """The encoder written by ``to_json``. Raises KeyError or TypeError if odd."""
        model = models["image"]
        if not isinstance(model, ImageModel):
            raise TypeError("an encoder of images that is none")
        return cls(str(facts["name"]), model)


Tuned = TokensEncoder | PixelsEncoder


def tuned_of(series: pl.Series, model: Pretrained) -> Tuned:
    """The encoder of a column for a pretrained one that reads it."""
    if isinstance(model, TextModel):
        return TokensEncoder.fit(series, model)
    return PixelsEncoder(series.name, model)

"""Embedding: what a pretrained encoder makes of a column of texts or images, as numbers.

They stand beside what our own encoder of the column learns: numbers are seen by the linear model,
by trees and by the net alike, so that nothing else has to know of pretrained encoders.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import torch

from deeplode.encode.category import as_texts
from deeplode.encode.column import ColumnEncoder, Piece
from deeplode.encode.image import cells_of, quiet
from deeplode.encode.pixels import Unreadable, square_of
from deeplode.pretrained.image import ImageModel
from deeplode.pretrained.look import WAYS, Look
from deeplode.pretrained.read import Pretrained
from deeplode.runtime import Budget

CHUNK = 64  # images that are decoded at once
SHARE = 0.4  # of the time that is left which embedding the training rows may take
LOOK = 0.05  # share of the cells after which it is known how long all of them take


class OutOfTimeError(Exception):
    """The budget has no room for embedding all cells."""


@dataclass(frozen=True, eq=False)
class EmbeddingEncoder(ColumnEncoder):
    """One column through a pretrained encoder, which several columns may share."""

    name: str
    model: Pretrained

    @cached_property
    def number_names(self) -> tuple[str, ...]:
        """A name for each number of a vector."""
        return tuple(f"{self.name} meaning {at + 1}" for at in range(self.model.width))

    def encode(self, *series: pl.Series) -> Piece:
        """A vector for each cell; NaN where it is empty or cannot be read."""
        return self.within(series[0], None)

    def within(self, series: pl.Series, budget: Budget | None) -> Piece:
        """As ``encode``. Raises OutOfTimeError once it is clear that the budget is too small."""
        watch = _watch(budget)
        if isinstance(self.model, ImageModel):
            found = _embedded(self.model, series, watch)
        else:
            found = self.model.embed(as_texts(series).to_list(), watch)
        return Piece(numbers=list(found.T))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; the encoder itself is written once for all columns."""
        return {"name": self.name, "medium": self.model.medium}

    @classmethod
    def of(cls, facts: Mapping[str, Any], models: Mapping[str, Pretrained]) -> EmbeddingEncoder:
        """The encoder written by ``to_json``. Raises KeyError if odd."""
        return cls(str(facts["name"]), models[facts["medium"]])


def _watch(budget: Budget | None) -> Callable[[float], None]:
    """What is told the share of the work that is done, and ends it where time is too short."""
    if budget is None:
        return lambda done: None
    began, allowed = time.monotonic(), SHARE * budget.left()

    def look(done: float) -> None:
        spent = time.monotonic() - began
        if budget.stop() or (done >= LOOK and spent / done > allowed) or spent > allowed:
            raise OutOfTimeError

    return look


def _embedded(model: ImageModel, series: pl.Series, watch: Callable[[float], None]) -> np.ndarray:
    """(cells, width) of images: some are decoded by several threads, then embedded."""
    cells = cells_of(series)
    out = np.full((len(cells), model.width), np.nan, np.float32)
    with quiet(), ThreadPoolExecutor(max(1, torch.get_num_threads())) as pool:
        for first in range(0, len(cells), CHUNK):
            part = cells[first : first + CHUNK]
            squares = list(pool.map(lambda cell: square(cell, model.look), part))
            rows = [at for at, one in enumerate(squares) if one is not None]
            if rows:
                there = np.stack([one for one in squares if one is not None])
                out[[first + at for at in rows]] = model.embed(there)
            watch(min(1.0, (first + CHUNK) / len(cells)))
    return out


def square(cell: str | bytes | None, look: Look) -> np.ndarray | None:
    """The pixels that the encoder wants; None where there are none."""
    if cell is None:
        return None
    try:
        return square_of(cell, look.side, look.shorter, WAYS[look.way])
    except Unreadable:
        return None

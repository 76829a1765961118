"""Encoded columns as the plain numbers that a net of a few neurons takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deeplode.encode.batch import Batch
from deeplode.encode.boolean import BooleanEncoder
from deeplode.encode.encoder import Encoder
from deeplode.experiments.activations import Array

MOST_LEVELS = 8  # of a category that get an input each, the most frequent ones
FARTHEST = 5.0  # scaled numbers are cut here: one wild cell would hide all others

SCALED, ONE_HOT = "scaled", "one_hot"


@dataclass(frozen=True)
class Input:
    """One input of the net.

    column: what it comes from. how: ``scaled`` (median 0, quartiles 1 apart, gaps 0) or
    ``one_hot`` (1 where the cell is ``level``, else 0).
    """

    name: str
    column: str
    how: str
    level: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"name": self.name, "column": self.column, "how": self.how, "level": self.level}


def plain(encoder: Encoder, batch: Batch) -> tuple[list[Input], Array, list[str]]:
    """The inputs, their values (rows, inputs), and the categories some levels of which have none.

    A number that may also be a code is taken as the number alone.
    """
    numbers = iter(np.nan_to_num(batch.numbers.numpy().T.astype(np.float64), nan=0.0))
    slots = iter(batch.categories.numpy().T)
    inputs, values, cut = [], [], []
    numeric = {part.columns for part in encoder.parts if part.number_names}
    for part in encoder.parts:
        column = " – ".join(part.columns)
        for name in part.number_names:
            inputs.append(Input(name, column, SCALED))
            values.append(np.clip(next(numbers), -FARTHEST, FARTHEST))
        for _ in part.category_names:
            own = next(slots)
            levels = [] if part.columns in numeric else _levels(part)
            if len(levels) > MOST_LEVELS:
                cut.append(column)
            for slot, level in levels[:MOST_LEVELS]:
                inputs.append(Input(f"{column} = {level}", column, ONE_HOT, level))
                values.append((own == slot).astype(np.float64))
    return inputs, np.column_stack(values) if values else np.empty((len(batch), 0)), cut


def _levels(part: Any) -> list[tuple[int, str]]:
    """The slots that get an input, and what they stand for. Yes and no need one input."""
    if isinstance(part, BooleanEncoder):
        return [(3, "true")]
    levels = [f"{one:g}" if isinstance(one, float) else one for one in part.levels[: part.own]]
    return list(enumerate(levels, start=2))

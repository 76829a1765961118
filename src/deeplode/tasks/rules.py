"""Rules: what a forecast must beat, beside candidates that learn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from deeplode.data.schema import Schema
from deeplode.encode.batch import Batch
from deeplode.encode.encoder import Encoder
from deeplode.encode.number import NumberEncoder
from deeplode.evaluate.candidate import Candidate
from deeplode.evaluate.naive import Naive

Outputs = NDArray[np.float64]


def rules(
    schema: Schema, encoder: Encoder, batch: Batch
) -> dict[str, Callable[[], tuple[Candidate, Outputs]]]:
    """Rules of thumb of forecasts, which learn nothing: the last value, and that of one period
    before."""
    if schema.forecast is None:
        return {}
    names = schema.forecast.names
    columns = {"naive": names.naive, "seasonal": names.seasonal}
    found: dict[str, Callable[[], tuple[Candidate, Outputs]]] = {}
    for name, column in columns.items():
        part = next((one for one in encoder.parts if one.columns[0] == column), None)
        if isinstance(part, NumberEncoder) and (name == "naive" or schema.forecast.period > 1):
            place = encoder.places[column].numbers[0]
            rule = Naive(name, place, part.scale.center, part.scale.width)
            found[name] = partial(_as_is, rule, batch)
    return found


def _as_is(rule: Naive, batch: Batch) -> tuple[Candidate, Outputs]:
    return rule, rule.predict(batch)

"""Encoding: training rows to numbers, with as much of pretrained encoders as there is time for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.encode.batch import Batch
from deeplode.encode.embedding import EmbeddingEncoder, OutOfTimeError
from deeplode.encode.encoder import Encoder
from deeplode.errors import LimitError, OptionError
from deeplode.messages import Notice
from deeplode.pretrained.read import Pretrained
from deeplode.runtime import Budget

TRIED = 16  # cells by which it is known how long a pretrained encoder takes for one
LEARNED = (
    4.0  # times as long as a way through it: what a training row takes in the shortest training
)


@dataclass(frozen=True)
class Encoding:
    """Encoders and the training rows as they make them.

    seconds: that the rows took. notices: what could not be read, and what there was no time for.
    """

    encoder: Encoder
    batch: Batch
    seconds: float = 0.0
    notices: tuple[Notice, ...] = ()


def encoded(
    table: Table,
    schema: Schema,
    models: Mapping[str, Pretrained],
    most_bad: float,
    budget: Budget,
    replay: Mapping[str, Any] | None,
    others: Table | None = None,
    later: float = 0.0,
) -> Encoding:
    """Fit encoders on the training rows and encode them.

    models: pretrained encoders; all are left out where the budget is too small for them, or just
    those that ``replay`` did not have, whatever the budget. others: rows to fit on in their place,
    which have no target. later: rows to be encoded after learning, over training rows.

    Raises LimitError where there is no time to train pretrained encoders further.
    """
    if replay is not None:
        models = {name: own for name, own in models.items() if name in replay.get("pretrained", ())}
        budget = Budget()
    learned = table if others is None else others
    encoder = Encoder.fit(learned, schema, models)
    through = _through(encoder, table, budget)
    if (LEARNED + later) * through > budget.left():
        names = ", ".join(sorted(one.origin.name for one in models.values()))
        needed = ceil((LEARNED + later) * through)
        raise LimitError("E-OPT-221", names=names, needed=needed, left=int(budget.left()))
    began = time.monotonic()
    try:
        made = encoder.transform(table, most_bad, budget)
    except OutOfTimeError:
        encoder = Encoder.fit(learned, schema)
        names = ", ".join(sorted(one.origin.name for one in models.values()))
        notice = Notice("W-ENC-001", None, {"names": names, "rows": len(table)})
        made = encoder.transform(table, most_bad)
        return Encoding(encoder, made.batch, 0.0, (*made.notices, notice))
    if through:
        return Encoding(encoder, made.batch, through, made.notices)
    return Encoding(encoder, made.batch, time.monotonic() - began, made.notices)


def _through(encoder: Encoder, table: Table, budget: Budget) -> float:
    """Seconds that the rows will take, once, through the encoders that are trained further; 0 where
    there are none or time does not matter."""
    tuned = [part for part in encoder.pretrained if part.model.tuned]
    if not tuned or budget.left() == float("inf"):
        return 0.0
    some = table.rows(np.linspace(0, len(table) - 1, min(len(table), TRIED)).astype(np.int64))
    began = time.monotonic()
    for part in tuned:
        EmbeddingEncoder(part.name, part.model).encode(some.frame[part.name])
    return (time.monotonic() - began) * len(table) / len(some)


def check_used(models: Mapping[str, Pretrained], schema: Schema) -> None:
    """Raise OptionError for a pretrained encoder that no column is read by."""
    kinds = {str(column.kind) for column in schema.features}
    for medium in models:
        if medium not in kinds:
            told = ", ".join(f"{column.name}: {column.kind}" for column in schema.features[:20])
            raise OptionError("E-OPT-157", option=f"{medium}_encoder", kind=medium, columns=told)


def licences(encoder: Encoder) -> list[dict[str, Any]]:
    """Whose pretrained weights a model holds, and what allows it: the ``licences`` of a card."""
    found = []
    for medium, model in encoder.models.items():
        own = [part.name for part in encoder.pretrained if part.model is model]
        found.append({"kind": medium, "columns": own, **model.origin.to_json()})
    return found

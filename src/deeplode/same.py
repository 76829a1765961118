"""Same: the options of ``train`` for the other verbs, so that each is written once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields
from typing import Any

from deeplode.options import TrainOptions

TRAIN: Mapping[str, Field[Any]] = {one.name: one for one in fields(TrainOptions)}


def same(name: str, default: Any = MISSING, of: type[Any] = TrainOptions, **changed: Any) -> Any:
    """The option ``name`` of ``train``, or of another verb, with its help and heading; what differs
    is given."""
    one = next(one for one in fields(of) if one.name == name)
    return field(
        default=one.default if default is MISSING else default,
        metadata={**one.metadata, "shown": "", **changed},
    )

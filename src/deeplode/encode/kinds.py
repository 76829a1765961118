"""Kinds: which encoder reads which kind of column, and its name where it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from deeplode.data.column import Column, Kind
from deeplode.data.windows import Windows
from deeplode.encode.audio import AudioEncoder
from deeplode.encode.boolean import BooleanEncoder
from deeplode.encode.category import CategoryEncoder
from deeplode.encode.code import CodeEncoder
from deeplode.encode.column import ColumnEncoder
from deeplode.encode.datetime import DatetimeEncoder, SpanEncoder
from deeplode.encode.embedding import EmbeddingEncoder
from deeplode.encode.image import ImageEncoder
from deeplode.encode.number import NumberEncoder
from deeplode.encode.series import SeriesEncoder
from deeplode.encode.sparse import SparseEncoder
from deeplode.encode.text import TextEncoder
from deeplode.encode.tuned import PixelsEncoder, TokensEncoder, tuned_of
from deeplode.pretrained.read import Pretrained

# The names under which encoders are written down; nothing else is read back.
ENCODERS: dict[str, Any] = {
    "number": NumberEncoder,
    "code": CodeEncoder,
    "category": CategoryEncoder,
    "boolean": BooleanEncoder,
    "datetime": DatetimeEncoder,
    "span": SpanEncoder,
    "text": TextEncoder,
    "image": ImageEncoder,
    "audio": AudioEncoder,
    "series": SeriesEncoder,
    "sparse": SparseEncoder,
}
PRETRAINED: dict[str, Any] = {  # are handed the pretrained encoder that they need
    "embedding": EmbeddingEncoder,
    "tokens": TokensEncoder,
    "pixels": PixelsEncoder,
}
NAMES = {encoder: name for name, encoder in (ENCODERS | PRETRAINED).items()}


def encoders_of(
    series: pl.Series,
    column: Column,
    models: Mapping[str, Pretrained],
    windows: Windows | None = None,
) -> list[ColumnEncoder]:
    """The encoders of one feature: one, or two for numbers that may be codes and for texts and
    images that a pretrained encoder reads, too. windows: how rows were cut from series."""
    if column.kind == Kind.NUMBER:
        as_codes = [CodeEncoder.fit(series, column)] if column.codes else []
        return [NumberEncoder.fit(series, column), *as_codes]
    if column.kind == Kind.CATEGORY and series.dtype.is_numeric():
        return [CodeEncoder.fit(series, column)]
    encoder = {
        Kind.CATEGORY: CategoryEncoder,
        Kind.BOOLEAN: BooleanEncoder,
        Kind.DATETIME: DatetimeEncoder,
        Kind.TEXT: TextEncoder,
        Kind.IMAGE: ImageEncoder,
        Kind.AUDIO: AudioEncoder,
        Kind.SERIES: SeriesEncoder,
        Kind.SPARSE: SparseEncoder,
    }[column.kind]
    own = encoder.fit(series, column)  # type: ignore[attr-defined]
    if isinstance(own, SeriesEncoder) and windows is not None and not windows.whole:
        own = own.looking_back() if column.name == windows.column else own
    model = None if column.kind == Kind.SPARSE else models.get(own.media)
    if model is None:
        return [own]
    return [own, tuned_of(series, model) if model.tuned else EmbeddingEncoder(column.name, model)]


def written(part: ColumnEncoder) -> dict[str, Any]:
    """An encoder as plain JSON."""
    return {"encoder": NAMES[type(part)], "state": part.to_json()}


def part_of(facts: Mapping[str, Any], models: Mapping[str, Pretrained]) -> ColumnEncoder:
    """The inverse of ``written``. Raises KeyError, TypeError or ValueError if odd."""
    name, state = facts["encoder"], facts["state"]
    own = name in ENCODERS
    made: ColumnEncoder
    made = ENCODERS[name].from_json(state) if own else PRETRAINED[name].of(state, models)
    return made

"""Columns of any Polars type -> the few types that the rest of deeplode knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs

from deeplode.data.kinds.series import fits
from deeplode.messages import Notice

_DEEP = 8  # levels of nesting that become columns of their own
_REAL = (pl.Float32, pl.Float64)
_PLAIN = {  # types that stay as they are
    *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
    *(pl.Boolean, pl.String, pl.Date, pl.Binary, *_REAL),
}


def plain_columns(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Notice]]:
    """Whole and real numbers, booleans, text, dates, datetimes and bytes; NaN becomes null.

    Parts of records become columns (``address.city``), those of bytes and the path that they came
    from the bytes alone (or the path, where no row has bytes), lists become text in JSON unless
    they are series of numbers, categories and Python's objects text, decimals and half floats
    Float64, times and durations seconds, and whole numbers beyond 64 bits text, so that no digit is
    lost.
    """
    kinds = set(frame.dtypes)
    if kinds <= _PLAIN:  # nothing to do but for NaN: saves the fixed cost of what follows
        return (frame.with_columns(cs.float().fill_nan(None)) if kinds & set(_REAL) else frame), []
    frame, notices = _flat(frame)
    for column in frame.iter_columns():
        if column.dtype in (pl.Time, pl.Duration):
            notices.append(Notice("W-READ-012", column.name))
    frame = frame.with_columns(
        (cs.categorical() | cs.enum()).cast(pl.String),
        cs.by_dtype(pl.Null).cast(pl.String),
        cs.by_dtype(pl.Int128, pl.UInt128).cast(pl.String),
        cs.decimal().cast(pl.Float64),
        cs.by_dtype(pl.Float16).cast(pl.Float64),
        cs.duration().cast(pl.Duration("us")).cast(pl.Int64).cast(pl.Float64) / 1e6,
        cs.time().cast(pl.Int64).cast(pl.Float64) / 1e9,
    )
    return frame.with_columns(cs.float().fill_nan(None)), notices


def _files(frame: pl.DataFrame) -> list[str]:
    """Columns of records of a file's bytes and its path, as Hugging Face lays them out."""
    return [
        name
        for name, kind in frame.schema.items()
        if isinstance(kind, pl.Struct)
        and {field.name: field.dtype for field in kind.fields}
        in ({"bytes": pl.Binary, "path": pl.String}, {"bytes": pl.Binary, "path": pl.Null})
    ]


def _one_file(records: pl.Series) -> pl.Series:
    """The bytes of such records; the paths where no record has bytes."""
    held = records.struct.field("bytes")
    return (records.struct.field("path") if held.is_null().all() else held).alias(records.name)


def _flat(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Notice]]:
    """The frame without columns inside columns."""
    frame = frame.with_columns(_one_file(frame[name]) for name in _files(frame))
    for _ in range(_DEEP):
        records = [name for name in frame.select(cs.struct()).columns if not fits(frame[name])]
        if not records:
            break
        frame = frame.unnest(records, separator=".")
    objects = frame.select(cs.object())
    frame = frame.with_columns(texts(one.to_list()).alias(one.name) for one in objects)
    nested = [name for name in frame.select(cs.nested()).columns if not fits(frame[name])]
    if not nested:
        return frame, []
    written = [
        pl.struct(cs.by_name(name).alias("v"))
        .struct.json_encode()
        .str.strip_prefix('{"v":')
        .str.strip_suffix("}")
        .replace("null", None)
        .alias(name)
        for name in nested
    ]
    return frame.with_columns(written), [Notice("W-READ-009", name) for name in nested]


def texts(values: Any) -> pl.Series:
    """Any cells as text, with None and NaN as null."""
    cells = np.asarray(values, dtype=object).tolist()
    return pl.Series([_text(cell) for cell in cells], dtype=pl.String)


def _text(cell: object) -> str | None:
    if cell is None or cell != cell or str(cell) in ("NaT", "<NA>"):
        return None
    return str(cell).encode("utf-8", "replace").decode("utf-8")

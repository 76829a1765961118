"""Series cells: cells that hold series as one array, whatever type they come in."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.kinds.series import names

_HEAD = struct.Struct("<II")  # of a cell in a model file: channels and moments, then its numbers
MOST_BYTES = 1 << 26  # of such a cell

Floats = NDArray[np.floating[Any]]


def channels_of(series: pl.Series) -> tuple[str, ...]:
    """The channels of a column of series: their names in a record, else numbers from 1 on."""
    found = names(series.dtype)
    if found:
        return found
    count = 1
    if isinstance(series.dtype, pl.Array) and len(series.dtype.shape) == 2:
        count = series.dtype.shape[1]
    elif isinstance(series.dtype, pl.List | pl.Array) and _inner(series).dtype.is_nested():
        count = int(_as_list(_inner(series).drop_nulls()).list.len().max() or 1)  # type: ignore[arg-type]
    return tuple(str(number) for number in range(1, count + 1))


def lengths(series: pl.Series) -> NDArray[np.int64]:
    """(rows,) moments of each cell, 0 of an empty one."""
    if isinstance(series.dtype, pl.Struct):
        fields = [lengths(series.struct.field(one)) for one in names(series.dtype)]
        found: NDArray[np.int64] = np.max(fields, axis=0)
        return found
    if series.dtype == pl.Binary:
        return np.array([len(_unpacked(cell).T) for cell in series], np.int64)
    if not isinstance(series.dtype, pl.List | pl.Array):
        return np.zeros(len(series), np.int64)
    counts = _as_list(series).list.len().fill_null(0).cast(pl.Int64)
    return counts.to_numpy()


def moments(series: pl.Series, channels: tuple[str, ...], most: int) -> Floats:
    """(rows, channels, most) the last moments of each cell, NaN before the first of a shorter one
    and for a channel that it lacks. Moments at the end without any value count as not there.
    Other types than series give cells without any moment."""
    cells = _moments(series, channels, most)
    gone: NDArray[np.bool_] = np.isnan(cells[:, :, ::-1])
    lost = np.all(gone, axis=1)  # from the last moment on
    rows = np.flatnonzero(lost[:, 0] & ~lost.all(1))
    if len(rows):
        cells = cells.copy()
        place = np.arange(most) - lost[rows].argmin(1)[:, None]
        moved = np.take_along_axis(cells[rows], np.maximum(place, 0)[:, None], 2)
        cells[rows] = np.where(place[:, None] < 0, np.nan, moved)
    return cells


def _moments(series: pl.Series, channels: tuple[str, ...], most: int) -> Floats:
    kind, count = series.dtype, len(channels)
    if isinstance(kind, pl.Struct):
        known = set(names(kind))
        nothing = pl.Series("", [None] * len(series), pl.List(pl.Float32))
        parts = [series.struct.field(one) if one in known else nothing for one in channels]
        return np.concatenate([_moments(part, ("",), most) for part in parts], axis=1)
    if isinstance(kind, pl.Array) and not series.null_count() and kind.shape[0] == most:
        cells = series.to_numpy()
        if cells.dtype.kind in "fiub" and (cells.ndim, cells.shape[2:]) in ((2, ()), (3, (count,))):
            shaped = cells.reshape(len(cells), most, -1).transpose(0, 2, 1)
            return shaped if cells.dtype.kind == "f" else shaped.astype(np.float64)
    found = np.full((len(series), count, most), np.nan, _precision(series))
    if kind == pl.Binary:
        for row, cell in enumerate(series):
            own = _unpacked(cell)[:count, -most:]
            found[row, : len(own), most - own.shape[1] :] = own
    elif isinstance(kind, pl.List | pl.Array):
        _spread(found, series)
    return found


def packed(cell: Floats) -> bytes:
    """A cell as plain bytes, as it travels in a model file. cell: (channels, moments)."""
    return _HEAD.pack(*cell.shape) + np.ascontiguousarray(cell, "<f8").tobytes()


def _unpacked(cell: bytes | None) -> NDArray[np.float64]:
    """The inverse of ``packed``; no moments of bytes that are something else."""
    nothing = np.empty((0, 0))
    if cell is None or not _HEAD.size <= len(cell) <= MOST_BYTES:
        return nothing
    channels, count = _HEAD.unpack_from(cell)
    if len(cell) != _HEAD.size + 8 * channels * count:
        return nothing
    return np.frombuffer(cell, "<f8", offset=_HEAD.size).reshape(channels, count)


def _spread(found: Floats, series: pl.Series) -> None:
    """Write lists of numbers, or of moments that are lists, over NaN; the last moments last."""
    count, most = found.shape[1:]
    sizes = lengths(series)
    filled = _as_list(series).drop_nulls()
    flat = filled.filter(filled.list.len() > 0).explode()
    rows = np.repeat(np.arange(len(series)), sizes)
    starts = np.cumsum(sizes) - sizes
    place = most - sizes[rows] + np.arange(len(rows)) - starts[rows]
    channel = np.zeros(len(rows), np.int64)
    if flat.dtype.is_nested():
        inner = lengths(flat)
        held = _as_list(flat).drop_nulls()
        flat = held.filter(held.list.len() > 0).explode()
        begin = np.cumsum(inner) - inner
        channel = np.arange(len(flat)) - np.repeat(begin, inner)
        rows, place = np.repeat(rows, inner), np.repeat(place, inner)
    kept = (place >= 0) & (channel < count)
    values = flat.cast(pl.Float64).to_numpy()
    found[rows[kept], channel[kept], place[kept]] = values[kept]


def _as_list(series: pl.Series) -> pl.Series:
    return series.arr.to_list() if isinstance(series.dtype, pl.Array) else series


def _inner(series: pl.Series) -> pl.Series:
    """Some moments of a column, out of their cells."""
    return _as_list(series.drop_nulls().head(1_000)).explode()


def _precision(series: pl.Series) -> type[np.float32] | type[np.float64]:
    kind = series.dtype
    while isinstance(kind, pl.List | pl.Array):
        inner = kind.inner
        kind = inner if isinstance(inner, pl.DataType) else inner()
    return np.float32 if kind == pl.Float32 else np.float64

"""Sparse cells: each cell of a column is a long vector that is mostly zeros, as plain bytes.

A cell is SIGN and then the entries that are not zero, place and value of each: so it travels
through frames, Parquet and model files like any other bytes.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

SIGN = b"\x00sparse\x00"
ENTRY = np.dtype([("place", "<u4"), ("value", "<f4")])

Ints = NDArray[np.int64]


def packed(begins: Ints, places: Ints, values: NDArray[np.float32], name: str) -> pl.Series:
    """A column of such cells. begins: (rows + 1,) where each row's entries begin; places, values:
    (entries,) as a sparse matrix by rows has them."""
    entries = np.empty(len(places), ENTRY)
    entries["place"], entries["value"] = places, values
    data, size = entries.tobytes(), ENTRY.itemsize
    ends = (begins * size).tolist()
    cells = [SIGN + data[begin:end] for begin, end in pairwise(ends)]
    return pl.Series(name, cells, pl.Binary)


def unpacked(series: pl.Series) -> tuple[Ints, Ints, NDArray[np.float32]]:
    """Row, place and value of every entry, (entries,), row by row. Cells that are empty or
    something else have none."""
    rows, parts = [], []
    for row, cell in enumerate(series if series.dtype == pl.Binary else ()):
        if cell is not None and is_sparse(cell):
            part = np.frombuffer(cell, ENTRY, offset=len(SIGN))
            rows.append(np.full(len(part), row))
            parts.append(part)
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    found = np.concatenate(parts)
    return np.concatenate(rows), found["place"].astype(np.int64), found["value"]


def is_sparse(cell: bytes) -> bool:
    """Whether these bytes are such a cell."""
    return cell.startswith(SIGN) and (len(cell) - len(SIGN)) % ENTRY.itemsize == 0

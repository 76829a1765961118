"""Features: columns from a second file that stand beside those of the source, row by row.

A sparse matrix as SciPy saves it becomes one column of sparse cells, a NumPy array a column of
numbers each, and a Parquet file its columns.
"""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
from numpy.typing import NDArray

from deeplode.data.content import BOMB_RATIO, BOMB_SIZE, Content, explained
from deeplode.data.npz import array_of, claimed, header_of
from deeplode.data.plain import plain_columns
from deeplode.data.sparsecells import packed
from deeplode.data.table import Table
from deeplode.errors import DataError

NAME = "features"
MOST_COLUMNS = 1 << 19  # of a sparse matrix: a net reads places as numbers of so many bits
PARTS = {"csr": ("indptr", "indices"), "csc": ("indptr", "indices"), "coo": ("row", "col")}

Ints = NDArray[np.int64]


def beside(table: Table, path: str, every: int) -> Table:
    """The table with the columns of a file of features, whose rows are those of the source.

    every: so-manieth row that the table was read with. Names that are taken get a ``_``.
    Raises DataError for a file that cannot be read or has another number of rows.
    """
    with explained(path):
        frame = _read(Path(path).expanduser())
    kept = frame.gather_every(every) if every > 1 else frame
    if kept.height != len(table):
        raise DataError("E-DATA-141", source=path, rows=frame.height, wanted=len(table) * every)
    names: dict[str, str] = {}
    for name in kept.columns:
        free = name
        while free in table.names or free in names.values():
            free += "_"
        names[name] = free
    return replace(table, frame=table.frame.hstack(kept.rename(names)))


def _read(path: Path) -> pl.DataFrame:
    content = Content(str(path), path)
    with path.open("rb") as stream:
        head = stream.read(6)
    try:
        if head.startswith(b"PK"):
            return pl.DataFrame([_sparse(content)])
        if head == b"\x93NUMPY":
            cells = _dense(content)
            columns = {f"f{at}": np.ascontiguousarray(one) for at, one in enumerate(cells.T, 1)}
            return plain_columns(pl.DataFrame(columns))[0]
        if head.startswith(b"PAR1"):
            return plain_columns(pl.read_parquet(path))[0]
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError) as error:
        if isinstance(error, DataError):
            raise
        raise _refused(content, str(error).splitlines()[0][:200]) from error
    raise _refused(content, "neither .npz of SciPy, nor .npy, nor .parquet")


def _dense(content: Content) -> NDArray[Any]:
    """(rows, columns) numbers. What the file claims is checked before it is read."""
    with content.open() as stream:
        shape, _, dtype = header_of(stream)
        if len(shape) != 2 or dtype.kind not in "biuf":
            raise _refused(content, f"{shape} of {dtype}")
        if int(np.prod(shape, dtype=object)) * dtype.itemsize > content.size:
            raise _refused(content, f"{shape} of {dtype} in {content.size} bytes")
        stream.seek(0)
        cells: NDArray[Any] = np.lib.format.read_array(stream)  # arrays of objects are refused
    return cells


def _sparse(content: Content) -> pl.Series:
    """A column of sparse cells. Nothing in the archive is unpickled, and what it claims is checked
    before it is unpacked."""
    with content.open() as stream, zipfile.ZipFile(stream) as archive:
        form = bytes(array_of(archive, "format.npy").astype("S8").item()).decode("ascii", "replace")
        if form not in PARTS:
            raise _refused(content, f"format {form!r} is none of {', '.join(PARTS)}")
        names = (*PARTS[form], "data")
        sizes = [claimed(archive, f"{name}.npy")[2] for name in names]
        bomb = sum(sizes) > BOMB_SIZE and sum(sizes) > BOMB_RATIO * content.size
        if bomb or 4 * sum(sizes) > psutil.virtual_memory().available:
            raise DataError("E-DATA-017", source=content.name, packed=content.size, size=sum(sizes))
        shape = array_of(archive, "shape.npy")
        first, second, data = (array_of(archive, f"{name}.npy") for name in names)
    if any(one.ndim != 1 or one.dtype.kind not in "iu" for one in (shape, first, second)):
        raise _refused(content, "places are no whole numbers")
    if shape.shape != (2,) or data.ndim != 1 or data.dtype.kind not in "biuf":
        raise _refused(content, f"shape {shape}, values {data.shape} of {data.dtype}")
    rows, columns = (int(size) for size in shape)
    row, column = _places(form, first.astype(np.int64), second.astype(np.int64))
    return _column(content, (rows, columns), row, column, data.astype(np.float32))


def _places(form: str, first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """Row and column of each entry. Raises ValueError where they do not fit together."""
    if form == "coo":
        return first, second
    if not len(first) or first[0] != 0 or (np.diff(first) < 0).any() or first[-1] != len(second):
        raise ValueError("indptr does not fit indices")
    major = np.repeat(np.arange(len(first) - 1), np.diff(first))
    return (major, second) if form == "csr" else (second, major)


def _column(
    content: Content,
    shape: tuple[int, int],
    row: Ints,
    column: Ints,
    values: NDArray[np.float32],
) -> pl.Series:
    """The entries as cells, entries of one place added up."""
    rows, columns = shape
    if not len(row) == len(column) == len(values):
        raise _refused(content, "as many rows as columns and values are wanted")
    if not 0 < columns <= MOST_COLUMNS:
        raise _refused(content, f"{columns} columns; 1 … {MOST_COLUMNS} can be read")
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    if not inside.all() or not np.isfinite(values).all():
        raise _refused(content, f"places beyond {rows} x {columns}, or values that are not finite")
    keys, which = np.unique(row * columns + column, return_inverse=True)
    sums = np.bincount(which, values, len(keys)).astype(np.float32)
    there = sums != 0
    keys, sums = keys[there], sums[there]
    begins = np.concatenate([[0], np.cumsum(np.bincount(keys // columns, minlength=rows))])
    return packed(begins, keys % columns, sums, NAME)


def _refused(content: Content, reason: str) -> DataError:
    return DataError("E-DATA-140", source=content.name, reason=reason)

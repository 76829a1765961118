"""Frames and arrays of Python's libraries -> Polars, and results back in the same library."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl

from deeplode.data.names import settle_names
from deeplode.data.plain import plain_columns, texts
from deeplode.errors import DataError
from deeplode.messages import Notice


def is_frame(source: Any) -> bool:
    """Whether this is data in memory, not the name of a place where data lie."""
    if isinstance(source, str | os.PathLike):
        return False
    if isinstance(source, list | tuple) and source:
        return not all(isinstance(one, str | os.PathLike) for one in source)
    return not isinstance(source, list | tuple)


def as_polars(frame: Any) -> pl.DataFrame:
    """The columns of a frame or array, plain and uniquely named; the input is not modified.

    frame: pandas or Polars (frame or series), anything that hands over Arrow data or that
        narwhals knows, NumPy of one or two dimensions (columns ``x0``, ``x1``, …), a dict of
        columns, a list of rows. An index of pandas is left out.
    Raises DataError for anything else.
    """
    return from_memory(frame)[0]


def from_memory(frame: Any) -> tuple[pl.DataFrame, list[Notice]]:
    """Like ``as_polars``, with what to tell about names and types."""
    columns = _columns(frame)
    names, notices = settle_names([name for name, _ in columns])
    renamed = [column.alias(name) for name, (_, column) in zip(names, columns, strict=True)]
    plain, more = plain_columns(pl.DataFrame(renamed))
    return plain, [*notices, *more]


def like(original: Any, columns: Mapping[str, np.ndarray | pl.Series]) -> Any:
    """Result columns in the library of the data that they belong to.

    original: what came in, with as many rows. pandas gives pandas with the same index, Arrow
    gives Arrow, anything else Polars.
    """
    values = {
        name: column.to_numpy() if isinstance(column, pl.Series) else column
        for name, column in columns.items()
    }
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(original, pandas.DataFrame | pandas.Series):
        return pandas.DataFrame(values, index=original.index)
    frame = pl.DataFrame(dict(columns))
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is not None and isinstance(original, pyarrow.Table | pyarrow.RecordBatch):
        return frame.to_arrow()
    return frame


def _columns(frame: Any) -> list[tuple[object, pl.Series]]:
    """Names, as they are, and columns."""
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.Series):
        frame = frame.to_frame()
    if isinstance(frame, pl.DataFrame):
        return [(column.name, column) for column in frame.iter_columns()]
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(frame, pandas.Series):
        frame = frame.to_frame()
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        return [(name, _from_pandas(frame.iloc[:, at])) for at, name in enumerate(frame.columns)]
    if isinstance(frame, Mapping):
        return [(name, _from_values(cells)) for name, cells in frame.items()]
    if isinstance(frame, np.ndarray | list | tuple):
        return _from_array(frame)
    return _from_arrow(frame)


def _from_pandas(series: Any) -> pl.Series:
    """One column of pandas; what Arrow cannot type becomes text."""
    import pandas

    if isinstance(series.dtype, pandas.SparseDtype):
        series = series.sparse.to_dense()
    if isinstance(series.dtype, pandas.CategoricalDtype):
        # The labels themselves: numbers stay numbers, and unused levels do not matter.
        categories = _from_pandas(series.cat.categories.to_series())
        codes = pl.Series(series.cat.codes.to_numpy().astype(np.int64))
        return categories.gather(codes.set(codes < 0, None))
    if isinstance(series.dtype, pandas.PeriodDtype | pandas.IntervalDtype):
        return texts(series)
    try:
        found = pl.from_pandas(series.to_frame("x"), nan_to_null=True).to_series()
    except Exception:  # cells of several types: pyarrow, pandas and Polars each raise their own
        return texts(series)
    return texts(series) if found.dtype == pl.Binary and _has_uuids(series) else found


def _has_uuids(series: Any) -> bool:
    """Whether cells are UUIDs, of which Arrow makes bytes."""
    return any(isinstance(cell, UUID) for cell in series.dropna().head(1))


def _from_values(values: Any) -> pl.Series:
    """One column of a dict or array."""
    if isinstance(values, pl.Series):
        return values
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(values, pandas.Series):
        return _from_pandas(values)
    if isinstance(values, np.ndarray) and values.dtype.kind in "biufMmU":
        return pl.Series(values)
    if not isinstance(values, list | np.ndarray):
        values = list(values)
    cells = values.tolist() if isinstance(values, np.ndarray) else values
    try:
        return pl.Series(cells, strict=True)
    except (TypeError, OverflowError, UnicodeEncodeError, pl.exceptions.PolarsError):
        return _from_mixed(cells)


def _from_mixed(cells: list[Any]) -> pl.Series:
    """Cells of several types: numbers where all are, else text."""
    try:
        return pl.Series([None if cell is None else float(cell) for cell in cells])
    except (TypeError, ValueError, OverflowError):
        return texts(cells)


def _from_array(values: Any) -> list[tuple[object, pl.Series]]:
    """Columns x0, x1, … of an array; the fields of a structured one keep their names."""
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of unequal length
        raise DataError("E-DATA-024", value="inhomogeneous shape") from error
    if array.dtype.names:
        return [(name, _from_values(array[name])) for name in array.dtype.names]
    if array.ndim not in (1, 2) or array.dtype.kind in "cV":
        shape = f"shape {array.shape}, {array.dtype}"
        raise DataError("E-DATA-024", value=shape)
    if array.dtype.kind in "SU" and not isinstance(values, np.ndarray):
        array = np.asarray(values, dtype=object)  # numbers among the text stay numbers
    table = array.reshape(len(array), -1)
    return [(f"x{at}", _from_values(table[:, at])) for at in range(table.shape[1])]


def _from_arrow(frame: Any) -> list[tuple[object, pl.Series]]:
    """Columns of whatever hands over Arrow data or is known to narwhals."""
    try:
        if hasattr(frame, "__arrow_c_stream__"):
            import pyarrow as pa

            table = pa.table(frame)
            names = table.column_names
            columns = table.rename_columns([str(at) for at in range(len(names))])
            converted = pl.DataFrame(columns)
        else:
            import narwhals as nw

            native = nw.from_native(frame)
            eager = native.collect() if isinstance(native, nw.LazyFrame) else native
            converted = eager.to_polars()
            names = converted.columns
    except Exception as error:
        raise DataError("E-DATA-023", value=type(frame).__name__) from error
    return list(zip(names, converted.iter_columns(), strict=True))


def indexable(frame: Any) -> Any:
    """The same frame; one of pandas can also be indexed by position, as scikit-learn does."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        from deeplode.data.indexable import Indexable

        return Indexable(frame)
    return frame

"""Ids: cells that name things, as numbers in one file and as texts in another."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.parse import BLANKS
from deeplode.data.plain import texts
from deeplode.errors import DataError

SHOWN = 40  # letters of a cell that is no id
FEW, FEWER = 64, 8  # cells that are sought one by one where ids are in order, and where not

Ints = NDArray[np.int64]


def whole(series: pl.Series) -> pl.Series | None:
    """The cells as whole numbers of 64 bits; None where some are none."""
    if series.dtype.is_integer():
        found = series.cast(pl.Int64, strict=False)
        return found if found.null_count() == series.null_count() else None
    if not series.dtype.is_float():
        return None
    filled = series.set(~series.is_finite(), None)
    found = filled.cast(pl.Int64, strict=False)
    return found if bool(found.cast(series.dtype).eq_missing(filled).all()) else None


def as_written(series: pl.Series) -> pl.Series:
    """Ids as texts: whole numbers as they are written, texts without blanks around them, moments
    alike whatever the unit that they are counted in, and as days where none has an hour."""
    numbers = whole(series)
    if isinstance(series.dtype, pl.Datetime):
        days = series.dt.date()
        hours = series.dt.replace_time_zone(None).dt.cast_time_unit("us") != days.cast(pl.Datetime)
        series = series.dt.cast_time_unit("us") if hours.any() else days
    return (series if numbers is None else numbers).cast(pl.String).str.strip_chars(BLANKS)


def ids_of(cells: pl.Series) -> pl.Series:
    """Ids as numbers where all are whole ones, else as texts; empty ones are missing. Raises
    DataError for lists and the like."""
    if cells.dtype == pl.Object and all(isinstance(one, UUID | None) for one in cells.to_list()):
        cells = texts(cells.to_list()).alias(cells.name)
    if cells.dtype.is_nested() or cells.dtype in (pl.Binary, pl.Object):
        row = int(cells.is_not_null().arg_max() or 0)
        value = str(cells.slice(row, 1).to_list()[0])[:SHOWN]
        raise DataError("E-DATA-208", column=cells.name, row=row, value=value)
    numbers = whole(cells)
    return as_written(cells).replace("", None) if numbers is None else numbers


def one_form(columns: list[pl.Series]) -> tuple[list[pl.Series], bool]:
    """The columns as numbers where all hold some, else as texts; and whether they differed."""
    numbers = [found for column in columns if (found := whole(column)) is not None]
    if len(numbers) == len(columns):
        return numbers, False
    return [as_written(column) for column in columns], bool(numbers)


def places(cells: pl.Series, ids: pl.Series) -> Ints:
    """(cells,) which of the ids each cell is; -1 where it is none. ids: each once. Both in one
    form."""
    in_order = bool(ids.flags["SORTED_ASC"])
    if len(cells) <= (FEW if in_order else FEWER):
        return np.array([_place(one, ids, in_order) for one in cells.to_list()], np.int64)
    known = pl.DataFrame({"key": ids, "place": np.arange(len(ids))})
    asked = pl.DataFrame({"key": cells})
    found = asked.join(known, on="key", how="left", maintain_order="left")
    return found["place"].fill_null(-1).to_numpy()


def _place(cell: Any, ids: pl.Series, in_order: bool) -> int:
    """Which of the ids it is; -1 = none. Strings are in the order of code points, which is that of
    their UTF-8."""
    if cell is None or not in_order:
        found = None if cell is None else ids.index_of(cell)
        return -1 if found is None else int(found)
    at = bisect_left(ids, cell)
    return at if at < len(ids) and ids[at] == cell else -1


def matching(cells: pl.Series, ids: pl.Series) -> Ints:
    """(cells,) which of the ids each cell is, written as a number or as a text; -1 where it is
    none. ids: each once, as ``ids_of`` gives them: they are left as they are, there may be many."""
    cells = ids_of(cells)
    if cells.dtype != ids.dtype:
        cells = as_written(cells) if ids.dtype == pl.String else _numbers(cells)
    return places(cells, ids)


def _numbers(texts: pl.Series) -> pl.Series:
    """The whole numbers that texts write; missing where one is written otherwise."""
    found = texts.cast(pl.Int64, strict=False)
    return found.set((found.cast(pl.String) != texts).fill_null(True), None)


def packed(ids: pl.Series) -> dict[str, NDArray[Any]]:
    """Ids as arrays: ``number`` int64, or ``text`` uint8 of UTF-8 and ``length`` int64 of each."""
    if ids.dtype == pl.Int64:
        return {"number": ids.to_numpy()}
    raw = [one.encode() for one in ids.to_list()]
    length = np.array([len(one) for one in raw], np.int64)
    return {"text": np.frombuffer(b"".join(raw), np.uint8), "length": length}


def unpacked(arrays: Mapping[str, NDArray[Any]]) -> pl.Series:
    """The inverse. Raises KeyError or ValueError for arrays that hold no ids, each once."""
    if "number" in arrays:
        found = pl.Series(checked(arrays["number"], np.int64), dtype=pl.Int64)
    else:
        text, length = checked(arrays["text"], np.uint8), checked(arrays["length"], np.int64)
        if (length < 0).any() or length.sum() != len(text):
            raise ValueError("texts and their lengths do not agree")
        raw, ends = text.tobytes(), np.cumsum(length)
        cells = [
            raw[e - n : e].decode() for e, n in zip(ends.tolist(), length.tolist(), strict=True)
        ]
        found = pl.Series(cells, dtype=pl.String)
    if found.n_unique() != len(found):
        raise ValueError("an id comes twice")
    return found.set_sorted() if found.is_sorted() else found


def checked(array: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    """A list of this type. Raises ValueError."""
    if array.dtype != dtype or array.ndim != 1:
        raise ValueError(f"a list of {dtype.__name__} is needed")
    return array

"""Checks of rows that are to be encoded: columns that are absent, or cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.encode.column import FLAG_WORDS, UNREADABLE, Piece
from deeplode.errors import DataError
from deeplode.messages import Notice

FEWEST_CELLS = 8  # filled cells from which on a column that cannot be read is refused


def check_media(table: Table, name: str, piece: Piece, most_bad: float) -> tuple[Notice, ...]:
    """What to know of images or sounds that cannot be decoded. Raises DataError for too many."""
    if piece.unread is None or not piece.unread.any():
        return ()
    count, filled = int(piece.unread.sum()), len(table) - table.frame[name].null_count()
    row = int(np.argmax(piece.unread))
    cell = table.frame[name][row]
    told = {
        "count": count, "filled": filled, "why": piece.why, "row": table.ids[row],
        "value": repr(cell if isinstance(cell, str) else cell[:20]),
    }  # fmt: skip
    if count > most_bad * filled:
        told = {**told, "row": row, "source": table.source, "share": most_bad}
        raise DataError("E-DATA-070", column=name, **told)
    return (Notice("W-MEDIA-081", name, told),)


def unread_rows(flags: Sequence[str], ids: pl.Series) -> list[Notice]:
    """What to know of rows that are to be answered and hold an image or a sound that cannot be
    read: a wrong folder shows as an answer without them. flags: (rows,) as ``flag_words``."""
    bad = [row for row, words in enumerate(flags) if FLAG_WORDS[UNREADABLE] in words.split()]
    if not bad:
        return []
    return [Notice("W-PRED-002", None, {"count": len(bad), "rows": len(ids), "row": ids[bad[0]]})]


def check_columns(table: Table, needed: tuple[str, ...]) -> None:
    """Raise DataError naming all needed columns that the table lacks."""
    known = set(table.names)
    absent = [name for name in needed if name not in known]
    if absent:
        raise _absent(absent, [name for name in table.names if name not in needed], table.source)


def check_columns_of_row(values: Mapping[str, Any], needed: tuple[str, ...]) -> None:
    """As ``check_columns``, for one row."""
    absent = [name for name in needed if name not in values]
    if absent:
        raise _absent(absent, [name for name in values if name not in needed], "row")


def _absent(absent: list[str], others: list[str], source: str) -> DataError:
    names = ", ".join(repr(name) for name in absent[:20]) + (", …" if len(absent) > 20 else "")
    code = "E-DATA-060" if others else "E-DATA-061"
    near = closest(absent[0], others)
    return DataError(
        code, source=source, column=absent[0], columns=names, count=len(absent), closest=near
    )


def check_readable(table: Table, name: str, unread: np.ndarray) -> None:
    """Raise DataError where more than half of a column's filled cells could not be read."""
    count = int(unread.sum())
    filled = len(unread) - table.frame[name].null_count() if count else 0
    if filled >= FEWEST_CELLS and 2 * count > filled:
        row = int(np.argmax(unread))
        values = {"column": name, "row": row, "value": repr(table.frame[name][row])}
        raise DataError("E-DATA-062", source=table.source, count=count, filled=filled, **values)

"""Several files -> one table, if they agree in columns and types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import polars as pl

from deeplode.data.part import Part
from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.messages import Notice

# Reads the part at a position again, leaving these columns as text.
Reread = Callable[[int, frozenset[str]], Part]


def agreeing(parts: Sequence[Part], sources: Sequence[str], reread: Reread) -> list[Part]:
    """The parts with the same columns, in the order and of the types of all.

    Raises DataError naming the file and the columns that do not agree.
    """
    names = parts[0].frame.columns
    for source, part in zip(sources, parts, strict=True):
        _same_names(part.frame.columns, names, source, sources[0])
    at_odds = frozenset(_text_and_other(parts, names))
    agreed = []
    for position, part in enumerate(parts):
        odd = [name for name in names if name in at_odds and _is_other(part.frame[name])]
        one = part
        if odd and part.reading["format"] == "csv":
            one = reread(position, at_odds)
        elif odd:
            kind = str(part.frame[odd[0]].dtype)
            raise DataError("E-DATA-020", source=sources[position], column=odd[0], value=kind)
        agreed.append(replace(one, frame=one.frame.select(names)))
    return agreed


def table_of(parts: Sequence[Part], source: str, every: int) -> Table:
    """One table of all parts; ids count the rows of the whole source from 0."""
    frames = _filled_types([part.frame for part in parts])
    try:
        frame = pl.concat(frames, how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise DataError("E-DATA-020", source=source, column=None, value=reason) from error
    notices = [notice for part in parts for notice in part.notices]
    if every > 1:
        notices.append(Notice("W-READ-011", values={"every": every, "rows": frame.height}))
    told = [notice for at, notice in enumerate(notices) if notice not in notices[:at]]
    reading = dict(parts[0].reading)
    if len(parts) > 1:
        reading["files"] = len(parts)
    table = Table.of(frame, source, reading, told)
    return table if every == 1 else replace(table, ids=_positions(parts, every))


def _same_names(found: Sequence[str], names: Sequence[str], source: str, first: str) -> None:
    lacking = sorted(set(names) - set(found), key=list(names).index)
    beyond = sorted(set(found) - set(names), key=list(found).index)
    if lacking or beyond:
        raise DataError(
            "E-DATA-019",
            source=source,
            first=first,
            missing=_listed(lacking),
            extra=_listed(beyond),
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:10]) or "-"
    return shown + (", …" if len(names) > 10 else "")


def _text_and_other(parts: Sequence[Part], names: Sequence[str]) -> Iterator[str]:
    """Columns that are text in one part and something else in another."""
    for name in names:
        columns = [part.frame[name] for part in parts]
        others = [_is_other(column) for column in columns if not _is_empty(column)]
        if any(others) and not all(others):
            yield name


def _is_other(column: pl.Series) -> bool:
    return column.dtype != pl.String and not _is_empty(column)


def _is_empty(column: pl.Series) -> bool:
    return column.null_count() == len(column)


def _filled_types(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """Columns that are empty in one frame in the type that they have in another."""
    types: dict[str, pl.DataType] = {}
    for frame in frames:
        for column in frame.iter_columns():
            if not _is_empty(column):
                types.setdefault(column.name, column.dtype)
    return [
        frame.with_columns(
            pl.lit(None, types[column.name]).alias(column.name)
            for column in frame.iter_columns()
            if _is_empty(column) and column.name in types
        )
        for frame in frames
    ]


def _positions(parts: Sequence[Part], every: int) -> pl.Series:
    """Positions in the whole source of the rows that thinning kept."""
    kept = []
    start = 0
    for part in parts:
        kept.append(pl.int_range(start, start + part.rows, every, eager=True))
        start += part.rows
    return pl.concat(kept).alias("id")

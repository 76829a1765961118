"""CSV, TSV and their kin: the encoding and the dialect are found, then ``TextFile`` reads."""

from __future__ import annotations

import polars as pl
from polars.exceptions import PolarsError

from deeplode.data.cells import settle
from deeplode.data.content import Content, Scratch, recognise
from deeplode.data.dialect import SAMPLE, Dialect, Signs, sniff
from deeplode.data.encoding import as_utf8, fault, guess, guess_around, named
from deeplode.data.malformed import has_zero_byte, zero_byte_line
from deeplode.data.names import settle_names
from deeplode.data.part import Part
from deeplode.data.textfile import TextFile
from deeplode.errors import DataError
from deeplode.messages import Notice


def read_delimited(
    content: Content,
    scratch: Scratch,
    signs: Signs,
    encoding: str | None = None,
    every: int = 1,
    as_text: frozenset[str] = frozenset(),
) -> Part:
    """Read one delimited text.

    signs, encoding: what the user said; the rest is guessed. every: keep each k-th row.
    as_text: columns to leave as text, such as those that are text in another file.
    Raises DataError naming the line for ragged rows, broken quotes, NUL and undecodable bytes.
    """
    head = content.head(SAMPLE)
    _refuse_binary(content, head)
    chosen = named(encoding) if encoding else guess(head)
    plain = content
    if chosen.name != "utf-8":
        plain = scratch.keep(content.name, as_utf8(content, chosen))
    try:
        part = _read_utf8(plain, signs, every, as_text)
    except PolarsError as error:
        failure = fault(content, chosen) if plain is content else None
        if failure is None:
            raise _unreadable(content, error) from error
        around = None if encoding else guess_around(content, failure.values["offset"])
        if around is None or around.name == "utf-8":
            raise failure from error
        chosen = around
        plain = scratch.keep(content.name, as_utf8(content, chosen))
        part = _read_utf8(plain, signs, every, as_text)
    doubt = () if chosen.sure else (Notice("W-READ-010", values={"encoding": chosen.name}),)
    reading = {"encoding": chosen.name, **part.reading}
    return Part(part.frame, part.rows, reading, (*doubt, *part.notices))


def _refuse_binary(content: Content, head: bytes) -> None:
    if not head:
        raise DataError("E-DATA-005", source=content.name)
    if known := recognise(head):
        kind, spoken = known
        raise DataError("E-DATA-010", source=content.name, kind=kind, holds=spoken)


def _unreadable(content: Content, error: PolarsError) -> DataError:
    reason = str(error).splitlines()[0]
    return DataError("E-DATA-012", source=content.name, format="CSV", reason=reason)


def _read_utf8(content: Content, signs: Signs, every: int, as_text: frozenset[str]) -> Part:
    """Read a text in UTF-8. Polars' own error leaves here when it is not, further down."""
    sample = content.head(SAMPLE)
    text = sample.decode("utf-8", "ignore").removeprefix("\ufeff")
    dialect = sniff(text, signs)
    if not dialect.names:
        raise DataError("E-DATA-005", source=content.name)
    if has_zero_byte(content):
        raise DataError("E-DATA-009", source=content.name, row=zero_byte_line(content))
    names, notices = settle_names(dialect.names if dialect.header else [], strip=True)
    if not dialect.header:
        names = [f"column_{position}" for position in range(1, len(dialect.names) + 1)]
    elif _all_numbers(dialect):
        notices.append(Notice("W-READ-006", values={"value": dialect.names[0]}))
    frame, rows, more = TextFile(content, dialect, names, every).read(as_text)
    reading = {
        "delimiter": dialect.delimiter,
        "quote": dialect.quote or "",
        "decimal": dialect.decimal,
        "thousands": dialect.thousands or "",
        "header": dialect.header,
    }
    return Part(frame, rows, reading, (*notices, *more))


def _all_numbers(dialect: Dialect) -> bool:
    """Whether what is taken for the header looks like data."""
    cells = pl.Series(dialect.names, dtype=pl.String)
    values, _ = settle(cells, dialect.decimal, dialect.thousands)
    return values.dtype.is_numeric() and values.null_count() == 0

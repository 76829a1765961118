"""Looks for what makes a delimited text unreadable, and where. It is slow: only faults get here."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from deeplode.data.content import Content
from deeplode.data.dialect import Dialect
from deeplode.errors import DataError

_SHOWN = 60  # characters of a line that a message shows


@dataclass(frozen=True)
class Structure:
    """What a record-by-record look found.

    error: the first ragged record or broken quote; None when there is none.
    rows: how many records were seen below the header, blank lines too.
    blank: positions of the blank lines among them, from 0.
    """

    error: DataError | None
    rows: int = 0
    blank: tuple[int, ...] = ()


def examine(content: Content, dialect: Dialect) -> Structure:
    """Look at each record of a UTF-8 text."""
    expected = len(dialect.names)
    blank: list[int] = []
    row = -dialect.skip
    try:
        for line, cells in _records(content, dialect):
            if row >= 0 and not cells:
                blank.append(row)
            elif row >= 0 and len(cells) != expected:
                error = DataError(
                    "E-DATA-007",
                    source=content.name,
                    row=line,
                    expected=expected,
                    found=len(cells),
                )
                return Structure(error)
            row += 1
    except _BrokenQuoteError as broken:
        return Structure(broken_quote(content, dialect, broken.line))
    return Structure(None, max(0, row), tuple(blank))


def broken_quote(content: Content, dialect: Dialect, line: int) -> DataError:
    """The error for a quote that opens on this line, from 1, and never closes as it should."""
    with _text(content) as text:
        opening = next(itertools.islice(text, line - 1, None), "").strip()
    value = opening if len(opening) <= _SHOWN else opening[:_SHOWN] + "…"
    return DataError("E-DATA-008", source=content.name, row=line, quote=dialect.quote, value=value)


def stray_quote_line(content: Content, dialect: Dialect) -> int | None:
    """The first line, from 1, with an odd number of quotes inside cells that none encloses."""
    quote = dialect.quote or '"'
    for line, cells in _records(content, dialect):
        if sum(cell.count(quote) for cell in cells) % 2:
            return line
    return None


class _BrokenQuoteError(Exception):
    """A quote that does not close where a cell ends; line: where its record begins, from 1."""

    def __init__(self, line: int) -> None:
        self.line = line


def _records(content: Content, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line, from 1, on which it begins."""
    with _text(content) as text:
        reader = dialect.parse(text, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise _BrokenQuoteError(line) from error
            yield line, cells


def _text(content: Content) -> io.TextIOWrapper:
    return io.TextIOWrapper(content.open(), "utf-8", errors="replace", newline="")


def zero_byte_line(content: Content) -> int | None:
    """The line, from 1, of the first NUL byte."""
    line = 1
    for chunk in content.chunks():
        if (at := chunk.find(b"\0")) >= 0:
            return line + chunk.count(b"\n", 0, at)
        line += chunk.count(b"\n")
    return None


def has_zero_byte(content: Content) -> bool:
    """Whether there is a NUL byte anywhere."""
    return any(b"\0" in chunk for chunk in content.chunks())


def count_delimiters(content: Content, dialect: Dialect) -> int:
    """How many delimiters stand outside quotes, taking every quote for the end or begin of one."""
    delimiter = ord(dialect.delimiter)
    quote = dialect.quote.encode() if dialect.quote else b""
    inside = False
    count = 0
    for chunk in content.chunks():
        signs = np.frombuffer(chunk, np.uint8)
        hits = signs == delimiter
        if quote and (inside or quote in chunk):
            within = np.logical_xor.accumulate(signs == quote[0]) ^ inside
            inside = bool(within[-1])
            hits &= ~within
        count += int(np.count_nonzero(hits))
    return count

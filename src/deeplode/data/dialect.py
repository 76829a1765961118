"""How a delimited text is written: guessed from its beginning, each guess settable."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deeplode.data.cells import number_pattern
from deeplode.errors import OptionError

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = (",", ";", "\t", "|", "\x01", "\x1f", "~", "^")
QUOTES = ('"', "'")
SAMPLE = 1 << 20  # bytes at the beginning that guesses look at
_RECORDS = 200  # records of them that the delimiter is guessed from

# One quoted cell, from delimiter or line end to delimiter or line end.
_QUOTED = {
    quote: re.compile(rf"(?:^|[,;\t|]){quote}[^{quote}\n]*{quote}(?=[,;\t|\r\n]|$)", re.M)
    for quote in QUOTES
}
_QUOTE_FIRST = re.compile(r'(?:^|[,;\t|~^\x01\x1f])"', re.M)
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n?$")


@dataclass(frozen=True)
class Dialect:
    """The signs of a delimited text, and where its data begin."""

    delimiter: str = ","
    quote: str | None = '"'
    decimal: str = "."
    thousands: str | None = None
    newline: str = "\n"
    header: bool = True
    names: tuple[str, ...] = ()  # cells of the first record, or those of the header
    skip: int = 1  # records before the first row of data
    delimiters_before: int = 0  # delimiters in these records

    def parse(self, lines: Iterable[str], strict: bool = False) -> Reader:
        """The cells of each record of these lines."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote or '"',
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            strict=strict,
        )


@dataclass(frozen=True)
class Signs:
    """What the user said about a delimited text; None = guess."""

    delimiter: str | None = None
    quote: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    header: bool = True

    def __post_init__(self) -> None:
        for name, value, allowed, spoken in (
            ("delimiter", self.delimiter, r"[\x01-\x09\x0b\x0c\x0e-\x7f]", ", ; | tab"),
            ("quote", self.quote, r"[!-~]?", "\" ' none"),
            ("decimal", self.decimal, r"[.,]", ". ,"),
            ("thousands", self.thousands, r"[^0-9\r\n]?", ", . ' none"),
        ):
            if value is not None and not re.fullmatch(allowed, value):
                raise OptionError("E-DATA-028", option=name, value=value, allowed=spoken)


def sniff(text: str, said: Signs) -> Dialect:
    """The dialect of a delimited text. text: its beginning, without byte order mark."""
    newline = "\r" if "\r" in text and "\n" not in text else "\n"
    lines = list(io.StringIO(text, newline=""))
    before = delimiters = 0
    while before < len(lines) and not lines[before].strip("\r\n"):
        before += 1
    delimiter = said.delimiter
    if before < len(lines) and (named := _SEPARATOR_LINE.match(lines[before])):
        delimiter = delimiter or named[1]
        delimiters = named[1] == delimiter
        before += 1
    lines = lines[before:]
    quote = _quote(text) if said.quote is None else (said.quote or None)
    delimiter = delimiter or _delimiter(lines, quote)
    records = _records(lines, delimiter, quote, 10 * _RECORDS)
    names = tuple(records[0]) if records else ()
    cells = [cell for record in records[int(said.header) :] for cell in record]
    decimal, thousands = _number_signs(cells, delimiter, said)
    skip = before + int(said.header)
    delimiters += (len(names) - 1) * said.header
    return Dialect(
        delimiter, quote, decimal, thousands, newline, said.header, names, skip, delimiters
    )


def _quote(text: str) -> str | None:
    """The double quote, unless only single ones enclose cells; None where none begins a cell."""
    double, single = (len(_QUOTED[quote].findall(text)) if quote in text else 0 for quote in QUOTES)
    if single > 2 and not double:
        return "'"
    return None if '"' in text and not _QUOTE_FIRST.search(text) else '"'


def _delimiter(lines: list[str], quote: str | None) -> str:
    """The delimiter that cuts the records into equally many cells; a comma if none cuts."""
    best, best_score = ",", 0.0
    for delimiter in DELIMITERS:
        score = _evenness([len(record) for record in _records(lines, delimiter, quote, _RECORDS)])
        if score > best_score:  # those named first win ties
            best, best_score = delimiter, score
    return best


def _evenness(counts: Sequence[int]) -> float:
    """How well a delimiter cuts: the share of records with as many cells as the first one.

    0 where it does not cut the first record.
    """
    if not counts or counts[0] < 2:
        return 0.0
    return sum(count == counts[0] for count in counts) / len(counts)


def _records(lines: list[str], delimiter: str, quote: str | None, most: int) -> list[list[str]]:
    """The first records, blank ones left out; those before an impossible one at least."""
    found: list[list[str]] = []
    reader = Dialect(delimiter, quote).parse(lines)
    try:
        for record in reader:
            if record:
                found.append(record)
            if len(found) == most:
                return found
    except csv.Error:  # a cell of more than 128 KB, as after a quote that never closes
        return found
    # The last line of a sample may be cut off.
    return found[:-1] if len(found) > 2 and not lines[-1].endswith(("\n", "\r")) else found


def _number_signs(cells: list[str], delimiter: str, said: Signs) -> tuple[str, str | None]:
    """The decimal and thousands signs that the cells speak for."""
    decimal = said.decimal or _decimal(cells, delimiter)
    if said.thousands is not None:
        return decimal, said.thousands or None
    for sign in (".", ",", "'", "’", " ", "\u00a0", "\u202f"):
        if sign == decimal:
            continue
        grouped = re.compile(
            rf"[+-]?[0-9]{{1,3}}(?:{re.escape(sign)}[0-9]{{3}})+(?:{re.escape(decimal)}[0-9]+)?$"
        )
        if any(sign in cell and grouped.match(cell) for cell in cells):
            return decimal, sign
    return decimal, None


def _decimal(cells: list[str], delimiter: str) -> str:
    """A comma where more numbers have one than a point; 1,234 speaks only between semicolons."""
    comma = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:[.' \u00a0\u202f][0-9]{3})+),[0-9]+$")
    unclear = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}$")
    point = re.compile(number_pattern(".", ","))
    commas = points = 0
    for cell in cells:
        if "," in cell and comma.match(cell):
            commas += delimiter != "," if unclear.match(cell) else 1
        elif "." in cell and point.match(cell):
            points += 1
    return "," if commas > points else "."

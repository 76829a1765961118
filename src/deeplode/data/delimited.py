"""CSV, TSV and their kin: Polars reads, types are settled over the whole length.

Polars gets the types that the beginning speaks for. Whole numbers come in as text beside a
mark on each cell that is none, so that 00501 is not read as 501; should a column turn out
otherwise further down, it is read again as text and settled there. No cell is lost.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from deeplode.data.cells import CODE, emptied, settle
from deeplode.data.content import Content, Scratch, recognise
from deeplode.data.dialect import SAMPLE, Dialect, Signs, sniff
from deeplode.data.encoding import as_utf8, fault, guess, guess_around, named
from deeplode.data.malformed import (
    broken_quote,
    count_delimiters,
    examine,
    has_zero_byte,
    stray_quote_line,
    zero_byte_line,
)
from deeplode.data.names import settle_names
from deeplode.data.part import Part, blank_notice, thinned
from deeplode.errors import DataError
from deeplode.messages import Notice

_MARK = "\0"  # after a column's name: the marks on its cells that are no whole numbers
_WHOLE = r"^-?(?:0|[1-9][0-9]{0,17})$"  # a whole number that comes back digit for digit
_SETTLED = 1000  # rows that tell what a column of text may become
# Later versions of Polars refuse a first row that is too short unless told so.
_FILLS_UP = "missing_columns" in inspect.signature(pl.scan_csv).parameters
_FILL_UP: dict[str, Any] = {"missing_columns": "insert"} if _FILLS_UP else {}
_OPEN = pl.Unknown  # a column of text whose type is settled when all of it is there

Types = dict[str, pl.datatypes.DataTypeClass]


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
    frame, rows, more = _TextFile(content, dialect, names, every).read(as_text)
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


@dataclass(frozen=True)
class _TextFile:
    """A text in UTF-8 whose dialect and column names are known."""

    content: Content
    dialect: Dialect
    names: list[str]
    every: int

    def read(self, as_text: frozenset[str]) -> tuple[pl.DataFrame, int, list[Notice]]:
        """The typed columns, the rows of the whole text, what to tell about them."""
        types = self._first_types() | dict.fromkeys(as_text, pl.String)
        try:
            frame = self._collect(self._typed(types))
        except PolarsError:  # a number that is none, or a fault in the structure
            types = {name: pl.String if name in as_text else _OPEN for name in self.names}
            frame = self._as_text()
        misfits = _misfits(frame)
        texts = self._collect(self._scan({}).select(misfits)) if misfits else pl.DataFrame()
        open_or_misfit = {name for name in self.names if types[name] is _OPEN}.union(misfits)
        notices: list[Notice] = []
        columns = []
        for name in self.names:
            column = texts[name] if name in texts.schema else frame[name]
            if name in open_or_misfit:
                column, notice = settle(column, self.dialect.decimal, self.dialect.thousands)
                notices += [notice] if notice else []
            columns.append(emptied(column) if column.dtype == pl.String else column)
        return self._complete(pl.DataFrame(columns), notices)

    @property
    def _signs(self) -> dict[str, Any]:
        """How the text is cut into rows and cells, in the words of Polars."""
        return {
            "has_header": False,
            "skip_rows": self.dialect.skip,
            "separator": self.dialect.delimiter,
            "quote_char": self.dialect.quote,
            "eol_char": self.dialect.newline,
            "decimal_comma": self.dialect.decimal == "," and self.dialect.delimiter != ",",
        }

    def _scan(self, types: Types, source: bytes | None = None) -> pl.LazyFrame:
        """The rows as Polars reads them: columns as text where no type is given."""
        return pl.scan_csv(
            self.content.data if source is None else source,
            schema={name: types.get(name, pl.String) for name in self.names},
            infer_schema_length=0,
            glob=False,
            **_FILL_UP,
            **self._signs,
        )

    def _collect(self, lazy: pl.LazyFrame) -> pl.DataFrame:
        return thinned(lazy, self.every).collect(engine="streaming")

    def _first_types(self) -> Types:
        """The types that the beginning speaks for; ``_OPEN`` where it says too little."""
        sample = _whole_records(self.content.head(SAMPLE), self.dialect)
        try:
            texts = self._scan({}, sample).collect()
            guesses = pl.read_csv(sample, **self._signs, infer_schema_length=None).dtypes
        except PolarsError:
            guesses = []
        if len(guesses) != len(self.names):
            return dict.fromkeys(self.names, _OPEN)
        types: Types = {}
        for name, guess_ in zip(self.names, guesses, strict=True):
            if guess_ in (pl.Int64, pl.Float64, pl.Boolean):
                types[name] = guess_.base_type()
            else:
                column, notice = settle(
                    texts[name].head(_SETTLED), self.dialect.decimal, self.dialect.thousands
                )
                telling = column.dtype == pl.String and notice is None and column.drop_nulls().len()
                types[name] = pl.String if telling else _OPEN
        numbers = [name for name, kind in types.items() if kind in (pl.Int64, pl.Float64)]
        coded = texts.select(pl.col(numbers).str.contains(CODE).any()).row(0) if numbers else ()
        codes = [name for name, is_code in zip(numbers, coded, strict=True) if is_code]
        return types | dict.fromkeys(codes, pl.String)

    def _typed(self, types: Types) -> pl.LazyFrame:
        """Columns in these types; whole numbers with marks on the cells that are none."""
        native: Types = {
            name: kind for name, kind in types.items() if kind in (pl.Float64, pl.Boolean)
        }
        whole = [name for name in self.names if types[name] is pl.Int64]
        if not whole:
            return self._scan(native)
        texts = pl.col(whole)
        marks = ~texts.str.contains(_WHOLE)
        return self._scan(native).select(
            pl.exclude(whole), texts.cast(pl.Int64, strict=False), marks.name.suffix(_MARK)
        )

    def _as_text(self) -> pl.DataFrame:
        """All columns as text. Raises DataError where a line cannot be cut into cells."""
        try:
            return self._collect(self._scan({}))
        except PolarsError:
            structure = examine(self.content, self.dialect)
            if structure.error is not None:
                raise structure.error from None
            if structure.rows == len(structure.blank):
                raise self._no_rows() from None
            line = stray_quote_line(self.content, self.dialect)
            if line is not None:
                raise broken_quote(self.content, self.dialect, line) from None
            raise

    def _no_rows(self) -> DataError:
        return DataError("E-DATA-006", source=self.content.name, columns=len(self.names))

    def _complete(
        self, frame: pl.DataFrame, notices: list[Notice]
    ) -> tuple[pl.DataFrame, int, list[Notice]]:
        """The frame without blank lines, if no row lacks cells."""
        rows = frame.height
        if self.every > 1:
            rows = int(self._scan({}).select(pl.len()).collect(engine="streaming").item())
        blank = self._blank(frame, rows)
        if blank is not None:
            notices.append(blank_notice(blank))
            frame = frame.filter(~blank)
            rows = frame.height
        if not frame.height:
            raise self._no_rows()
        return frame, rows, notices

    def _blank(self, frame: pl.DataFrame, rows: int) -> pl.Series | None:
        """Marks on the rows that are blank lines; None without any.

        Polars fills up short rows. They end in an empty cell, and delimiters are missing.
        """
        width = len(self.names)
        if width == 1 or not frame[self.names[-1]].null_count():
            return None
        due = self.dialect.delimiters_before + rows * (width - 1)
        missing = due - count_delimiters(self.content, self.dialect)
        if not missing:
            return None
        empty = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
        if self.every == 1 and missing == int(empty.sum()) * (width - 1):
            return empty
        structure = examine(self.content, self.dialect)
        if structure.error is not None and structure.error.code == "E-DATA-007":
            raise structure.error
        if self.every > 1 or not structure.blank:
            return None
        return pl.int_range(rows, eager=True).is_in(structure.blank)


def _misfits(frame: pl.DataFrame) -> list[str]:
    """Columns of whole numbers that have a cell which is none."""
    found = frame.columns
    marks = [name for name in found if name.endswith(_MARK)]
    any_mark = frame.select(pl.col(marks).any()).row(0) if marks else ()
    return [mark.removesuffix(_MARK) for mark, hit in zip(marks, any_mark, strict=True) if hit]


def _whole_records(sample: bytes, dialect: Dialect) -> bytes:
    """The sample without a last record that may be cut off: up to a line end outside quotes."""
    text = sample.decode("utf-8", "ignore").encode()
    quote = (dialect.quote or "").encode()
    newline = dialect.newline.encode()
    end = len(text)
    inside = bool(quote) and text.count(quote) % 2 == 1
    while (last := text.rfind(newline, 0, end)) >= 0:
        inside ^= bool(quote) and text.count(quote, last, end) % 2 == 1
        end = last
        if not inside:
            return text[: last + 1]
    return text

"""The cells of a delimited text: Polars reads, types are settled over the whole length.

Polars gets the types that the beginning speaks for. Whole numbers that may be codes come in as
text beside a mark on each cell that is none, so that 00501 is not read as 501. Should a column
turn out otherwise further down, it is read again as text and settled there. No cell is lost.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import polars as pl
import polars.selectors as cs
from polars.exceptions import PolarsError

from deeplode.data.cells import CODE, emptied, settle
from deeplode.data.content import Content
from deeplode.data.dialect import SAMPLE, Dialect
from deeplode.data.malformed import broken_quote, count_delimiters, examine, stray_quote_line
from deeplode.data.part import blank_notice, thinned
from deeplode.errors import DataError
from deeplode.messages import Notice

_MARK = "\0"  # after a column's name: the marks on its cells that are no whole numbers
_SETTLED = 1000  # rows that tell what a column of text may become
# Later versions of Polars refuse a first row that is too short unless told so.
_FILLS_UP = "missing_columns" in inspect.signature(pl.scan_csv).parameters
_FILL_UP: dict[str, Any] = {"missing_columns": "insert"} if _FILLS_UP else {}


class Guess(Enum):
    """What the beginning of a column says about all of it."""

    TEXT = auto()
    BOOLEAN = auto()
    REAL = auto()
    WHOLE = auto()
    CODE = auto()  # whole numbers of one length, which may be codes: watched for zeros in front
    OPEN = auto()  # text whose type is settled when all of it is there


_NATIVE = {Guess.BOOLEAN: pl.Boolean, Guess.REAL: pl.Float64, Guess.WHOLE: pl.Int64}
_OF_TYPE: dict[pl.DataType, Guess] = {type_(): guess for guess, type_ in _NATIVE.items()}

Guesses = dict[str, Guess]


@dataclass(frozen=True)
class TextFile:
    """A text in UTF-8 whose dialect and column names are known. every: keep each k-th row."""

    content: Content
    dialect: Dialect
    names: list[str]
    every: int = 1

    def read(self, as_text: frozenset[str]) -> tuple[pl.DataFrame, int, list[Notice]]:
        """The typed columns, the rows of the whole text, what to tell about them.

        Raises DataError for ragged rows and broken quotes, and the error of Polars for a text
        that is not UTF-8.
        """
        frame, guesses = self._first_frame(self._first_guesses(), as_text)
        misfits = _misfits(frame)
        texts = self._collect(self._scan({}).select(cs.by_name(*misfits)))
        notices: list[Notice] = []
        columns = []
        for name in self.names:
            column = texts[name] if name in texts.schema else frame[name]
            if name in texts.schema or guesses[name] is Guess.OPEN:
                column, notice = settle(column, self.dialect.decimal, self.dialect.thousands)
                notices += [notice] if notice else []
            columns.append(emptied(column) if column.dtype == pl.String else column)
        return self._complete(pl.DataFrame(columns), notices)

    def _first_frame(
        self, guesses: Guesses, as_text: frozenset[str]
    ) -> tuple[pl.DataFrame, Guesses]:
        """The columns as guessed, or with fewer guesses where the text refutes them."""
        guesses = guesses | dict.fromkeys(as_text, Guess.TEXT)
        try:
            return self._collect(self._typed(guesses)), guesses
        except PolarsError as error:  # a number that is none, or a fault in the structure
            in_whole_numbers = "`i64`" in str(error)
        watched = {name: _watched(guess) for name, guess in guesses.items()}
        if in_whole_numbers:
            try:
                return self._collect(self._typed(watched)), watched
            except PolarsError:  # not only there
                pass
        guesses = {name: Guess.TEXT if name in as_text else Guess.OPEN for name in self.names}
        return self._as_text(), guesses

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

    def _scan(self, guesses: Guesses, source: bytes | None = None) -> pl.LazyFrame:
        """The rows as Polars reads them: as text what is not guessed to be of another type."""
        return pl.scan_csv(
            self.content.data if source is None else source,
            schema={
                name: _NATIVE.get(guesses.get(name, Guess.TEXT), pl.String) for name in self.names
            },
            infer_schema_length=0,
            glob=False,
            **_FILL_UP,
            **self._signs,
        )

    def _collect(self, lazy: pl.LazyFrame) -> pl.DataFrame:
        return thinned(lazy, self.every).collect(engine="streaming")

    def _first_guesses(self) -> Guesses:
        """What the beginning says about each column."""
        sample = _whole_records(self.content.head(SAMPLE), self.dialect)
        try:
            texts = self._scan({}, sample).collect()
            types = pl.read_csv(sample, **self._signs, infer_schema_length=None).dtypes
        except PolarsError:
            types = []
        if len(types) != len(self.names):
            return dict.fromkeys(self.names, Guess.OPEN)
        guesses = {
            name: _OF_TYPE.get(type_) or self._guess_text(texts[name].head(_SETTLED))
            for name, type_ in zip(self.names, types, strict=True)
        }
        numbers = cs.by_name(*(n for n, guess in guesses.items() if guess in _NATIVE))
        coded = texts.select(numbers.str.contains(CODE).any())
        lengths = texts.select(numbers.str.len_bytes().min())
        longest = texts.select(numbers.str.len_bytes().max())
        for name in coded.columns:
            if coded[name].item():
                guesses[name] = Guess.TEXT
            elif guesses[name] is Guess.WHOLE and lengths[name].item() == longest[name].item() > 1:
                guesses[name] = Guess.CODE
        return guesses

    def _guess_text(self, text: pl.Series) -> Guess:
        """Whether a column that Polars takes for text stays so."""
        column, notice = settle(text, self.dialect.decimal, self.dialect.thousands)
        stays = column.dtype == pl.String and notice is None and column.null_count() < len(column)
        return Guess.TEXT if stays else Guess.OPEN

    def _typed(self, guesses: Guesses) -> pl.LazyFrame:
        """Columns in the types guessed; beside possible codes marks on cells that are such."""
        lazy = self._scan(guesses)
        codes = [name for name in self.names if guesses[name] is Guess.CODE]
        if not codes:
            return lazy
        text = cs.by_name(*codes)
        number = text.cast(pl.Int64, strict=False)
        none = number.is_null() & text.is_not_null()
        zeros = (text > "0") & (text < "1")  # 0… in the order of text
        signs = (text >= "+") & (text < "-1")  # +… and -0…
        return lazy.select(~text, number, (none | zeros | signs).name.suffix(_MARK))

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


def _watched(guess: Guess) -> Guess:
    return Guess.CODE if guess is Guess.WHOLE else guess


def _misfits(frame: pl.DataFrame) -> list[str]:
    """Columns of possible codes that have a cell which is no plain whole number."""
    marked = frame.select(cs.ends_with(_MARK).any())
    return [name.removesuffix(_MARK) for name in marked.columns if marked[name].item()]


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

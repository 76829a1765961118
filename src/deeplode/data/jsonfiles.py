"""JSON (a list of records, or lists by column) and JSON Lines (a record a line)."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from deeplode.data.cells import settle
from deeplode.data.content import Content, Scratch
from deeplode.data.dialect import SAMPLE
from deeplode.data.encoding import as_utf8, guess, named
from deeplode.data.part import Part
from deeplode.errors import DataError
from deeplode.messages import Notice

_RECORDS = re.compile(rb"\s*\[")
_FAILURES = (PolarsError, PanicException, OSError)


def read_json(content: Content, scratch: Scratch, encoding: str | None = None) -> Part:
    """Read one JSON file: ``[{"a": 1}, …]`` or ``{"a": [1, …], …}``.

    Raises DataError naming the line of invalid JSON, and for JSON that is no table.
    """
    content, used = _utf8(content, scratch, encoding)
    frame = None
    if _RECORDS.match(content.head(SAMPLE)):
        try:
            frame = pl.read_json(content.data, infer_schema_length=None)
        except _FAILURES:
            frame = None
    if frame is None:
        frame = _as_table(content, _parsed(content))
    return _part(content, frame, "json", used)


def read_jsonl(content: Content, scratch: Scratch, encoding: str | None = None) -> Part:
    """Read one JSON Lines file. Raises DataError naming the line that is no record."""
    content, used = _utf8(content, scratch, encoding)
    try:
        lazy = pl.scan_ndjson(content.data, infer_schema_length=None)
        frame = lazy.collect(engine="streaming")
    except _FAILURES:
        frame = _as_table(content, _parsed_lines(content))
    return _part(content, frame, "jsonl", used)


def _utf8(content: Content, scratch: Scratch, encoding: str | None) -> tuple[Content, str]:
    head = content.head(SAMPLE)
    if not head.strip():
        raise DataError("E-DATA-005", source=content.name)
    used = named(encoding) if encoding else guess(head)
    if used.name != "utf-8" or head.startswith(b"\xef\xbb\xbf"):
        content = scratch.keep(content.name, as_utf8(content, used))
    return content, used.name


def _part(content: Content, frame: pl.DataFrame, format_: str, encoding: str) -> Part:
    if not frame.height or not frame.width:
        raise DataError("E-DATA-006", source=content.name, columns=frame.width)
    notices: list[Notice] = []
    for column in frame.iter_columns():
        if column.dtype == pl.String:
            _, notice = settle(column)
            notices += [notice] if notice and notice.code == "W-READ-004" else []
    reading = {"format": format_, "encoding": encoding}
    return Part(frame, frame.height, reading, tuple(notices))


def _parsed(content: Content) -> Any:
    """The document, read by Python: takes what Polars does not, and knows the line of faults."""
    with content.open() as stream:
        try:
            return json.loads(stream.read().decode("utf-8"))
        except UnicodeDecodeError as error:
            raise _undecodable(content, error) from error
        except json.JSONDecodeError as error:
            raise _invalid(content, error.lineno, error) from error
        except RecursionError as error:
            raise DataError("E-DATA-014", source=content.name, holds="nesting") from error


def _parsed_lines(content: Content) -> list[Any]:
    """The records of JSON Lines, read by Python."""
    records = []
    with content.open() as stream:
        for line, text in enumerate(stream, 1):
            if not text.strip():
                continue
            try:
                record = json.loads(text)
            except UnicodeDecodeError as error:
                raise _undecodable(content, error, line) from error
            except json.JSONDecodeError as error:
                raise _invalid(content, line, error) from error
            except RecursionError as error:
                raise DataError("E-DATA-014", source=content.name, holds="nesting") from error
            if not isinstance(record, dict):
                holds = type(record).__name__
                raise DataError("E-DATA-014", source=content.name, holds=holds, row=line)
            records.append(record)
    return records


def _invalid(content: Content, line: int, error: json.JSONDecodeError) -> DataError:
    return DataError(
        "E-DATA-013", source=content.name, row=line, position=error.colno, reason=error.msg
    )


def _undecodable(content: Content, error: UnicodeDecodeError, line: int = 0) -> DataError:
    row = line or error.object.count(b"\n", 0, error.start) + 1
    bad = error.object[error.start : error.start + 4].hex(" ")
    return DataError(
        "E-DATA-015",
        source=content.name,
        row=row,
        offset=error.start,
        value=bad,
        encoding="utf-8",
    )


def _as_table(content: Content, document: Any) -> pl.DataFrame:
    """A list of records, or a record of lists, as columns."""
    if isinstance(document, list) and all(isinstance(record, dict) for record in document):
        keys = dict.fromkeys(key for record in document for key in record)
        columns = {key: [record.get(key) for record in document] for key in keys}
    elif isinstance(document, dict) and all(isinstance(cells, list) for cells in document.values()):
        columns = document
    else:
        raise DataError("E-DATA-014", source=content.name, holds=type(document).__name__)
    if len({len(cells) for cells in columns.values()}) > 1:
        raise DataError("E-DATA-014", source=content.name, holds="lists of unequal length")
    return pl.DataFrame([_column(name, cells) for name, cells in columns.items()])


def _column(name: str, cells: list[Any]) -> pl.Series:
    """One column; whole and real numbers become real ones, other mixtures text."""
    if all(cell is None or type(cell) in (int, float) for cell in cells):
        with contextlib.suppress(OverflowError):
            return pl.Series(name, cells, strict=False)
    try:
        return pl.Series(name, cells, strict=True)
    except (TypeError, OverflowError, UnicodeEncodeError, PolarsError):
        texts = [None if cell is None else _text(cell) for cell in cells]
        return pl.Series(name, texts, dtype=pl.String)


def _text(cell: Any) -> str:
    spoken = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
    return spoken.encode("utf-8", "replace").decode("utf-8")

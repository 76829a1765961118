"""The outside world -> Table: files, globs, standard input, demos, frames in memory."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from deeplode.data.columnar import read_arrow, read_parquet
from deeplode.data.content import CHUNK, Content, Scratch, explained, recognise, unpacked
from deeplode.data.delimited import read_delimited
from deeplode.data.demo import demo
from deeplode.data.dialect import Signs
from deeplode.data.encoding import named
from deeplode.data.features import beside
from deeplode.data.frames import from_memory, is_frame
from deeplode.data.join import agreeing, table_of
from deeplode.data.jsonfiles import read_json, read_jsonl
from deeplode.data.media import ENDINGS, FOLDER, placed, read_files, read_folder
from deeplode.data.names import settle_names
from deeplode.data.npz import read_npz
from deeplode.data.part import Part
from deeplode.data.plain import plain_columns
from deeplode.data.sources import (
    COMPRESSIONS,
    File,
    find,
    format_of,
    unknown_extension,
)
from deeplode.data.spreadsheet import read_xlsx
from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.messages import Notice
from deeplode.readoptions import ReadOptions

DEMO = "demo:"
_SPOKEN = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "none": ""}


def read(source: Any, options: ReadOptions | None = None, **settings: Any) -> Table:
    """Read a source as a table.

    source: a path (``.csv .tsv .txt .json .jsonl .ndjson .parquet .arrow .feather .xlsx``, each
        also ``.gz`` or ``.zst``; ``.npz`` of images), a glob, a list of these, a folder of images
        or sounds, some of these themselves, ``"-"`` for standard input,
        ``"demo:wine"``; or a frame of pandas, Polars, Arrow or whatever hands over Arrow data,
        a NumPy array (columns ``x0``, ``x1``, …), a dict of columns.
    options, settings: see ``deeplode.options.ReadOptions``; ``read(path, encoding="big5")``.
    Returns a table with at least one row. How it was read stands in ``reading``, what the user
    should know in ``notices``. Raises DataError for what cannot be read, naming the place, and
    OptionError for settings that make no sense.
    """
    options = (options or ReadOptions()).with_values(settings)
    signs(options)  # say at once when they make no sense
    if options.encoding is not None:
        named(options.encoding)
    if isinstance(source, Table):
        return source
    table = _read(source, options)
    return table if options.features is None else beside(table, options.features, options.every)


def _read(source: Any, options: ReadOptions) -> Table:
    if isinstance(source, str) and source.startswith(DEMO):
        frame = demo(source.removeprefix(DEMO))
        return _whole(frame, source, {"format": "demo"}, [], options.every)
    if is_frame(source):
        frame, notices = from_memory(source)
        if not frame.height:
            raise DataError("E-DATA-006", source=type(source).__name__, columns=frame.width)
        reading = {"format": type(source).__module__.partition(".")[0]}
        return _whole(frame, "data", reading, notices, options.every)
    with explained(str(source)):
        files = find(source)
        media = _media(files, options.every)
    if media is not None:
        return media
    parts = [_read_file(file, options) for file in files]
    name = files[0].name
    if len(files) > 1:
        names = [file.name for file in files]
        parts = agreeing(parts, names, lambda at, text: _read_file(files[at], options, text))
        name = source if isinstance(source, str) else f"{name} (+{len(files) - 1})"
    return table_of(parts, name, options.every)


def _media(files: tuple[File, ...], every: int) -> Table | None:
    """The table of a folder or of files that are images or sounds; None for other files."""
    paths = [file.path for file in files if file.path is not None]
    if files[0].format == FOLDER:
        return read_folder(paths[0], every)
    if any(file.format in ENDINGS for file in files):
        return read_files(paths, [file.name for file in files], every)
    return None


def signs(options: ReadOptions) -> Signs:
    """The part of the options that is about delimited text.

    Raises OptionError for a sign that cannot be one.
    """
    said = (options.delimiter, options.quote, options.decimal, options.thousands)
    delimiter, quote, decimal, thousands = (_SPOKEN.get(sign or "", sign) for sign in said)
    return Signs(delimiter, quote, decimal, thousands, options.header)


def _whole(
    frame: pl.DataFrame, name: str, reading: dict[str, Any], notices: list[Notice], every: int
) -> Table:
    """A table of what is in memory anyway."""
    part = Part(frame.gather_every(every), frame.height, reading, tuple(notices))
    return table_of([part], name, every)


def _read_file(file: File, options: ReadOptions, as_text: frozenset[str] = frozenset()) -> Part:
    with explained(file.name), Scratch() as scratch:
        content, compression = _content(file, scratch)
        if compression:
            content = unpacked(content, compression, scratch)
        format_ = options.format or file.format
        if format_ is None and file.path is not None:
            raise unknown_extension(file)
        format_ = format_ or format_of(content)
        part = _read_content(content, scratch, format_, options, as_text)
    names, notices = settle_names(part.frame.columns)
    frame, more = plain_columns(
        part.frame.rename(dict(zip(part.frame.columns, names, strict=True)))
    )
    if not frame.height or not frame.width:
        raise DataError("E-DATA-006", source=file.name, columns=frame.width)
    frame = placed(frame, (file.path.parent if file.path else Path()).absolute())
    reading = {"format": format_, "compression": compression or ""} | part.reading
    return replace(part, frame=frame, reading=reading, notices=(*part.notices, *notices, *more))


def _content(file: File, scratch: Scratch) -> tuple[Content, str | None]:
    """The bytes of a file or of standard input, and how they are packed."""
    if file.path is not None:
        with file.path.open("rb"):  # fails here, not somewhere inside a reader
            return Content(file.name, file.path), file.compression
    content = scratch.keep(file.name, iter(lambda: sys.stdin.buffer.read(CHUNK), b""))
    known = recognise(content.head(16))
    return content, known[0] if known and known[0] in COMPRESSIONS.values() else None


def _read_content(
    content: Content, scratch: Scratch, format_: str, options: ReadOptions, as_text: frozenset[str]
) -> Part:
    encoding, every = options.encoding, options.every
    if format_ == "csv":
        return read_delimited(content, scratch, signs(options), encoding, every, as_text)
    if format_ == "parquet":
        return read_parquet(content, every)
    if format_ == "arrow":
        return read_arrow(content, every)
    if format_ == "npz":
        return read_npz(content, every)
    if format_ == "xlsx":
        return read_xlsx(content, options.sheet, options.header, every)
    reader = read_json if format_ == "json" else read_jsonl
    part = reader(content, scratch, encoding)
    return replace(part, frame=part.frame.gather_every(every))

"""Parquet, Arrow and Feather files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import psutil
import pyarrow as pa
from polars.exceptions import PanicException, PolarsError

from deeplode.data.content import Content
from deeplode.data.names import settle_names
from deeplode.data.part import Part, thinned
from deeplode.errors import DataError

_ARROW_FILE = b"ARROW1"
_CELL = 1  # bytes a cell takes at the very least, in the check that a file is no bomb


def read_parquet(content: Content, every: int = 1) -> Part:
    """Read one Parquet file, types as they stand in it."""
    _must_begin(content, b"PAR1", "Parquet")
    with refused(content, "Parquet"):
        lazy = pl.scan_parquet(content.data, glob=False)
        width = len(lazy.collect_schema())
        rows = int(lazy.select(pl.len()).collect().item())
        _must_fit(content, rows * width // every)
        frame = thinned(lazy, every).collect(engine="streaming")
    return Part(frame, rows, {"format": "parquet"})


def read_arrow(content: Content, every: int = 1) -> Part:
    """Read one Arrow file or stream; Feather is the former.

    Arrow's own library reads, as it checks what a damaged file claims before it is used.
    """
    head = content.head(8)
    is_file = head.startswith(_ARROW_FILE)
    if not head.startswith(b"\xff\xff\xff\xff"):
        _must_begin(content, _ARROW_FILE, "Arrow")
    with refused(content, "Arrow"):
        source = pa.py_buffer(content.data) if isinstance(content.data, bytes) else content.data
        with pa.input_stream(source) if not is_file else _random_access(source) as stream:
            opened = pa.ipc.open_file(stream) if is_file else pa.ipc.open_stream(stream)
            table = opened.read_all()
        table.validate(full=True)
        names, _ = settle_names(table.column_names)
        frame = pl.DataFrame(table.rename_columns(names))
    return Part(frame.gather_every(every), frame.height, {"format": "arrow"})


def _random_access(source: Path | pa.Buffer) -> pa.NativeFile:
    return pa.OSFile(str(source)) if isinstance(source, Path) else pa.BufferReader(source)


def _must_begin(content: Content, beginning: bytes, spoken: str) -> None:
    if not content.size:
        raise DataError("E-DATA-005", source=content.name)
    if not content.head(len(beginning)).startswith(beginning):
        raise DataError(
            "E-DATA-012", source=content.name, format=spoken, reason="wrong first bytes"
        )


def _must_fit(content: Content, cells: int) -> None:
    """Refuse a small file that claims more cells than the machine has bytes."""
    if cells * _CELL > psutil.virtual_memory().available:
        raise DataError("E-DATA-017", source=content.name, packed=content.size, size=cells)


@contextlib.contextmanager
def refused(content: Content, spoken: str) -> Iterator[None]:
    """Turn a reader's own errors into ours; a file whose end is missing is said to be so."""
    try:
        yield
    except (PolarsError, pa.ArrowException, OSError, MemoryError, PanicException) as error:
        if not _ends_well(content):
            raise DataError("E-DATA-011", source=content.name, format=spoken) from error
        reason = str(error).splitlines()[0]
        raise DataError("E-DATA-012", source=content.name, format=spoken, reason=reason) from error


def _ends_well(content: Content) -> bool:
    """Whether the last bytes are those that such files close with."""
    with content.open() as stream:
        head = stream.read(6)
        stream.seek(max(0, content.size - 8))
        tail = stream.read()
    if head.startswith(b"PAR1"):
        return tail.endswith(b"PAR1")
    if head == _ARROW_FILE:
        return tail.endswith(_ARROW_FILE)
    return tail == b"\xff\xff\xff\xff\0\0\0\0"  # the end mark of an Arrow stream

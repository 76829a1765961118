"""Parquet, Arrow and Feather files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import polars as pl
import psutil
from polars.exceptions import PanicException, PolarsError

from deeplode.data.content import Content
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
    """Read one Arrow file or stream; Feather is the former."""
    head = content.head(8)
    if not head.startswith((_ARROW_FILE, b"\xff\xff\xff\xff")):
        _must_begin(content, _ARROW_FILE, "Arrow")
    with refused(content, "Arrow"):
        if head.startswith(_ARROW_FILE):
            lazy = pl.scan_ipc(content.data, glob=False)
        else:
            lazy = pl.read_ipc_stream(content.data).lazy()
        rows = int(lazy.select(pl.len()).collect().item())
        _must_fit(content, rows * len(lazy.collect_schema()) // every)
        frame = thinned(lazy, every).collect(engine="streaming")
    return Part(frame, rows, {"format": "arrow"})


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
    except (PolarsError, OSError, PanicException) as error:
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

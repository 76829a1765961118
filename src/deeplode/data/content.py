"""The bytes of a source, unpacked and kept where Polars can read them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import psutil
import pyarrow as pa

from deeplode.errors import DataError

CHUNK = 1 << 20  # bytes read at a time
IN_MEMORY = 1 << 26  # bytes kept in memory before a temporary file takes them
BOMB_SIZE = 1 << 27  # unpacked bytes from which the ratio is looked at
BOMB_RATIO = 1000  # no table of real data shrinks this much

# How well-known files begin, for saying what a misnamed file holds.
_BEGINNINGS = (
    (b"PAR1", "parquet", "Parquet"),
    (b"ARROW1", "arrow", "Arrow"),
    (b"\xff\xff\xff\xff", "arrow", "Arrow"),
    (b"\x1f\x8b", "gz", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zst", "Zstandard"),
    (b"PK\x03\x04", "xlsx", "zip / Excel"),
    (b"\xd0\xcf\x11\xe0", "xls", "old Excel / password-protected Excel"),
    (b"\x89PNG", "png", "PNG"),
    (b"\xff\xd8\xff", "jpeg", "JPEG"),
    (b"GIF8", "gif", "GIF"),
    (b"%PDF", "pdf", "PDF"),
    (b"\x7fELF", "elf", "ELF"),
    (b"MZ\x90", "exe", "EXE"),
    (b"SQLite format 3", "sqlite", "SQLite"),
    (b"\x89HDF", "hdf5", "HDF5"),
    # Told by their first bytes, to be refused by name; nothing is ever unpickled.
    (b"\x80\x02", "pickle", "pickle"),
    (b"\x80\x03", "pickle", "pickle"),
    (b"\x80\x04", "pickle", "pickle"),
    (b"\x80\x05", "pickle", "pickle"),
    (b"BZh", "bz2", "bzip2"),
    (b"\xfd7zXZ", "xz", "xz"),
    (b"7z\xbc\xaf", "7z", "7z"),
)


def recognise(head: bytes) -> tuple[str, str] | None:
    """The kind of a binary file by its first bytes and its name for people; None for text."""
    for beginning, kind, spoken in _BEGINNINGS:
        if head.startswith(beginning):
            return kind, spoken
    return None


@dataclass(frozen=True)
class Content:
    """Plain bytes, in memory or in a file, and what messages call them."""

    name: str
    data: bytes | Path

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data) if isinstance(self.data, bytes) else self.data.stat().st_size

    def open(self) -> BinaryIO:
        """A stream of the bytes from their beginning."""
        if isinstance(self.data, bytes):
            import io

            return io.BytesIO(self.data)
        return self.data.open("rb")

    def head(self, length: int) -> bytes:
        """The first bytes."""
        with self.open() as stream:
            return stream.read(length)

    def chunks(self) -> Iterator[bytes]:
        """All bytes, some at a time."""
        with self.open() as stream:
            while chunk := stream.read(CHUNK):
                yield chunk


class Scratch:
    """Holds what was unpacked or transcoded, and removes its temporary files at the end."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files = 0

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def keep(self, name: str, chunks: Iterable[bytes]) -> Content:
        """Keep these bytes: in memory while they are few, else in a temporary file."""
        held = bytearray()
        rest = iter(chunks)
        for chunk in rest:
            held += chunk
            if len(held) > IN_MEMORY:
                return Content(name, self._spill(held, rest))
        return Content(name, bytes(held))

    def _spill(self, held: bytearray, rest: Iterator[bytes]) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="deeplode-")
        self._files += 1
        path = Path(self._folder.name) / str(self._files)
        with path.open("wb") as stream:
            stream.write(held)
            held.clear()
            stream.writelines(rest)
        return path


@contextlib.contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what the operating system refuses into errors that name the source."""
    try:
        yield
    except PermissionError as error:
        raise DataError("E-DATA-004", source=name) from error
    except OSError as error:
        raise DataError("E-DATA-026", source=name, reason=error.strerror or str(error)) from error


def unpacked(content: Content, compression: str, scratch: Scratch) -> Content:
    """The content without its gzip or Zstandard packing.

    compression: ``gz`` or ``zst``. Raises DataError for a packed file that is cut short or
    damaged, and for one that would unpack to more than the machine can hold.
    """
    codec = {"gz": "gzip", "zst": "zstd"}[compression]
    return scratch.keep(content.name, _unpack(content, codec))


def _unpack(content: Content, codec: str) -> Iterator[bytes]:
    packed_size = content.size
    room = psutil.virtual_memory().available
    total = 0
    with content.open() as packed, pa.input_stream(packed, compression=codec) as stream:
        while chunk := _next(stream, content.name, codec):
            total += len(chunk)
            bomb = total > BOMB_SIZE and total > BOMB_RATIO * packed_size
            if bomb or total > room:
                raise DataError("E-DATA-017", source=content.name, packed=packed_size, size=total)
            yield chunk


def _next(stream: pa.NativeFile, name: str, codec: str) -> bytes:
    try:
        chunk: bytes = stream.read(CHUNK)
    except OSError as error:
        if "runcated" in str(error):
            raise DataError("E-DATA-011", source=name, format=codec) from error
        raise DataError("E-DATA-012", source=name, format=codec, reason=str(error)) from error
    return chunk

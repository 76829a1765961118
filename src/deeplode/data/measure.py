"""What a source will take, and whether it is the same as before, without reading it all."""

from __future__ import annotations

import hashlib
import zipfile
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from deeplode.data.content import Content, Scratch, explained
from deeplode.data.delimited import read_delimited
from deeplode.data.frames import as_polars, is_frame
from deeplode.data.media import ENDINGS, FOLDER, media_files
from deeplode.data.read import DEMO, signs
from deeplode.data.sources import File, find
from deeplode.errors import DataError, OptionError
from deeplode.readoptions import ReadOptions

_SAMPLE = 1 << 20  # bytes of a text that are read to know its rows and types
_GROWTH = {
    "csv": 1.5,
    "json": 1.5,
    "jsonl": 1.5,
    "arrow": 1.0,
    "xlsx": 0.5,
    "npz": 1.0,
}  # memory for a byte
_TEXT = 24  # bytes of a text cell, as Polars keeps short ones
_LOOKS = 16  # places of a file that a fingerprint looks at
_LOOK = 1 << 16  # bytes at each
_ROWS = 10_000  # rows of a frame that a fingerprint looks at
_DEMO_SIZE = 1 << 20
_PATH = 200  # bytes that the path of an image or sound takes


class SizeEstimate(NamedTuple):
    """rows: None where only reading would tell. bytes_in_memory: of the columns; 0 = unknown."""

    rows: int | None
    bytes_in_memory: int


def size_estimate(source: Any, options: ReadOptions | None = None) -> SizeEstimate:
    """How many rows a source has and what its columns will take in memory, from a brief look.

    Parquet and Arrow say their rows; those of text are reckoned from its beginning. Standard
    input tells nothing. Raises DataError for a source that is not there.
    """
    options = options or ReadOptions()
    if isinstance(source, str) and source.startswith(DEMO):
        return SizeEstimate(None, _DEMO_SIZE)
    if is_frame(source):
        frame = as_polars(source)
        return SizeEstimate(frame.height, int(frame.estimated_size()))
    with explained(str(source)):
        sizes = [_file_size(file, options) for file in find(source)]
    rows = [size.rows for size in sizes]
    counted = None if None in rows else sum(count or 0 for count in rows)
    return SizeEstimate(counted, sum(size.bytes_in_memory for size in sizes))


def fingerprint(source: Any) -> str | None:
    """A digest that changes when the data change; None for standard input, which comes once.

    Of files it covers the size and evenly spread pieces, head and tail among them; of frames
    the names, types, shape and evenly spread rows. Where a file lies does not matter.
    """
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(source, str) and source.startswith(DEMO):
        digest.update(source.encode())
        return digest.hexdigest()
    if is_frame(source):
        frame = as_polars(source)
        digest.update(repr((frame.shape, frame.schema)).encode())
        rows = frame.gather_every(max(1, frame.height // _ROWS))
        digest.update(rows.hash_rows(seed=0).to_numpy().tobytes())
        return digest.hexdigest()
    with explained(str(source)):
        for file in find(source):
            if file.path is None:
                return None
            if file.format == FOLDER:
                digest.update(_listing(file))
                continue
            size = file.path.stat().st_size
            digest.update(f"{file.format} {size}\n".encode())
            with file.path.open("rb") as stream:
                for start in np.linspace(0, max(0, size - _LOOK), _LOOKS).astype(int):
                    stream.seek(int(start))
                    digest.update(stream.read(_LOOK))
    return digest.hexdigest()


def _listing(file: File) -> bytes:
    """What is in a folder of media, by names and sizes."""
    assert file.path is not None
    found, _ = media_files(file.path)
    return "".join(f"{one.place} {one.path.stat().st_size}\n" for one in found).encode()


def _file_size(file: File, options: ReadOptions) -> SizeEstimate:
    if file.path is None:
        return SizeEstimate(None, 0)
    format_ = options.format or file.format or "csv"
    if format_ == FOLDER:
        count = len(media_files(file.path)[0])
        return SizeEstimate(count, count * _PATH)
    if format_ in ENDINGS:
        return SizeEstimate(1, _PATH)
    packed = file.path.stat().st_size
    if file.compression is None and format_ in ("parquet", "arrow"):
        return _columnar_size(file, format_)
    if format_ in ("xlsx", "npz") and zipfile.is_zipfile(file.path):
        with zipfile.ZipFile(file.path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        return SizeEstimate(None, int(size * _GROWTH[format_]))
    with file.path.open("rb") as stream:
        head, ratio = _unpacked_head(stream, file.compression)
    size = int(max(len(head), packed * ratio))
    if format_ == "csv" and head:
        return _text_size(Content(file.name, head), size, options)
    lines = head.count(b"\n")
    rows = round(size * lines / len(head)) if format_ == "jsonl" and lines else None
    return SizeEstimate(rows, int(size * _GROWTH.get(format_, 3.0)))


def _columnar_size(file: File, format_: str) -> SizeEstimate:
    assert file.path is not None
    scan = pl.scan_parquet if format_ == "parquet" else pl.scan_ipc
    try:
        lazy = scan(file.path, glob=False)
        rows = int(lazy.select(pl.len()).collect().item())
        types = lazy.collect_schema().dtypes()
    except (
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        OSError,
    ):  # reading will say what is wrong
        return SizeEstimate(None, file.path.stat().st_size)
    return SizeEstimate(rows, rows * sum(_cell_size(type_) for type_ in types))


def _cell_size(type_: pl.DataType) -> int:
    if type_.is_numeric() or type_.is_temporal():
        return 8
    return 1 if type_ == pl.Boolean else _TEXT


def _unpacked_head(stream: BinaryIO, compression: str | None) -> tuple[bytes, float]:
    """The first bytes without packing, and how many times the packing shrank them."""
    if compression is None:
        return stream.read(_SAMPLE), 1.0
    codec = {"gz": "gzip", "zst": "zstd"}[compression]
    try:
        with pa.input_stream(pa.PythonFile(stream, "r"), compression=codec) as unpacked:
            head = bytes(unpacked.read(_SAMPLE))
            return head, len(head) / max(1, stream.tell())
    except OSError:  # reading will say what is wrong
        return b"", 10.0


def _text_size(head: Content, size: int, options: ReadOptions) -> SizeEstimate:
    """What a delimited text becomes, judged by its beginning."""
    whole = head.size == size
    data = head.data if isinstance(head.data, bytes) else b""
    lines = Content(head.name, data if whole else data[: data.rfind(b"\n") + 1])
    try:
        with Scratch() as scratch:
            part = read_delimited(lines, scratch, signs(options), options.encoding)
    except (DataError, OptionError):  # reading will say what is wrong
        return SizeEstimate(None, int(size * _GROWTH["csv"]))
    share = size / max(1, lines.size)
    return SizeEstimate(round(part.rows * share), int(part.frame.estimated_size() * share))

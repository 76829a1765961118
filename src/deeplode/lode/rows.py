"""The probe of a model file: a few rows and the answers expected of them, as an Arrow IPC stream.

It has one schema message and one batch message of plain columns; no dictionaries, no nesting, no
extension types and no compression, so that nothing in it can grow. Arrow does not look into the
buffers while it reads them, so everything is validated before the first value is touched
(https://arrow.apache.org/docs/format/Security.html).
"""

from __future__ import annotations

import struct
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import types

from deeplode.errors import ModelFileError

MAX_ROWS = 1_000
MAX_COLUMNS = 100_000

_PLAIN = (
    types.is_null, types.is_boolean, types.is_integer, types.is_floating, types.is_decimal128,
    types.is_large_string, types.is_large_binary, types.is_date32, types.is_time64,
    types.is_timestamp, types.is_duration,
)  # fmt: skip
_INPUT, _ANSWER = "input:", "answer:"
_BATCH_LENGTH, _BATCH_COMPRESSION = 0, 3  # fields of RecordBatch in Arrow's Message.fbs


def join_answers(inputs: pl.DataFrame, answers: np.ndarray) -> pl.DataFrame:
    """Rows and answers as one frame. answers: (rows,) or (rows, outputs) float64."""
    columns = flat(answers).T
    answer_columns = [pl.Series(f"{_ANSWER}{at}", column) for at, column in enumerate(columns)]
    named = inputs.rename({name: _INPUT + name for name in inputs.columns})
    return named.with_columns(answer_columns)


def flat(answers: np.ndarray) -> np.ndarray:
    """(rows,) or (rows, outputs) as (rows, outputs), of no row, too."""
    return answers.reshape(len(answers), int(np.prod(answers.shape[1:])))


def split_answers(frame: pl.DataFrame) -> tuple[pl.DataFrame, np.ndarray]:
    """Take ``join_answers`` apart: inputs, and answers of shape (rows, outputs)."""
    inputs = [name for name in frame.columns if name.startswith(_INPUT)]
    answers = [name for name in frame.columns if name.startswith(_ANSWER)]
    named = frame.select(inputs).rename({name: name.removeprefix(_INPUT) for name in inputs})
    return named, frame.select(answers).to_numpy().astype(np.float64, copy=False)


def dump(frame: pl.DataFrame) -> bytes:
    """The frame as an Arrow stream; categories become strings, 128-bit integers become floats.

    Raises ValueError for more rows or other types than ``load`` takes.
    """
    wide = [name for name, kind in frame.schema.items() if str(kind).endswith("Int128")]
    plain = frame.with_columns(
        pl.col(pl.Categorical, pl.Enum).cast(pl.String), pl.col(wide).cast(pl.Float64)
    )
    table = plain.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
    refused = [field.name for field in table.schema if not _is_plain(field)]
    if refused or table.num_rows > MAX_ROWS or table.num_columns > MAX_COLUMNS:
        raise ValueError(f"the probe cannot be saved: {table.num_rows} rows, {refused}.")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        batches = table.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)]
        writer.write_batch(batches[0])
    content: bytes = sink.getvalue().to_pybytes()
    return content


def load(data: bytes | bytearray, source: str) -> pl.DataFrame:
    """The frame in an Arrow stream. Raises ModelFileError for what ``dump`` would not write."""
    try:
        stream = pa.BufferReader(data)
        schema = _schema(pa.ipc.read_message(stream))
        message = pa.ipc.read_message(stream)
        rows = _check_batch(message)
        if stream.read() != b"\xff\xff\xff\xff\0\0\0\0":  # the end mark, and nothing after it
            raise ValueError("more than one batch")
        batch = pa.ipc.read_record_batch(message, schema)
        batch.validate(full=True)
        if batch.num_rows != rows or any(len(column) != rows for column in batch.columns):
            raise ValueError("columns of different lengths")
        frame = pl.from_arrow(batch)
    except (pa.ArrowException, ValueError, TypeError, EOFError, OSError, struct.error) as error:
        raise ModelFileError("E-MODEL-012", source=source) from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise ModelFileError("E-MODEL-012", source=source) from error
    if not isinstance(frame, pl.DataFrame):
        raise ModelFileError("E-MODEL-012", source=source)
    return frame


def _schema(message: pa.ipc.Message) -> pa.Schema:
    """The columns announced. Raises ValueError unless all are plain and differ in name."""
    if message.type != "schema":
        raise ValueError("no schema")
    schema = pa.ipc.read_schema(message)
    if len(schema) > MAX_COLUMNS or len(set(schema.names)) != len(schema):
        raise ValueError("too many columns, or a name twice")
    if schema.metadata or not all(map(_is_plain, schema)):
        raise ValueError("a column that is not plain")
    return schema


def _is_plain(field: pa.Field) -> bool:
    kind = field.type
    if types.is_timestamp(kind) and kind.tz is not None:
        try:
            ZoneInfo(kind.tz)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return False
    return not field.metadata and any(is_kind(kind) for is_kind in _PLAIN)


def _check_batch(message: pa.ipc.Message) -> int:
    """Rows of the batch. Raises ValueError or struct.error when it is large or compressed.

    pyarrow would unpack a compressed batch without a limit and does not tell that it is one, so
    two fields are looked up in the message itself, whose structure pyarrow has verified.
    """
    if message.type != "record batch":
        raise ValueError("no batch")
    head = message.metadata.to_pybytes()
    root = struct.unpack_from("<I", head)[0]
    at = _field(head, root, 2)  # Message.header: the RecordBatch table
    batch = at + struct.unpack_from("<I", head, at)[0]
    length = _field(head, batch, _BATCH_LENGTH)
    rows: int = struct.unpack_from("<q", head, length)[0] if length else 0
    if _field(head, batch, _BATCH_COMPRESSION) or not 0 <= rows <= MAX_ROWS:
        raise ValueError("compressed, or too many rows")
    return rows


def _field(head: bytes, table: int, number: int) -> int:
    """Where a field of a flatbuffers table stands; 0 when the table leaves it out."""
    vtable = table - struct.unpack_from("<i", head, table)[0]
    size = struct.unpack_from("<H", head, vtable)[0]
    entry = 4 + 2 * number
    offset = struct.unpack_from("<H", head, vtable + entry)[0] if entry + 2 <= size else 0
    return table + offset if offset else 0

"""The probe: small plain tables come back as they were, everything else is refused."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeplode.errors import ModelFileError
from deeplode.lode import rows


def stream(*tables: pa.RecordBatch, compression: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, tables[0].schema, options=options) as writer:
        for table in tables:
            writer.write_batch(table)
    return bytes(sink.getvalue().to_pybytes())


def column(values: pa.Array, **field: Any) -> pa.RecordBatch:
    schema = pa.schema([pa.field("input:a", values.type, **field)])
    return pa.RecordBatch.from_arrays([values], schema=schema)


def broken_text(old: bytes, new: bytes) -> bytes:
    """A stream of two texts whose buffers are changed: offsets 0, 3, 6 and letters abcdef."""
    batch = column(pa.array(["abc", "def"], pa.large_string()))
    data = stream(batch)
    assert data.count(old) == 1
    return data.replace(old, new)


def many_nothings(claimed: int) -> bytes:
    """A column of nothing, which needs no bytes, and a number of rows that is a lie."""
    data = stream(column(pa.nulls(0x1357)))
    marker = struct.pack("<q", 0x1357)
    assert data.count(marker) >= 2
    return data.replace(marker, struct.pack("<q", claimed))


GOOD = rows.dump(pl.DataFrame({"input:a": [1.0, 2.0]}))
TEXT_OFFSETS = struct.pack("<qqq", 0, 3, 6)
small = pa.array([1.0, 2.0])

PROBES: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "garbage": lambda: b"\xff" * 100,
    "schema-only": lambda: pa.schema([("a", pa.int64())]).serialize().to_pybytes(),
    "file-instead-of-stream": lambda: _arrow_file(),
    "unpacks-to-much": lambda: stream(column(pa.array(np.zeros(900))), compression="zstd"),
    "packed-with-lz4": lambda: stream(column(pa.array(np.zeros(900))), compression="lz4"),
    "packed-by-polars": lambda: _polars_stream(),
    "dictionary": lambda: stream(column(pa.array(["x", "y"]).dictionary_encode())),
    "nested": lambda: stream(column(pa.array([[1], [2]]))),
    "structure": lambda: stream(column(pa.array([{"a": 1}]))),
    "run-ends": lambda: stream(column(pa.RunEndEncodedArray.from_arrays([2], [1.0]))),
    "views": lambda: stream(column(pa.array(["x"], pa.string_view()))),
    "extension": lambda: stream(column(small, metadata={"ARROW:extension:name": "own.code"})),
    "schema-metadata": lambda: stream(column(small).replace_schema_metadata({"pandas": "{}"})),
    "1001-rows": lambda: stream(column(pa.nulls(1001))),
    "rows-without-end": lambda: many_nothings(2**62),
    "rows-negative": lambda: many_nothings(-1),
    "two-batches": lambda: stream(column(small), column(small)),
    "no-batch": lambda: _no_batch(),
    "more-after-the-end": lambda: GOOD + b"more",
    "end-mark-missing": lambda: GOOD[:-8],
    "offset-outside": lambda: broken_text(TEXT_OFFSETS, struct.pack("<qqq", 0, 3, 2**40)),
    "offset-negative": lambda: broken_text(TEXT_OFFSETS, struct.pack("<qqq", -(2**40), 3, 6)),
    "offset-backwards": lambda: broken_text(TEXT_OFFSETS, struct.pack("<qqq", 0, 6, 3)),
    "not-utf-8": lambda: broken_text(b"abcdef", b"abc\xff\xff\xff"),
    "time-zone-that-is-none": lambda: stream(column(pa.array([0], pa.timestamp("us", "../../x")))),
    "name-twice": lambda: stream(
        pa.RecordBatch.from_arrays([small, small], names=["input:a", "input:a"])
    ),
}


def _arrow_file() -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, column(small).schema) as writer:
        writer.write_batch(column(small))
    return bytes(sink.getvalue().to_pybytes())


def _polars_stream() -> bytes:
    file = io.BytesIO()
    pl.DataFrame({"input:a": [0.0] * 900}).write_ipc_stream(file, compression="zstd")
    return file.getvalue()


def _no_batch() -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, column(small).schema):
        pass
    return bytes(sink.getvalue().to_pybytes())


@pytest.mark.parametrize("case", PROBES)
def test_a_probe_that_is_not_small_and_plain_is_refused(
    case: str, forged: Callable[..., bytes], refused: Callable[[bytes], ModelFileError]
) -> None:
    assert refused(forged({"probe.arrow": PROBES[case]()})).code == "E-MODEL-012"


@pytest.mark.parametrize(
    "values", [small, pa.array(["abc", "def"], pa.large_string()), pa.nulls(9)]
)
def test_what_these_probes_are_made_from_is_read(values: pa.Array) -> None:
    assert rows.load(stream(column(values)), "file").height == len(values)


def test_inputs_and_answers_come_apart_as_they_were_joined() -> None:
    inputs = pl.DataFrame({"answer:0": [1, 2], "input:x": ["a", None], "": [True, False]})
    for answers in (np.array([0.1, 1 / 3]), np.array([[0.5, 0.5], [0.1, 0.9]])):
        again, found = rows.split_answers(rows.join_answers(inputs, answers))
        assert again.equals(inputs)
        assert found.tobytes() == answers.tobytes()


PLAIN = [
    *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
    *(pl.Float32, pl.Float64, pl.Boolean, pl.String, pl.Null, pl.Date, pl.Datetime, pl.Decimal),
    *(pl.Duration, pl.Time, pl.Binary),
]


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_plain_frame_comes_back(data: st.DataObject) -> None:
    from polars.testing.parametric import dataframes

    frame = data.draw(dataframes(max_size=5, allowed_dtypes=PLAIN))
    wide = [name for name, kind in frame.schema.items() if str(kind).endswith("Int128")]
    expected = frame.with_columns(pl.col(wide).cast(pl.Float64))
    assert rows.load(rows.dump(frame), "file").equals(expected)


def test_a_probe_without_rows_or_columns_is_a_probe_too() -> None:
    for frame in (pl.DataFrame({"a": ["x"], "b": [1.5]}).clear(), pl.DataFrame()):
        again = rows.load(rows.dump(frame), "file")
        assert again.shape == frame.shape

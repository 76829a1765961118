"""Arrays of numbers as safetensors bytes, checked to the last byte before they are trusted.

Format: https://huggingface.co/docs/safetensors: 8 bytes with the header's length, a JSON header
{name: dtype, shape, data_offsets}, then the arrays one after the other without gaps.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from deeplode.errors import ModelFileError
from deeplode.lode.canonical import check_growth

DTYPES = {
    "BOOL": "|b1", "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "F16": "<f2",
    "U32": "<u4", "I32": "<i4", "F32": "<f4", "U64": "<u8", "I64": "<i8", "F64": "<f8",
}  # fmt: skip
MAX_HEADER = 8 << 20  # bytes
MAX_TENSORS = 20_000
MAX_DIMENSIONS = 6

_NAME = re.compile(r"[A-Za-z0-9_./:-]{1,200}")
_NAMES_OF_DTYPES = {np.dtype(code): name for name, code in DTYPES.items()}


def dump(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The arrays as safetensors; same arrays, same bytes, whatever their order in the mapping.

    Raises ValueError for names, types and numbers that ``load`` would refuse.
    """
    header: dict[str, Any] = {}
    pieces: list[bytes] = []
    offset = 0
    # Wide types first, as the safetensors library does it: every array is aligned to its type.
    for name, array in sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0])):
        dtype = array.dtype.newbyteorder("<")
        problem = _problem(name, array) or ("dtype" if dtype not in _NAMES_OF_DTYPES else None)
        if problem:
            raise ValueError(f"array {name!r} cannot be saved: {problem}, {array.dtype}.")
        data = array.astype(dtype, copy=False).tobytes()
        span = [offset, offset + len(data)]
        header[name] = {
            "dtype": _NAMES_OF_DTYPES[dtype], "shape": list(array.shape), "data_offsets": span
        }  # fmt: skip
        pieces.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *pieces])


def load(data: bytearray, source: str) -> dict[str, np.ndarray]:
    """Arrays that share memory with ``data``: nothing is copied.

    Raises ModelFileError unless the header tells the whole truth about the bytes: known types,
    shapes that fill exactly their span, spans in order without gap or overlap, finite numbers.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length % 8 or length > min(MAX_HEADER, len(data) - 8):
        raise ModelFileError("E-MODEL-010", source=source)
    try:
        text = bytes(data[8 : 8 + length])
        check_growth(text, MAX_TENSORS * (4 + MAX_DIMENSIONS))
        header = json.loads(text.decode("ascii"), object_pairs_hook=_entries)
        if not isinstance(header, dict) or len(header) > MAX_TENSORS:
            raise ValueError("not an object, or too many entries")
        arrays: dict[str, np.ndarray] = {}
        body = memoryview(data)[8 + length :]
        offset = 0
        for name, entry in header.items():
            dtype, shape, size = _entry(entry, offset)
            count = size // dtype.itemsize
            arrays[name] = np.frombuffer(body[offset : offset + size], dtype, count).reshape(shape)
            offset += size
        if offset != len(body):
            raise ValueError("bytes that belong to no array")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelFileError("E-MODEL-010", source=source) from error
    for name, array in arrays.items():
        if problem := _problem(name, array):
            raise ModelFileError("E-MODEL-011", source=source, tensor=name[:80], problem=problem)
    return arrays


def _entries(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the header; no key may come twice."""
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError("a key comes twice")
    return entries


def _entry(entry: Any, offset: int) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Type, shape and bytes of an array that must begin at ``offset``. Raises ValueError."""
    if set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError("unknown keys")
    dtype, shape = np.dtype(DTYPES[entry["dtype"]]), entry["shape"]
    if type(shape) is not list or len(shape) > MAX_DIMENSIONS:
        raise ValueError("shape")
    if any(type(size) is not int or size < 0 for size in shape):
        raise ValueError("shape")
    # Sizes are Python integers: their product cannot overflow. A zero size must not hide others.
    size = math.prod(shape) * dtype.itemsize
    if math.prod(max(size, 1) for size in shape) * dtype.itemsize > 1 << 48:
        raise ValueError("shape")
    if entry["data_offsets"] != [offset, offset + size] or offset % dtype.itemsize:
        raise ValueError("offsets")
    return dtype, tuple(shape), size


def _problem(name: str, array: np.ndarray) -> str | None:
    """What forbids this array in a model file, or None."""
    if not _NAME.fullmatch(name):
        return "name"
    if array.ndim > MAX_DIMENSIONS:
        return "shape"
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return "NaN or infinity"
    if array.dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
        return "neither true nor false"
    return None

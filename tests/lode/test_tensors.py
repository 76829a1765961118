"""Arrays: what the header says must be the whole truth about the bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from deeplode.errors import ModelFileError
from deeplode.lode import tensors


def weights(header: Any, body: bytes = bytes(8), length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def one(dtype: Any = "F32", shape: Any = (2,), span: Any = (0, 8), **more: Any) -> dict[str, Any]:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": span, **more}}


def two(first: list[int], second: list[int]) -> dict[str, Any]:
    return {"a": one(span=first)["w"], "b": one(span=second)["w"]}


WEIGHT_FILES: dict[str, tuple[str, bytes]] = {
    "empty": ("E-MODEL-010", b""),
    "header-length-only": ("E-MODEL-010", struct.pack("<Q", 0)),
    "header-longer-than-file": ("E-MODEL-010", weights(one(), length=1 << 20)),
    "header-of-exabytes": ("E-MODEL-010", weights(one(), length=2**63)),
    "header-length-odd": ("E-MODEL-010", weights(one(), length=57)),
    "header-no-json": ("E-MODEL-010", weights(b"\x80\x04" * 8)),
    "header-a-list": ("E-MODEL-010", weights([])),
    "header-deep": ("E-MODEL-010", weights(b"[" * 4096)),
    "header-with-nan": ("E-MODEL-010", weights(one(shape=[float("nan")]))),
    "name-twice": ("E-MODEL-010", weights(b'{"w":0,"w":0}')),
    "metadata": ("E-MODEL-010", weights({"__metadata__": {"a": "b"}, **one()})),
    "entry-a-text": ("E-MODEL-010", weights({"w": "F32"})),
    "entry-with-more-keys": ("E-MODEL-010", weights(one(hook="os.system"))),
    "type-unknown": ("E-MODEL-010", weights(one("F8_E4M3"))),
    "type-of-objects": ("E-MODEL-010", weights(one("O"))),
    "type-a-list": ("E-MODEL-010", weights(one(["F32"]))),
    "shape-negative": ("E-MODEL-010", weights(one(shape=[-1, -2]))),
    "shape-a-float": ("E-MODEL-010", weights(one(shape=[2.0]))),
    "shape-true": ("E-MODEL-010", weights(one(shape=[2, True]))),
    "shape-a-text": ("E-MODEL-010", weights(one(shape="2"))),
    "shape-overflows": ("E-MODEL-010", weights(one(shape=[2**32, 2**32, 2**32]))),
    "shape-huge-times-zero": ("E-MODEL-010", weights(one(shape=[0, 2**62], span=[0, 0]), b"")),
    "shape-of-nine-dimensions": ("E-MODEL-010", weights(one(shape=[1] * 8 + [2]))),
    "shape-larger-than-span": ("E-MODEL-010", weights(one(shape=[3]))),
    "span-past-the-end": ("E-MODEL-010", weights(one(shape=[2**20], span=[0, 2**22]))),
    "span-negative": ("E-MODEL-010", weights(one(span=[-8, 0]))),
    "span-backwards": ("E-MODEL-010", weights(one(span=[8, 0]))),
    "span-true": ("E-MODEL-010", weights(one(shape=[0], span=[False, None]))),
    "span-of-three": ("E-MODEL-010", weights(one(span=[0, 8, 8]))),
    "spans-overlap": ("E-MODEL-010", weights(two([0, 8], [4, 12]), bytes(12))),
    "spans-same": ("E-MODEL-010", weights(two([0, 8], [0, 8]))),
    "spans-with-gap": ("E-MODEL-010", weights(two([0, 8], [16, 24]), bytes(24))),
    "bytes-left-over": ("E-MODEL-010", weights(one(), bytes(16))),
    "not-aligned": ("E-MODEL-010", weights({
        "a": one("U8", [1], [0, 1])["w"], "b": one("F64", [1], [1, 9])["w"]}, bytes(9))),
    "too-many": ("E-MODEL-010", weights(
        {f"{i}": one(shape=[0], span=[0, 0])["w"] for i in range(20_001)}, b"")),
    "name-that-climbs": ("E-MODEL-011", weights({"..\\w": one()["w"]})),
    "name-endless": ("E-MODEL-011", weights({"w" * 10_000: one()["w"]})),
    "nan": ("E-MODEL-011", weights(one(), struct.pack("<ff", 1, float("nan")))),
    "infinity": ("E-MODEL-011", weights(one(), struct.pack("<ff", float("inf"), 1))),
    "truth-of-seven": ("E-MODEL-011", weights(one("BOOL", [8]), bytes([7] * 8))),
}  # fmt: skip


@pytest.mark.parametrize("case", WEIGHT_FILES)
def test_weights_that_are_not_what_their_header_says_are_refused(
    case: str, forged: Callable[..., bytes], refused: Callable[[bytes], ModelFileError]
) -> None:
    code, data = WEIGHT_FILES[case]
    assert refused(forged({"weights.safetensors": data})).code == code


def test_what_these_weights_are_made_from_is_read() -> None:
    found = tensors.load(bytearray(weights(one())), "file")
    np.testing.assert_array_equal(found["w"], np.zeros(2, np.float32))


dtypes = st.sampled_from(sorted(tensors.DTYPES.values()))
shapes = st.lists(st.integers(0, 4), max_size=tensors.MAX_DIMENSIONS).map(tuple)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.from_regex(r"[a-z./]{1,5}", fullmatch=True), st.tuples(dtypes, shapes)))
def test_every_array_comes_back_with_its_type_and_shape(kinds: dict[str, Any]) -> None:
    arrays = {name: np.ones(shape, dtype) for name, (dtype, shape) in kinds.items()}
    ours, theirs = tensors.dump(arrays), safetensors.numpy.save(arrays)
    for found in (
        tensors.load(bytearray(ours), "file"),
        tensors.load(bytearray(theirs), "file"),
        safetensors.numpy.load(ours),
    ):
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)


def test_arrays_in_any_memory_order_are_saved_by_value() -> None:
    array = np.arange(6.0).reshape(2, 3)
    forms = {"t": array.T, "s": array[:, ::2], "b": array.astype(">f8")}
    found = tensors.load(bytearray(tensors.dump(forms)), "file")
    for name, form in forms.items():
        np.testing.assert_array_equal(found[name], form)

"""Files changed at random: each is read or refused, and nothing else ever happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deeplode.modelfile import LIMITS

MEMBERS = list(LIMITS)[1:]

flips = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 7)), min_size=1, max_size=4)

Forge = Callable[..., bytes]
Read = Callable[[bytes], Any]


@settings(deadline=None, max_examples=150)
@given(length=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_refused(length: float, forged: Forge, read_or_refuse: Read) -> None:
    whole = forged()
    assert read_or_refuse(whole[: int(length * len(whole))]) is None


def test_a_file_with_any_byte_changed_is_refused(forged: Forge, read_or_refuse: Read) -> None:
    whole = forged()
    for at in range(0, len(whole), 5):
        data = bytearray(whole)
        data[at] ^= 0x55
        assert read_or_refuse(bytes(data)) is None, at


@settings(deadline=None, max_examples=400)
@given(member=st.sampled_from(MEMBERS), flips=flips)
def test_a_member_changed_by_somebody_who_mends_the_digests_is_read_or_refused(
    member: str,
    flips: list[tuple[int, int]],
    good: dict[str, bytes],
    forged: Forge,
    read_or_refuse: Read,
) -> None:
    data = bytearray(good[member])
    for at, bit in flips:
        data[at % len(data)] ^= 1 << bit
    parts = read_or_refuse(forged({member: bytes(data)}))
    if parts is not None:
        assert all(np.isfinite(array).all() for array in parts.arrays.values())
        parts.probe.to_dicts()  # every value can be looked at


@settings(deadline=None, max_examples=100)
@given(member=st.sampled_from(MEMBERS), data=st.binary(max_size=300))
def test_a_member_of_any_bytes_is_read_or_refused(
    member: str, data: bytes, forged: Forge, read_or_refuse: Read
) -> None:
    read_or_refuse(forged({member: data}))

"""Ids: the same thing is found whether one file has numbers and the other texts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import numpy as np
import polars as pl
import pytest

from deeplode.data.ids import ids_of, matching, one_form, packed, places, unpacked, whole
from deeplode.errors import DataError


def test_whole_numbers_stay_numbers_and_missing_ones_stay_missing() -> None:
    assert ids_of(pl.Series([3, None, 7])).to_list() == [3, None, 7]
    assert ids_of(pl.Series([3.0, float("nan"), 7.0])).to_list() == [3, None, 7]
    assert whole(pl.Series([3.5, 7.0])) is None


def test_texts_lose_the_blanks_around_them_and_empty_ones_are_missing() -> None:
    texts = ids_of(pl.Series([" a", "a\u00a0", "", "  ", None, "b c"]))
    assert texts.to_list() == ["a", "a", None, None, None, "b c"]


def test_numbers_beyond_64_bits_and_truth_values_are_texts() -> None:
    hashes = pl.Series([2**64 - 1, 1], dtype=pl.UInt64)
    assert ids_of(hashes).to_list() == ["18446744073709551615", "1"]
    assert ids_of(pl.Series([True, False])).to_list() == ["true", "false"]


@pytest.mark.parametrize("many", [1, 200])  # cells sought one by one, and all at once
@pytest.mark.parametrize(
    "cells", [pl.Series([7, 5, None]), pl.Series([7.0, 5.0, None]), pl.Series([" 7", "5", None])]
)
def test_numbers_find_the_texts_that_write_them_and_unknown_ones_nothing(
    cells: pl.Series, many: int
) -> None:
    for ids in (pl.Series([2, 7, 10]).set_sorted(), pl.Series(["x", "2", "7"])):
        (own, asked), _ = one_form([ids, pl.concat([cells] * many)])
        found = places(asked, own)
        seven = ids.cast(pl.String).to_list().index("7")
        assert found.tolist() == [seven, -1, -1] * many


@pytest.mark.parametrize("many", [1, 200])
@pytest.mark.parametrize("cells", [pl.Series([7, 5, None]), pl.Series([" 7", "5", None])])
def test_what_writes_an_id_matches_it_in_either_form_and_what_writes_it_otherwise_does_not(
    cells: pl.Series, many: int
) -> None:
    for ids in (pl.Series([2, 7, 10]).set_sorted(), pl.Series(["x", "2", "7"])):
        seven = ids.cast(pl.String).to_list().index("7")
        assert matching(pl.concat([cells] * many), ids).tolist() == [seven, -1, -1] * many
    odd = pl.Series(["07", "7.0", "+7", "1e1", "seven"])
    assert matching(odd, pl.Series([7, 10]).set_sorted()).tolist() == [-1] * 5


def test_ids_that_are_texts_are_found_by_the_order_of_their_letters() -> None:
    ids = pl.Series(["", "Z", "a", "é", "中", "\U0001f600"]).sort()
    assert matching(ids, ids).tolist() == [-1, 1, 2, 3, 4, 5]  # an empty cell is no id


def test_ids_of_either_form_come_back_from_arrays() -> None:
    for ids in (pl.Series([-5, 0, 2**62]), pl.Series(["", "é用户", "x" * 5_000, "\x00"])):
        assert unpacked(packed(ids)).to_list() == ids.to_list()


def test_arrays_that_are_no_ids_are_refused() -> None:
    text = np.frombuffer(b"ab", np.uint8)
    for arrays, why in (
        ({"number": np.array([1, 1])}, "twice"),
        ({"number": np.array([1.0])}, "int64"),
        ({"text": text, "length": np.array([3])}, "agree"),
        ({"text": text, "length": np.array([4, -2])}, "agree"),
        ({"text": np.frombuffer(b"\xff\xfe", np.uint8), "length": np.array([1, 1])}, "decode"),
    ):
        with pytest.raises(ValueError, match=why):
            unpacked(arrays)
    with pytest.raises(KeyError):
        unpacked({"text": text})


def test_numbers_too_large_to_be_whole_ones_are_texts_and_what_is_no_number_is_missing() -> None:
    assert ids_of(pl.Series([1e19, 2e19])).to_list() == ["1e+19", "2e+19"]
    assert ids_of(pl.Series([float("inf"), 7.0])).to_list() == [None, 7]


def test_a_moment_is_the_same_id_in_every_unit_and_a_day_the_same_as_a_date() -> None:
    noon, day = datetime(2024, 1, 31, 12), datetime(2024, 1, 31)
    units = [pl.Series([noon, day]).cast(pl.Datetime(unit)) for unit in ("ms", "us", "ns")]
    assert len({tuple(ids_of(one).to_list()) for one in units}) == 1
    assert ids_of(pl.Series([day, None])).to_list() == ["2024-01-31", None]
    assert ids_of(pl.Series([day.date(), None])).to_list() == ["2024-01-31", None]


def test_uuids_are_ids_and_other_objects_are_none() -> None:
    one = UUID(int=7)
    assert ids_of(pl.Series([one, None], dtype=pl.Object)).to_list() == [str(one), None]
    with pytest.raises(DataError):
        ids_of(pl.Series([one, object()], dtype=pl.Object))

"""What a column of text cells becomes."""

from __future__ import annotations

import math

import polars as pl
import pytest

from deeplode.data.cells import settle


def column(*cells: str | None) -> pl.Series:
    return pl.Series("amount", cells, dtype=pl.String)


@pytest.mark.parametrize(
    ("cells", "signs", "expected"),
    [
        (("1", "-2", "+3", None, ""), {}, [1, -2, 3, None, None]),
        (("1.5", ".5", "1e3", " 2 "), {}, [1.5, 0.5, 1000.0, 2.0]),
        (("inf", "-Infinity", "1e308", "-1e400"), {}, [math.inf, -math.inf, 1e308, -math.inf]),
        (("true", "FALSE", None), {}, [True, False, None]),
        (("1.234,5", "2", "-0,25"), {"decimal": ",", "thousands": "."}, [1234.5, 2.0, -0.25]),
        (("1.500", "2.250"), {"decimal": ",", "thousands": "."}, [1500, 2250]),
        (("1,234,567", "89"), {"thousands": ","}, [1234567, 89]),
        (("1\u202f234,5", "7"), {"decimal": ",", "thousands": "\u202f"}, [1234.5, 7.0]),
        (("1,5", "2.5"), {"decimal": ","}, [1.5, 2.5]),
    ],
)
def test_numbers_and_booleans_are_read_as_written(cells, signs, expected):
    values, notice = settle(column(*cells), **signs)
    assert values.to_list() == expected
    assert notice is None


@pytest.mark.parametrize(
    "cells",
    [
        ("00501", "10001"),
        ("-07", "12"),
        ("+4915112345678", "+4915187654321"),
        ("12345678901234567890", "1"),
        ("12345678901234567890", "1.5"),
        ("0.1", "00.2"),
    ],
)
def test_codes_keep_every_digit_as_text(cells):
    values, notice = settle(column(*cells))
    assert values.to_list() == list(cells)
    assert notice is None


def test_words_for_missing_are_missing_only_among_numbers():
    values, notice = settle(column("1", "NA", "n/a", "2.5", "缺失"))
    assert values.to_list() == [1.0, None, None, 2.5, None]
    assert notice is not None
    assert notice.code == "W-READ-005"
    assert notice.values["count"] == 3
    country, notice = settle(column("NA", "DE", "FR"))
    assert country.to_list() == ["NA", "DE", "FR"]
    assert notice is None


def test_mixed_column_stays_text_and_the_first_cell_that_is_no_number_is_named():
    values, notice = settle(column("1", "2", None, "12O", "4", "x"))
    assert values.to_list() == ["1", "2", None, "12O", "4", "x"]
    assert notice is not None
    assert (notice.code, notice.column) == ("W-READ-004", "amount")
    assert notice.values == {"row": 4, "value": "12O", "count": 2, "filled": 5}
    assert "'12O'" in notice.message("en")
    assert "12O" in notice.message("zh")


def test_column_of_empty_cells_stays_empty():
    values, notice = settle(column("", None, ""))
    assert values.null_count() == 3
    assert notice is None

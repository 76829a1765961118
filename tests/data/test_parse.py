"""Numbers out of cells."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplode.data.parse import NumberFormat, find_number_format, number, numbers

DRESSED = [
    ("1.5", 1.5),
    (" 2 ", 2.0),
    ("-1e3", -1000.0),
    ("$1,234.50", 1234.5),
    ("-€5", -5.0),
    ("£-5", -5.0),
    ("¥ 3,000元", 3000.0),
    ("USD 7", 7.0),
    ("45%", 45.0),
    ("45 ％", 45.0),
    ("(300)", -300.0),
    ("($1,200)", -1200.0),
    ("12-", -12.0),
    ("1 234 567", 1234567.0),
    ("1'234.5", 1234.5),
    ("12,34,567", 1234567.0),
    ("−5", -5.0),
    ("1.2万", 12_000.0),
    ("¥3,000 万元", 30_000_000.0),
    ("-5亿", -500_000_000.0),
    ("∞", math.inf),
    ("-Infinity", -math.inf),
]


@pytest.mark.parametrize(("text", "value"), DRESSED)
def test_numbers_dressed_for_people_are_read(text, value):
    assert number(text, NumberFormat()) == (value, False)


@pytest.mark.parametrize(
    "text",
    ["", "  ", "NA", "n/a", "NaN", "null", "-", "?", "缺失", "#N/A", "\\N", "#DIV/0!", "#REF!"],
)
def test_words_for_missing_are_missing_and_not_unread(text):
    value, unread = number(text, NumberFormat())
    assert math.isnan(value)
    assert not unread


@pytest.mark.parametrize(
    "text", ["abc", "12a", "1.2.3", "(3", "3)", "1,2", "12,5", "0x10", "2024-01-02", "1e"]
)
def test_what_is_no_number_is_unread_rather_than_guessed(text):
    value, unread = number(text, NumberFormat())
    assert math.isnan(value)
    assert unread


@pytest.mark.parametrize(
    ("text", "value"), [("1,5", 1.5), ("1.234,5 €", 1234.5), ("1.234", 1234.0), ("-,5", -0.5)]
)
def test_a_decimal_comma_makes_the_point_a_thousands_separator(text, value):
    assert number(text, NumberFormat(",")) == (value, False)


@pytest.mark.parametrize(
    ("texts", "decimal"),
    [(["1,5", "3", "12,25"], ","), (["1,234", "3"], "."), (["1.234,5", "2"], ","), (["1.5"], ".")],
)
def test_the_decimal_sign_is_found_from_the_cells(texts, decimal):
    assert find_number_format(pl.Series(texts)).decimal == decimal


CELLS = st.one_of(
    st.text(alphabet="0123456789.,-+eE ()$€%'￥元naNAif∞−_\u00a0", max_size=12),
    st.floats(allow_nan=True).map(str),
    st.sampled_from([text for text, _ in DRESSED]),
    st.none(),
)


@given(st.lists(CELLS, max_size=8), st.sampled_from(".,"))
def test_a_column_and_its_single_cells_read_alike_to_the_last_bit(cells, decimal):
    form = NumberFormat(decimal)
    values, unread = numbers(pl.Series(cells, dtype=pl.String), form)
    alone = [number(cell, form) for cell in cells]
    np.testing.assert_array_equal(values, np.array([value for value, _ in alone]))
    assert unread.tolist() == [odd for _, odd in alone]


@pytest.mark.parametrize(
    "series",
    [
        pl.Series([1, None, 3], dtype=pl.Int8),
        pl.Series([1.5, None, float("nan")]),
        pl.Series(["1.50", None, "-2.25"]).cast(pl.Decimal(10, 2)),
        pl.Series([True, None, False]),
        pl.Series([1_500, None, -1], dtype=pl.Duration("ms")),
        pl.Series(["1", None, "x"], dtype=pl.Categorical),
        pl.Series([3_600_000_000_000, None, 1_000], dtype=pl.Time),
    ],
    ids=lambda series: str(series.dtype),
)
def test_every_type_of_column_reads_as_its_python_values_do(series):
    values, unread = numbers(series, NumberFormat())
    alone = [number(cell, NumberFormat()) for cell in series.to_list()]
    np.testing.assert_array_equal(values, np.array([value for value, _ in alone]))
    assert unread.tolist() == [odd for _, odd in alone]


def test_reading_leaves_the_column_as_it_was():
    series = pl.Series(["1", " $2 ", None])
    numbers(series, NumberFormat())
    assert series.to_list() == ["1", " $2 ", None]

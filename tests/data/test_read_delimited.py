"""Delimited text: dialects, types settled over the whole length, column names."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deeplode.data.read import read
from deeplode.data.table import Table

ROWS = 200_000  # more than the beginning that guesses look at


def write(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def codes(table: Table) -> list[str]:
    return [notice.code for notice in table.notices]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "~", "^", "\x01"])
def test_delimiter_is_found(tmp_path, delimiter):
    text = "name,size,note\nann,1.5,a b\nbob,2,c: d\n".replace(",", delimiter)
    table = read(write(tmp_path, text))
    assert table.names == ["name", "size", "note"]
    assert table.frame["size"].to_list() == [1.5, 2.0]
    assert table.reading["delimiter"] == delimiter


def test_delimiter_set_wins_over_the_guess(tmp_path):
    table = read(write(tmp_path, "a,b;c\n1,2;3\n"), delimiter=";")
    assert table.names == ["a,b", "c"]
    assert read(write(tmp_path, "a\tb\n1\t2\n"), delimiter="tab").names == ["a", "b"]


def test_text_in_one_column_is_not_cut_at_its_spaces(tmp_path):
    table = read(write(tmp_path, "full name\nAda Lovelace\nAlan Turing\n"))
    assert table.frame.rows() == [("Ada Lovelace",), ("Alan Turing",)]


def test_quoted_cells_hold_delimiters_quotes_and_line_ends(tmp_path):
    table = read(write(tmp_path, 'a,b\n"x, ""y""","line\nbreak"\nz,w\n'))
    assert table.frame.rows() == [('x, "y"', "line\nbreak"), ("z", "w")]


def test_single_quotes_are_found_and_apostrophes_are_none(tmp_path):
    table = read(write(tmp_path, "a,b\n'x, y','1'\n'z','2'\n"))
    assert table.frame.rows() == [("x, y", 1), ("z", 2)]
    assert read(write(tmp_path, "a,b\nit's,don't\n")).frame.row(0) == ("it's", "don't")


def test_quotes_inside_cells_that_none_encloses_are_text(tmp_path):
    table = read(write(tmp_path, 'size\tpart\n5" \tpipe\n6\tflange\n'))
    assert table.frame["size"].to_list() == ['5" ', "6"]


def test_line_ends_of_every_system_are_read(tmp_path):
    for number, end in enumerate(("\n", "\r\n", "\r")):
        table = read(write(tmp_path, f"a,b{end}1,x{end}2,y{end}", f"{number}.csv"))
        assert table.frame.rows() == [(1, "x"), (2, "y")]


def test_the_separator_line_of_excel_is_no_header(tmp_path):
    table = read(write(tmp_path, "sep=;\na;b\n1;\n2;y\n"))
    assert table.names == ["a", "b"]
    assert table.frame.rows() == [(1, None), (2, "y")]


def test_decimal_comma_and_thousands_are_found_and_shown(tmp_path):
    table = read(write(tmp_path, "a;b;c\n1,5;1.234,50;x\n-0,25;12,00;y\n"))
    assert table.frame.rows() == [(1.5, 1234.5, "x"), (-0.25, 12.0, "y")]
    assert (table.reading["decimal"], table.reading["thousands"]) == (",", ".")
    table = read(write(tmp_path, 'a,b\n"1,234",x\n"12,345,678",y\n'))
    assert table.frame["a"].to_list() == [1234, 12345678]
    assert (table.reading["decimal"], table.reading["thousands"]) == (".", ",")


def test_decimal_and_thousands_can_be_set(tmp_path):
    path = write(tmp_path, "a;b\n1,234;x\n2,345;y\n")
    assert read(path, decimal=",").frame["a"].to_list() == [1.234, 2.345]
    assert read(path, decimal=".", thousands=",").frame["a"].to_list() == [1234, 2345]
    assert read(path, decimal=".", thousands="none").frame["a"].to_list() == ["1,234", "2,345"]


def test_money_and_percent_stay_text_for_the_schema_to_parse(tmp_path):
    table = read(write(tmp_path, 'a,b\n"$1,200",15 %\n$30,20 %\n'))
    assert table.frame.rows() == [("$1,200", "15 %"), ("$30", "20 %")]


def test_dates_stay_text(tmp_path):
    table = read(write(tmp_path, "when\n2024-01-02\n2024-02-03\n"))
    assert table.frame["when"].dtype == pl.String


def test_leading_zeros_survive_at_the_top_and_far_down(tmp_path):
    for at in (0, ROWS):
        lines = ["10001,1"] * ROWS
        lines.insert(at, "00501,2")
        table = read(write(tmp_path, "zip,n\n" + "\n".join(lines) + "\n"))
        assert table.frame["zip"][at] == "00501"
        assert table.frame["n"].sum() == ROWS + 2


def test_type_that_changes_far_down_loses_no_cell(tmp_path):
    text = "a,b,c,d\n" + "1,1.5,true,2\n" * ROWS + "2.5,x,maybe,\n"
    table = read(write(tmp_path, text))
    assert table.frame.row(-1) == (2.5, "x", "maybe", None)
    assert table.frame["a"].sum() == ROWS + 2.5
    assert table.frame["d"].sum() == 2 * ROWS
    (notice,) = table.notices
    assert (notice.code, notice.column) == ("W-READ-004", "b")
    assert (notice.values["row"], notice.values["value"]) == (ROWS + 1, "x")


def test_missing_words_far_down_leave_a_column_of_numbers(tmp_path):
    table = read(write(tmp_path, "a\n" + "1.5\n" * ROWS + "NA\n"))
    assert table.frame["a"].null_count() == 1
    assert codes(table) == ["W-READ-005"]


def test_infinities_and_huge_numbers_survive_and_nan_is_missing(tmp_path):
    table = read(write(tmp_path, "a,b\n1e308,inf\n-1e308,-inf\n,nan\n"))
    assert table.frame["a"].to_list() == [1e308, -1e308, None]
    assert table.frame["b"].to_list() == [float("inf"), float("-inf"), None]


def test_empty_cells_are_missing_quoted_or_not(tmp_path):
    table = read(write(tmp_path, 'a,b,c\n,"",1\nx,y,2\n'))
    assert table.frame.row(0) == (None, None, 1)


def test_blank_lines_are_no_rows_and_counted(tmp_path):
    table = read(write(tmp_path, "a,b\n1,2\n\n3,\n\n\n"))
    assert table.frame.rows() == [(1, 2), (3, None)]
    assert codes(table) == ["W-READ-007"]
    assert table.notices[0].values["count"] == 3


def test_rows_of_empty_cells_are_rows(tmp_path):
    table = read(write(tmp_path, "a,b\n1,2\n,\n3,4\n"))
    assert len(table) == 3


def test_column_names_are_made_unique_and_not_empty(tmp_path):
    table = read(write(tmp_path, "a,a, b ,,城市,a_2\n1,2,3,4,5,6\n"))
    assert table.names == ["a", "a_3", "b", "column_4", "城市", "a_2"]
    assert codes(table) == ["W-READ-001", "W-READ-002", "W-READ-003"]
    assert all(notice.message(tongue) for notice in table.notices for tongue in ("en", "zh"))


def test_names_that_look_like_patterns_are_names(tmp_path):
    table = read(write(tmp_path, "^a.*$,*,a1,^\n10,20,30,40\n11,21,31,41\n"))
    assert table.names == ["^a.*$", "*", "a1", "^"]
    assert table.frame.rows() == [(10, 20, 30, 40), (11, 21, 31, 41)]
    table = read(write(tmp_path, '[{"^a.*$": [1], "*": [2]}]', "data.json"))
    assert table.frame.rows() == [("[1]", "[2]")]


def test_ten_thousand_columns_are_read(tmp_path):
    names = [f"n{number % 9_000}" for number in range(10_000)]
    lines = [",".join(str((row * at) % 97) for at in range(10_000)) for row in range(5)]
    table = read(write(tmp_path, "\n".join([",".join(names), *lines]) + "\n"))
    assert table.frame.shape == (5, 10_000)
    assert len(set(table.names)) == 10_000
    assert table.frame["n9"].to_list() == [0, 9, 18, 27, 36]


def test_header_of_numbers_is_told_and_can_be_refused(tmp_path):
    path = write(tmp_path, "1,2\n3,4\n")
    assert codes(read(path)) == ["W-READ-006"]
    table = read(path, header=False)
    assert table.names == ["column_1", "column_2"]
    assert table.frame.rows() == [(1, 2), (3, 4)]
    assert not table.notices


def test_thinning_keeps_evenly_spaced_rows_with_their_positions(tmp_path):
    path = write(tmp_path, "n\n" + "\n".join(map(str, range(10))) + "\n")
    table = read([path, path], every=3)
    assert table.frame["n"].to_list() == [0, 3, 6, 9] * 2
    assert table.ids.to_list() == [0, 3, 6, 9, 10, 13, 16, 19]
    assert codes(table) == ["W-READ-011"]


CELL = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff"), max_size=8
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(st.tuples(CELL, CELL, st.integers(-(10**9), 10**9)), min_size=1, max_size=20),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_csv_writer_writes_comes_back(tmp_path_factory, rows, delimiter, end):
    text = io.StringIO()
    quoting = csv.QUOTE_NONNUMERIC  # text in quotes, so that only numbers are numbers
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([("first", "second", "number"), *[(f"x{a}", f"{b}y", c) for a, b, c in rows]])
    path = write(tmp_path_factory.mktemp("csv"), text.getvalue())
    table = read(path)
    assert table.frame.rows() == [(f"x{a}", f"{b}y", c) for a, b, c in rows]
    assert table.reading["delimiter"] == delimiter

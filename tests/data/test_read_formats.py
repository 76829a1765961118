"""Every format, packed and not, by name, by glob and through standard input."""

from __future__ import annotations

import gzip
import io
import json
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import openpyxl
import polars as pl
import pyarrow as pa
import pytest

from deeplode.data.read import read
from deeplode.data.table import Table
from deeplode.errors import DataError, OptionError
from deeplode.readoptions import ReadOptions

FRAME = pl.DataFrame(
    {"编号": [1, 2, 3], "city, state": ["北京", None, 'a "b"'], "share": [0.1, None, 1e308]}
)


def write(folder: Path, ending: str) -> Path:
    path = folder / f"data{ending}"
    writers = {
        ".csv": FRAME.write_csv,
        ".tsv": lambda target: FRAME.write_csv(target, separator="\t"),
        ".txt": lambda target: FRAME.write_csv(target, separator="|"),
        ".json": FRAME.write_json,
        ".jsonl": FRAME.write_ndjson,
        ".ndjson": FRAME.write_ndjson,
        ".parquet": FRAME.write_parquet,
        ".arrow": FRAME.write_ipc_stream,
        ".feather": FRAME.write_ipc,
        ".xlsx": FRAME.write_excel,
    }
    writers[ending](path)
    return path


ENDINGS = [
    ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather", ".xlsx",
]  # fmt: skip


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_each_format_gives_the_same_table_packed_or_not(tmp_path, ending, packing):
    path = write(tmp_path, ending)
    if packing:
        data = path.read_bytes()
        path = path.with_name(path.name + packing)
        zstd = pa.Codec("zstd")
        packed = gzip.compress(data) if packing == ".gz" else zstd.compress(data, asbytes=True)
        path.write_bytes(packed)
    table = read(path)
    assert table.frame.equals(FRAME)
    assert table.frame.schema == FRAME.schema
    assert table.ids.to_list() == [0, 1, 2]
    assert table.source == str(path)
    assert table.reading["compression"] == packing.removeprefix(".")
    assert not table.notices


@pytest.fixture
def stdin(monkeypatch):
    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return give


@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl", ".parquet", ".arrow", ".feather"])
def test_standard_input_is_known_by_its_bytes(tmp_path, stdin, ending):
    data = write(tmp_path, ending).read_bytes()
    for given in (data, gzip.compress(data)):
        stdin(given)
        assert read("-").frame.equals(FRAME)
    stdin(data)
    assert read("-").source == "stdin"


def test_standard_input_in_another_encoding_or_of_a_format_given(stdin):
    stdin("城市;人口\n北京;2\n".encode("gb18030"))
    assert read("-").frame.rows() == [("北京", 2)]
    stdin(b'{"a": 1}\n{"a": 2}\n')
    assert read("-", format="csv").names == ['{"a": 1}']


def test_empty_standard_input_is_an_error(stdin):
    stdin(b"")
    with pytest.raises(DataError, match="stdin is empty"):
        read("-")


def test_parquet_keeps_its_types(tmp_path):
    frame = pl.DataFrame(
        {
            "day": [date(2024, 1, 2)],
            "moment": pl.Series([datetime(2024, 1, 2, 3)]).dt.replace_time_zone("Asia/Shanghai"),
            "yes": [True],
            "code": ["007"],
        }
    )
    frame.write_parquet(tmp_path / "data.parquet")
    assert read(tmp_path / "data.parquet").frame.schema == frame.schema


def test_types_beyond_the_plain_ones_become_plain(tmp_path):
    frame = pl.DataFrame(
        {
            "level": pl.Series(["low", "high"], dtype=pl.Enum(["low", "high"])),
            "kind": pl.Series(["a", None], dtype=pl.Categorical),
            "price": pl.Series(["1.25", "2.50"]).str.to_decimal(scale=2),
            "took": [timedelta(minutes=1), None],
            "where": [{"city": "Rome", "at": {"x": 1}}, {"city": "Oslo", "at": {"x": 2}}],
            "tags": [["a", "b"], []],
            "none": pl.Series([None, None], dtype=pl.Null),
            "ratio": [float("nan"), 1.0],
        }
    )
    frame.write_parquet(tmp_path / "data.parquet")
    table = read(tmp_path / "data.parquet")
    assert table.frame.to_dicts()[0] == {
        "level": "low",
        "kind": "a",
        "price": 1.25,
        "took": 60.0,
        "where.city": "Rome",
        "where.at.x": 1,
        "tags": '["a","b"]',
        "none": None,
        "ratio": None,
    }
    told = {notice.code: notice.column for notice in table.notices}
    assert told == {"W-READ-009": "tags", "W-READ-012": "took"}


def test_json_may_have_gaps_nan_and_columns_of_lists(tmp_path):
    path = tmp_path / "data.json"
    path.write_text('[{"a": 1}, {"a": NaN, "b": "x"}, {"b": null}]')
    assert read(path).frame.rows() == [(1.0, None), (None, "x"), (None, None)]
    path.write_text('{"a": [1, 2], "b": ["x", null]}')
    assert read(path).frame.rows() == [(1, "x"), (2, None)]


def test_json_numbers_among_text_are_told(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(json.dumps({"a": cell}) for cell in (1, 2, "x")))
    table = read(path)
    assert table.frame["a"].to_list() == ["1", "2", "x"]
    assert [notice.code for notice in table.notices] == ["W-READ-004"]


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_excel_dates_codes_mixed_cells_and_empty_rows_above(tmp_path):
    path = workbook(
        tmp_path / "book.xlsx",
        first=[
            [None, None, None, None],
            ["when", "zip", "mixed", "text number"],
            [datetime(2024, 1, 2), "00501", 1, "12"],
            [datetime(2024, 2, 3), "10001", 2, "7"],
            [None, None, None, None],
            [None, "10002", "x", "8"],
        ],
    )
    table = read(path)
    assert table.frame["when"].dtype.is_temporal()
    assert table.frame["zip"].to_list() == ["00501", "10001", "10002"]
    assert table.frame["mixed"].to_list() == ["1", "2", "x"]
    assert table.frame["text number"].to_list() == [12, 7, 8]
    assert [notice.code for notice in table.notices] == ["W-READ-004", "W-READ-007"]


def test_sheet_is_chosen_by_name_and_others_are_told(tmp_path):
    path = workbook(tmp_path / "book.xlsx", 一月=[["a"], [1]], 二月=[["a"], [2]])
    table = read(path)
    assert table.frame["a"].to_list() == [1]
    assert [notice.code for notice in table.notices] == ["W-READ-008"]
    assert read(path, sheet="二月").frame["a"].to_list() == [2]
    with pytest.raises(DataError, match="Did you mean '二月'") as caught:
        read(path, sheet="二")
    assert caught.value.code == "E-DATA-022"


def test_glob_reads_files_sorted_and_a_list_in_its_order(tmp_path):
    for name, number in (("b.csv", 2), ("a.csv", 1), ("c.csv", 3)):
        (tmp_path / name).write_text(f"n\n{number}\n")
    assert read(str(tmp_path / "*.csv")).frame["n"].to_list() == [1, 2, 3]
    table = read([tmp_path / "c.csv", tmp_path / "a.csv"])
    assert table.frame["n"].to_list() == [3, 1]
    assert table.ids.to_list() == [0, 1]
    assert table.reading["files"] == 2


def test_a_file_whose_name_has_signs_of_a_glob_is_that_file(tmp_path):
    (tmp_path / "a[1].csv").write_text("n\n1\n")
    assert read(str(tmp_path / "a[1].csv")).frame["n"].to_list() == [1]


def test_files_together_get_types_that_fit_all(tmp_path):
    (tmp_path / "a.csv").write_text("zip,n,e,late\n10001,1,,1\n")
    (tmp_path / "b.csv").write_text("late,zip,n,e\nx,00501,2.5,3\n")
    table = read(str(tmp_path / "*.csv"))
    assert table.frame.rows() == [("10001", 1.0, None, "1"), ("00501", 2.5, 3, "x")]


def test_files_that_disagree_are_named_with_their_columns(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,z\n1,2\n")
    with pytest.raises(DataError) as caught:
        read(str(tmp_path / "*.csv"))
    error = caught.value
    assert error.code == "E-DATA-019"
    assert str(tmp_path / "b.csv") in str(error)
    assert "missing 'y'; extra 'z'" in str(error)


def test_types_that_disagree_in_parquet_files_are_named(tmp_path):
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"x": ["b"]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError) as caught:
        read(str(tmp_path / "*.parquet"))
    assert (caught.value.code, caught.value.values["column"]) == ("E-DATA-020", "x")


@pytest.mark.parametrize(
    ("name", "rows", "target"),
    [
        ("breast-cancer", 569, {"malignant", "benign"}),
        ("digits", 1797, set(range(10))),
        ("wine", 178, {"class_0", "class_1", "class_2"}),
    ],
)
def test_demos_are_real_and_name_their_classes(name, rows, target):
    table = read(f"demo:{name}")
    assert len(table) == rows
    assert set(table.frame["target"].to_list()) == target
    assert table.source == f"demo:{name}"


def test_demo_diabetes_is_in_its_own_units():
    table = read("demo:diabetes")
    assert table.frame["target"].dtype == pl.Float64
    assert table.frame["age"].max() > 70


def test_an_unknown_demo_is_refused_with_the_nearest():
    with pytest.raises(DataError, match="Did you mean demo:wine") as caught:
        read("demo:wines")
    assert caught.value.code == "E-DATA-021"


def test_a_table_is_handed_through():
    table = read("demo:wine")
    assert read(table) is table
    assert isinstance(table, Table)


def test_settings_that_make_no_sense_are_refused():
    for settings, code in (
        ({"delimeter": ","}, "E-OPT-001"),
        ({"delimiter": "ab"}, "E-DATA-028"),
        ({"decimal": "x"}, "E-DATA-028"),
        ({"thousands": "5"}, "E-DATA-028"),
        ({"format": "xml"}, "E-OPT-002"),
        ({"every": 0}, "E-OPT-004"),
    ):
        with pytest.raises(OptionError) as caught:
            read("demo:wine", **settings)
        assert caught.value.code == code
        assert caught.value.message("zh")


def test_options_may_come_as_one_object():
    assert len(read("demo:wine", ReadOptions(every=2))) == 89

"""Bad input: each kind has its code, names the place, says what to do, in both languages."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import psutil
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from deeplode.data.content import BOMB_SIZE
from deeplode.data.read import read
from deeplode.errors import DataError

ROWS = 200_000  # more than the beginning that guesses look at
FRAME = pl.DataFrame({"a": range(1000), "b": [f"text {n}" for n in range(1000)]})


def refused(source: object, code: str, **settings: object) -> DataError:
    """The error that reading ends in, checked for what all errors promise."""
    with pytest.raises(DataError) as caught:
        read(source, **settings)
    error = caught.value
    assert error.code == code, str(error)
    assert error.exit_status == 3
    for tongue in ("en", "zh"):
        assert error.message(tongue)
        assert error.hint(tongue)
        assert "{" not in error.message(tongue) or code == "E-DATA-014"
    if isinstance(source, Path):
        assert str(source) in error.message("en")
        assert str(source) in error.message("zh")
    return error


def put(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet", "arrow", "xlsx", "csv.gz"])
def test_empty_file(tmp_path, ending):
    data = gzip.compress(b"") if ending.endswith("gz") else b""
    refused(put(tmp_path, f"data.{ending}", data), "E-DATA-005")


@pytest.mark.parametrize("text", ["\n\n\n", "\ufeff", "\r\n"])
def test_file_of_nothing_but_blank_lines_is_empty(tmp_path, text):
    refused(put(tmp_path, "data.csv", text), "E-DATA-005")


@pytest.mark.parametrize("text", ["a,b\n", "a,b", "a,b\r\n\r\n", "a\n"])
def test_header_only(tmp_path, text):
    refused(put(tmp_path, "data.csv", text), "E-DATA-006")


def test_no_rows_in_other_formats(tmp_path):
    none = FRAME.clear()
    none.write_parquet(tmp_path / "data.parquet")
    none.write_ipc(tmp_path / "data.feather")
    none.write_excel(tmp_path / "data.xlsx")
    for ending in ("parquet", "feather", "xlsx"):
        with pytest.raises(DataError) as caught:
            read(tmp_path / f"data.{ending}")
        assert caught.value.code == "E-DATA-006"
    refused(put(tmp_path, "data.json", "[]"), "E-DATA-006")


def test_missing_file_names_the_nearest_one_in_its_folder(tmp_path):
    put(tmp_path, "customers.csv", "a\n1\n")
    error = refused(tmp_path / "custmers.csv", "E-DATA-025")
    assert str(tmp_path / "customers.csv") in str(error)
    refused(tmp_path / "orders.csv", "E-DATA-001")
    refused(tmp_path / "nowhere" / "orders.csv", "E-DATA-001")


def test_glob_without_a_match(tmp_path):
    refused(str(tmp_path / "*.csv"), "E-DATA-001")


def test_folder(tmp_path):
    refused(tmp_path, "E-DATA-002")


def test_unknown_ending_is_refused_until_the_format_is_given(tmp_path):
    path = put(tmp_path, "data.dat", "a,b\n1,2\n")
    assert ".parquet" in str(refused(path, "E-DATA-003"))
    assert read(path, format="csv").names == ["a", "b"]


@contextmanager
def without_root() -> Iterator[None]:
    """As a user whom file permissions bind."""
    was_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_file_that_may_not_be_read(tmp_path):
    path = put(tmp_path, "data.csv", "a\n1\n")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    path.chmod(stat.S_IWUSR)
    with without_root():
        refused(path, "E-DATA-004")


@pytest.mark.parametrize("filler", [0, ROWS], ids=["at the top", "far down"])
@pytest.mark.parametrize(
    ("line", "found"), [("1,2,3", 3), ("1", 1), ('"x,y",2,3', 3), ('"x,y"', 1)]
)
def test_ragged_row_is_named_by_line_with_both_counts(tmp_path, filler, line, found):
    text = "a,b\n" + "7,x\n" * filler + line + "\n8,\n"
    error = refused(put(tmp_path, "data.csv", text), "E-DATA-007")
    assert error.values["row"] == filler + 2
    assert (error.values["expected"], error.values["found"]) == (2, found)
    assert error.as_json()["row"] == filler + 2


def test_ragged_row_after_quoted_line_ends_is_named_by_its_own_line(tmp_path):
    text = 'a,b\n"x\ny\nz",1\n\n1,2,3\n'
    assert refused(put(tmp_path, "data.csv", text), "E-DATA-007").values["row"] == 6


@pytest.mark.parametrize("filler", [0, ROWS], ids=["at the top", "far down"])
@pytest.mark.parametrize("line", ['1,"open', '1,"shut"x', '"open,2'])
def test_broken_quote_is_named_by_the_line_where_it_opens(tmp_path, filler, line):
    text = "a,b\n" + '7,"x"\n' * filler + line + "\n8,y\n9,z\n"
    error = refused(put(tmp_path, "data.csv", text), "E-DATA-008")
    assert error.values["row"] == filler + 2
    assert error.values["value"] == line


@pytest.mark.parametrize("filler", [0, ROWS], ids=["at the top", "far down"])
def test_zero_byte_is_named_by_line(tmp_path, filler):
    text = "a,b\n" + "7,x\n" * filler + "8,y\0z\n"
    assert refused(put(tmp_path, "data.csv", text), "E-DATA-009").values["row"] == filler + 2


@pytest.mark.parametrize(
    ("head", "holds"),
    [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"PK\x03\x04\x14\0", "zip / Excel"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"ARROW1\0\0", "Arrow"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"\x28\xb5\x2f\xfd", "Zstandard"),
        (b"%PDF-1.7", "PDF"),
        (b"\x80\x04\x95", "pickle"),
        (b"SQLite format 3\0", "SQLite"),
    ],
)
def test_binary_file_called_csv_is_said_to_be_what_it_is(tmp_path, head, holds):
    path = put(tmp_path, "data.csv", head + bytes(range(256)) * 10)
    error = refused(path, "E-DATA-010")
    assert error.values["holds"] == holds
    assert holds in error.message("zh")


def packed(data: bytes, ending: str) -> bytes:
    if ending == "gz":
        return gzip.compress(data)
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_truncated_compressed_file(tmp_path, ending):
    data = packed(FRAME.write_csv().encode(), ending)
    for length in (len(data) // 2, len(data) - 9):
        refused(put(tmp_path, f"data.csv.{ending}", data[:length]), "E-DATA-011")


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_compressed_file_that_is_none_or_damaged(tmp_path, ending):
    refused(put(tmp_path, f"data.csv.{ending}", b"a,b\n1,2\n"), "E-DATA-012")
    data = bytearray(packed(FRAME.write_csv().encode(), ending))
    data[len(data) // 2 :] = b"\xff" * (len(data) - len(data) // 2)
    with pytest.raises(DataError) as caught:
        read(put(tmp_path, f"data.csv.{ending}", bytes(data)))
    assert caught.value.code in ("E-DATA-011", "E-DATA-012")


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_decompression_bomb_is_refused_before_it_unpacks(tmp_path, ending):
    block = packed(b"1\n" * (1 << 23), ending)  # 16 MB of data
    path = put(tmp_path, f"data.csv.{ending}", block * (BOMB_SIZE // (1 << 24) + 2))
    error = refused(path, "E-DATA-017")
    assert error.values["packed"] == path.stat().st_size


def test_parquet_that_claims_more_cells_than_the_machine_has_bytes_is_refused(tmp_path):
    path = tmp_path / "data.parquet"
    zeros = pa.array(np.zeros(10_000_000, np.int8))
    parquet.write_table(pa.table({f"c{number}": zeros for number in range(10)}), path)
    claimed = parquet.read_metadata(path)
    while claimed.num_rows * claimed.num_columns < 1.5 * psutil.virtual_memory().total:
        claimed.append_row_groups(parquet.read_metadata(path))
    claimed.write_metadata_file(path)
    refused(path, "E-DATA-017")


def test_workbook_bomb_is_refused(tmp_path):
    path = tmp_path / "data.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as member:
            for _ in range(BOMB_SIZE // (1 << 24) + 2):
                member.write(bytes(1 << 24))
    refused(path, "E-DATA-017")


@pytest.mark.parametrize("ending", ["parquet", "feather", "arrow"])
def test_truncated_columnar_file(tmp_path, ending):
    stream = io.BytesIO()
    {"parquet": FRAME.write_parquet, "feather": FRAME.write_ipc, "arrow": FRAME.write_ipc_stream}[
        ending
    ](stream)
    data = stream.getvalue()
    for length in (len(data) // 2, len(data) - 20):
        refused(put(tmp_path, f"data.{ending}", data[:length]), "E-DATA-011")


def test_damaged_columnar_files(tmp_path):
    refused(put(tmp_path, "data.parquet", b"a,b\n1,2\n"), "E-DATA-012")
    refused(put(tmp_path, "data.feather", b"a,b\n1,2\n"), "E-DATA-012")
    junk = b"PAR1" + struct.pack("<I", 12) + bytes(60) + struct.pack("<I", 40) + b"PAR1"
    refused(put(tmp_path, "data.parquet", junk), "E-DATA-012")


def test_invalid_json_is_named_by_line(tmp_path):
    error = refused(put(tmp_path, "data.json", '[{"a": 1},\n{"a": 2},\n{"a": x}]'), "E-DATA-013")
    assert error.values["row"] == 3
    error = refused(put(tmp_path, "data.jsonl", '{"a": 1}\n\n{"a": 2'), "E-DATA-013")
    assert error.values["row"] == 3


@pytest.mark.parametrize(
    "text", ["3", '"x"', "[1, 2]", '{"a": 1}', '{"a": [1], "b": [1, 2]}', "[[1, 2]]"]
)
def test_json_that_is_no_table(tmp_path, text):
    refused(put(tmp_path, "data.json", text), "E-DATA-014")


def test_json_lines_that_are_no_records(tmp_path):
    error = refused(put(tmp_path, "data.jsonl", '{"a": 1}\n[2]\n'), "E-DATA-014")
    assert error.values["row"] == 2


def test_json_nested_without_end_is_refused_without_a_crash(tmp_path):
    refused(put(tmp_path, "data.json", "[" * 100_000), "E-DATA-014")


def test_workbook_with_a_password_or_of_old(tmp_path):
    path = put(tmp_path, "data.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    refused(path, "E-DATA-016")


def test_workbook_that_is_none_or_cut_off(tmp_path):
    refused(put(tmp_path, "data.xlsx", "a,b\n1,2\n"), "E-DATA-012")
    stream = io.BytesIO()
    FRAME.write_excel(stream)
    refused(put(tmp_path, "data.xlsx", stream.getvalue()[:-50]), "E-DATA-011")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("readme.txt", "no workbook")
    refused(put(tmp_path, "data.xlsx", stream.getvalue()), "E-DATA-012")


@pytest.mark.parametrize("name", ["data.pkl", "data.pickle.gz", "model.joblib", "net.pt"])
def test_pickles_are_never_opened(tmp_path, name):
    refused(put(tmp_path, name, b"\x80\x04."), "E-DATA-018")


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet", "feather", "arrow", "xlsx"])
def test_damage_anywhere_ends_in_a_table_or_in_an_error_of_ours(tmp_path, ending):
    stream = io.BytesIO()
    writers = {
        "csv": FRAME.write_csv,
        "json": FRAME.write_json,
        "jsonl": FRAME.write_ndjson,
        "parquet": FRAME.write_parquet,
        "feather": FRAME.write_ipc,
        "arrow": FRAME.write_ipc_stream,
        "xlsx": FRAME.write_excel,
    }
    writers[ending](stream)
    whole = stream.getvalue()
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(25):
        data = bytearray(whole)
        at = int(rng.integers(len(data)))
        data[at : at + int(rng.integers(9))] = rng.bytes(int(rng.integers(1, 9)))
        try:
            read(put(tmp_path, f"data.{ending}", bytes(data)))
        except DataError as error:
            outcomes.add(error.code)
    assert outcomes


def test_control_characters_are_text(tmp_path):
    path = put(tmp_path, "data.csv", "a,b\nx\x07y,\x1b[31m\n")
    assert read(path).frame.row(0) == ("x\x07y", "\x1b[31m")

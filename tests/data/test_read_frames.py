"""Frames and arrays in memory: in and out of pandas, Polars, Arrow, NumPy."""

from __future__ import annotations

from uuid import UUID

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from deeplode.data.frames import as_polars, like
from deeplode.data.read import read
from deeplode.errors import DataError

PLAIN = {
    "n": [1, 2, 3],
    "x": [0.5, None, 2.0],
    "城市": ["北京", None, "b"],
    "yes": [True, False, True],
}


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame(PLAIN),
        pl.DataFrame(PLAIN).lazy(),
        pl.DataFrame(PLAIN).to_arrow(),
        pa.RecordBatchReader.from_batches(
            pl.DataFrame(PLAIN).to_arrow().schema, pl.DataFrame(PLAIN).to_arrow().to_batches()
        ),
        nw.from_native(pl.DataFrame(PLAIN)),
        PLAIN,
        {name: pl.Series(cells) for name, cells in PLAIN.items()},
        pd.DataFrame(PLAIN),
        pd.DataFrame(PLAIN).convert_dtypes(),
        pd.DataFrame(PLAIN).astype({"城市": object}),
        pd.DataFrame(PLAIN).convert_dtypes(dtype_backend="pyarrow"),
    ],
    ids=[
        "polars", "lazy", "arrow", "stream", "narwhals", "dict", "dict of series", "pandas",
        "pandas nullable", "pandas object", "pandas arrow",
    ],
)  # fmt: skip
def test_every_library_gives_the_same_columns(frame):
    result = as_polars(frame)
    assert result.to_dict(as_series=False) == PLAIN
    assert [str(dtype) for dtype in result.dtypes] == ["Int64", "Float64", "String", "Boolean"]


def test_read_takes_frames_and_thins_them():
    table = read(pd.DataFrame(PLAIN), every=2)
    assert table.frame["n"].to_list() == [1, 3]
    assert table.ids.to_list() == [0, 2]
    assert table.reading == {"format": "pandas"}


def test_pandas_categories_give_their_labels_with_their_type():
    frame = pd.DataFrame(
        {
            "word": pd.Categorical(["x", None, "y"], categories=["z", "y", "x"]),
            "number": pd.Categorical([3, 1, 3]),
            "day": pd.Categorical(pd.to_datetime(["2024-01-02"] * 3)),
        }
    )
    result = as_polars(frame)
    assert result["word"].to_list() == ["x", None, "y"]
    assert result["number"].to_list() == [3, 1, 3]
    assert result["day"].dtype.is_temporal()


def test_pandas_types_of_time_and_missing_cells_come_through():
    frame = pd.DataFrame(
        {
            "zone": pd.date_range("2024", periods=3, tz="Asia/Shanghai"),
            "gap": pd.to_datetime(["2024-01-02", None, "2024-01-04"]),
            "month": pd.period_range("2024", periods=3, freq="M"),
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "sparse": pd.arrays.SparseArray([0.0, 1.0, 0.0]),
            "mixed": [1, "x", None],
            "none": [None, None, None],
        }
    )
    result = as_polars(frame)
    assert result["zone"].dtype.time_zone == "Asia/Shanghai"
    assert result["gap"].null_count() == 1
    assert result["month"].to_list() == ["2024-01", "2024-02", "2024-03"]
    assert result["whole"].to_list() == [1, None, 3]
    assert result["sparse"].to_list() == [0.0, 1.0, 0.0]
    assert result["mixed"].to_list() == ["1", "x", None]
    assert result["none"].to_list() == [None, None, None]


def test_labels_that_are_no_strings_or_repeat_become_names():
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=[0, 1.5, "a", "a"])
    assert as_polars(frame).columns == ["0", "1.5", "a", "a_2"]
    table = read(frame)
    assert [notice.code for notice in table.notices] == ["W-READ-001"]
    levels = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    assert as_polars(levels).columns == ["('a', 'x')", "('a', 'y')"]


def test_index_of_pandas_is_left_out_and_its_order_is_no_matter():
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=[9, 9, 1])
    assert as_polars(frame).to_dict(as_series=False) == {"a": [1, 2, 3]}


def test_input_is_not_modified():
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", "y"]}, index=[3, 1])
    before = frame.copy(deep=True)
    as_polars(frame)
    pd.testing.assert_frame_equal(frame, before)
    original = pl.DataFrame({"a": [float("nan"), 1.0]})
    as_polars(original)
    assert original["a"].is_nan().any()


def test_numpy_arrays_get_numbered_columns():
    assert as_polars(np.arange(6).reshape(3, 2)).to_dict(as_series=False) == {
        "x0": [0, 2, 4],
        "x1": [1, 3, 5],
    }
    assert as_polars(np.array([1.0, np.nan])).to_dict(as_series=False) == {"x0": [1.0, None]}
    mixed = as_polars(np.array([["a", 1], ["b", 2.5], [None, None]], dtype=object))
    assert mixed.to_dict(as_series=False) == {"x0": ["a", "b", None], "x1": [1.0, 2.5, None]}
    fields = np.array([(1, "x")], dtype=[("a", "i4"), ("b", "U1")])
    assert as_polars(fields).rows() == [(1, "x")]
    assert as_polars([[1, "x"], [2, "y"]]).rows() == [(1, "x"), (2, "y")]


@pytest.mark.parametrize("form", [pd.DataFrame, pl.DataFrame, dict])
def test_uuids_and_other_objects_are_texts(form):
    name = UUID(int=7)
    frame = as_polars(form({"a": [name, None], "b": [1, 2]}))
    assert frame.to_dict(as_series=False) == {"a": [str(name), None], "b": [1, 2]}
    assert as_polars(pd.DataFrame({"a": [b"x", None]}))["a"].to_list() == [b"x", None]


def test_arrays_in_fortran_order_or_of_small_floats_are_fine():
    array = np.asfortranarray(np.arange(6, dtype=np.float16).reshape(3, 2))
    assert as_polars(array)["x1"].to_list() == [1.0, 3.0, 5.0]


def test_lone_surrogates_do_not_stop_the_reading():
    assert as_polars({"a": ["\ud800", "x"]})["a"].to_list()[1] == "x"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (np.zeros((2, 2, 2)), "E-DATA-024"),
        (np.array([1j]), "E-DATA-024"),
        ([[1, 2], [3]], "E-DATA-024"),
        (3, "E-DATA-023"),
        (object(), "E-DATA-023"),
        (pd.DataFrame({"a": []}), "E-DATA-006"),
        (pl.DataFrame(), "E-DATA-006"),
    ],
    ids=["cube", "complex", "uneven", "number", "object", "no rows", "no columns"],
)
def test_what_is_no_table_is_refused(data, code):
    with pytest.raises(DataError) as caught:
        read(data)
    assert caught.value.code == code
    assert caught.value.message("zh")


def test_results_go_back_in_the_library_that_came_in():
    columns = {"p": np.array([0.1, 0.9]), "class": pl.Series(["a", "b"])}
    frame = like(pd.DataFrame({"a": [1, 2]}, index=["r", "q"]), columns)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.index) == ["r", "q"]
    assert list(frame["class"]) == ["a", "b"]
    assert list(like(pd.Series([1, 2], index=[7, 5]), columns).index) == [7, 5]
    assert isinstance(like(pl.DataFrame({"a": [1, 2]}), columns), pl.DataFrame)
    assert isinstance(like(pa.table({"a": [1, 2]}), columns), pa.Table)
    assert isinstance(like(np.zeros((2, 1)), columns), pl.DataFrame)

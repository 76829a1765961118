"""Targets: their task, their code and back."""

import json
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplode.encode.target import TargetCode, infer_target, missing_targets
from deeplode.errors import DataError, OptionError


def target(values, task=None, **options) -> TargetCode:
    series = values if isinstance(values, pl.Series) else pl.Series(values, strict=False)
    return infer_target(series.alias("y"), task, **options)


def refused(values, task=None) -> DataError:
    with pytest.raises(DataError) as caught:
        target(values, task, source="data.csv")
    assert "'y'" in caught.value.message()
    return caught.value


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["no", "yes", "no"], "binary", ("no", "yes")),
        ([True, False, None], "binary", (False, True)),
        ([0, 1, 1], "binary", (0, 1)),
        ([1, 2, 2], "binary", (1, 2)),
        ([0.0, 1.0, None], "binary", (0.0, 1.0)),
        ([3, 1, 2] * 5, "multiclass", (1, 2, 3)),
        (["2", "10", "1"] * 9, "multiclass", ("1", "2", "10")),
        (["b", "c", "a"], "multiclass", ("a", "b", "c")),
        (["差", "好", "中"], "multiclass", ("中", "好", "差")),
        ([1, 2, 3], "regression", ()),
        (list(range(100)) * 50, "regression", ()),
        ([0.5, 1.5] * 50, "regression", ()),
        ([f"${n}.50" for n in range(50)], "regression", ()),
        ([f"{n},5" for n in range(50)], "regression", ()),
    ],
)
def test_the_task_follows_from_the_values(values, task, classes):
    found = target(values)
    assert (found.task, found.classes) == (task, classes)


def test_the_user_may_decide_the_task():
    assert target([1, 2, 3] * 9, "regression").task == "regression"
    assert target([*range(40)] * 3, "classification").n_classes == 40
    assert target(["a", "b", "c"] * 3, "multiclass").task == "multiclass"
    assert target([0, 1] * 9, "multiclass").task == "multiclass"
    with pytest.raises(OptionError) as caught:
        target([0, 1], "clasification")
    assert caught.value.code == "E-DATA-047"


def test_categorical_targets_are_classes():
    assert target(pl.Series(["b", "a"], dtype=pl.Categorical)).classes == ("a", "b")


@given(
    st.one_of(
        st.lists(st.sampled_from(["a", "b", "ä", "10", "9"]), min_size=2, max_size=20),
        st.lists(st.booleans(), min_size=2, max_size=20),
        st.lists(st.integers(-3, 3), min_size=2, max_size=20),
        st.lists(st.sampled_from([-1.0, 0.0, 2.0]), min_size=2, max_size=20),
    ).filter(lambda values: len(set(values)) > 1)
)
def test_encoding_and_decoding_gives_the_values_back(values):
    code = target(values, "classification")
    series = pl.Series(values)
    codes = code.encode(series)
    assert codes.dtype == np.int64
    assert sorted(set(codes)) == list(range(code.n_classes))
    assert code.decode(codes).tolist() == values
    assert type(code.decode(codes).tolist()[0]) is type(values[0])


@given(st.lists(st.floats(-1e12, 1e12), min_size=3, max_size=20))
def test_amounts_stay_as_they_are(values):
    code = target(values, "regression")
    assert code.encode(pl.Series(values)).tolist() == values


def test_classes_that_training_did_not_have_get_minus_one():
    code = target(["a", "b", "b"])
    assert code.encode(pl.Series(["b", "c", None])).tolist() == [1, -1, -1]
    numbers = target([1, 5, 5])
    assert numbers.encode(pl.Series([5, 7, None, 0])).tolist() == [1, -1, -1, -1]


def test_labels_of_other_types_find_their_class():
    assert target([1, 2, 2]).encode(pl.Series(["1", " 2 ", "x"])).tolist() == [0, 1, -1]
    assert target(["1", "2", "2"]).encode(pl.Series([1, 2])).tolist() == [0, 1]
    assert target([1, 2, 2]).encode(pl.Series([1.0, 2.0])).tolist() == [0, 1]


def test_blanks_around_labels_do_not_make_classes():
    assert target(["a", " a", "b "]).classes == ("a", "b")


def test_missing_targets_are_found_and_counted():
    series = pl.Series("y", ["a", None, "b", " ", "a"])
    assert missing_targets(series).tolist() == [False, True, False, True, False]
    assert missing_targets(pl.Series([1.0, float("nan"), None])).tolist() == [False, True, True]
    notice = infer_target(series).notices[0]
    assert notice.code == "W-KIND-010"
    assert notice.values == {"dropped": 2, "rows": 5}


def test_classes_of_one_row_are_named():
    notice = target(["a", "a", "b"]).notices[0]
    assert notice.code == "W-KIND-011"
    assert "'b'" in notice.message()


@pytest.mark.parametrize(
    ("values", "task", "code"),
    [
        ([None, None], None, "E-DATA-031"),
        (["", " "], None, "E-DATA-031"),
        ([float("nan")] * 3, None, "E-DATA-031"),
        (["a", "a", None], None, "E-DATA-032"),
        ([1, 1, 1], "classification", "E-DATA-032"),
        (["a", None], None, "E-DATA-033"),
        ([f"name {n % 1000}" for n in range(1200)], None, "E-DATA-034"),
        ([1.5, float("inf"), 2.5], None, "E-DATA-035"),
        ([date(2024, 1, day) for day in range(1, 20)], None, "E-DATA-036"),
        ([f"2024-01-{day:02}" for day in range(1, 28)], None, "E-DATA-036"),
        (["1.5", "2.5", "many"], "regression", "E-DATA-037"),
        ([1.5, 2.5, 3.5], "classification", "E-DATA-038"),
        (["a", "b", "c"], "binary", "E-DATA-039"),
        ([[1], [2]], None, "E-DATA-048"),
    ],
)
def test_targets_that_nothing_can_be_learned_from_are_refused_by_name(values, task, code):
    assert refused(values, task).code == code


def test_an_infinite_target_names_its_row():
    error = refused([1.5, 2.5, float("-inf"), float("inf")])
    assert error.as_json()["row"] == 2
    assert error.values["count"] == 2


def test_constant_amounts_cannot_be_told_apart():
    assert refused([2.5] * 9).code == "E-DATA-049"


def test_a_target_survives_json():
    for values in (["a", "b"], [0, 1], [True, False], [1.0, 2.0], [0.5, 1.5, 2.5], ["1,5", "2,25"]):
        code = target(values)
        assert TargetCode.from_json(json.loads(json.dumps(code.to_json()))) == code


@pytest.mark.parametrize(
    "odd",
    [
        {"task": "cluster"},
        {"classes": []},
        {"classes": ["a", 1]},
        {"classes": ["a", "a"]},
        {"classes": ["a", "b", "c"]},
        {"classes": [[1], [2]]},
        {"decimal": "x"},
    ],
)
def test_a_target_of_unknown_make_is_refused(odd):
    with pytest.raises((ValueError, TypeError)):
        TargetCode.from_json(target(["a", "b"]).to_json() | odd)


@pytest.mark.parametrize(
    ("name", "column", "task"),
    [
        ("adult", "income", "binary"),
        ("titanic", "survived", "binary"),
        ("covtype_15k", "Cover_Type", "multiclass"),
        ("letter", "letter", "multiclass"),
        ("bike_sharing_hour", "cnt", "regression"),
        ("diamonds", "price", "regression"),
    ],
)
def test_real_targets_make_the_task_they_should(shared_tables, name, column, task):
    assert infer_target(shared_tables(name)[column]).task == task

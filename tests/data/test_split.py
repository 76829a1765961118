"""Rows to train, to validate and to test on."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplode.data.split import PARTS, folds, hold_out, keys
from deeplode.data.table import Table
from deeplode.errors import DataError, OptionError


def table(rows: int, **columns) -> Table:
    return Table.of(pl.DataFrame({"x": np.arange(rows), **columns}), "data.csv")


CLASSES = st.lists(st.integers(0, 4), min_size=2, max_size=80).map(np.array)


@given(CLASSES, st.integers(0, 5))
def test_random_test_rows_leave_every_class_of_two_rows_for_training(classes, seed):
    split = hold_out(table(len(classes)), "random", classes, seed=seed)
    assert sorted([*split.train, *split.test]) == list(range(len(classes)))
    assert len(split.train)
    assert len(split.test)
    counts = np.bincount(classes)
    many = set(np.flatnonzero(counts >= 2))
    assert many <= set(classes[split.train])
    if len(many) and counts.sum() > 40:
        spread = np.bincount(classes[split.test], minlength=len(counts))
        assert np.all(np.abs(spread - 0.2 * counts) <= 1)


def test_a_fifth_of_the_rows_is_for_testing():
    for how, columns in (("random", {}), ("time", {"t": np.arange(1000)})):
        split = hold_out(table(1000, **columns), how, column="t")
        assert len(split.test) == 200


def test_a_class_of_one_row_is_kept_for_training():
    classes = np.array([0] * 50 + [1] * 49 + [2])
    for seed in range(20):
        assert 99 in hold_out(table(100), "random", classes, seed=seed).train


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    one, same, other = (hold_out(table(100), "random", seed=seed).test for seed in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_the_rows_drawn_are_the_same_on_every_machine():
    assert hold_out(table(20), "random", seed=0).test.tolist() == [8, 13, 15, 18]


def test_groups_are_never_torn():
    groups = np.random.default_rng(0).integers(0, 40, 1000)
    split = hold_out(table(1000, g=groups.astype(str)), "group", column="g")
    assert not set(groups[split.train]) & set(groups[split.test])
    assert 100 <= len(split.test) <= 300


def test_two_groups_still_make_a_test():
    split = hold_out(table(10, g=["a"] * 7 + ["b"] * 3), "group", column="g")
    assert split.test.tolist() == [7, 8, 9]


def test_the_test_rows_are_later_than_the_training_rows():
    days = [date(2024, 1, 1) + timedelta(n * 7 % 50) for n in range(100)]
    split = hold_out(table(100, day=days), "time", column="day")
    assert max(days[row] for row in split.train) < min(days[row] for row in split.test)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=60).filter(lambda t: len(set(t)) > 1))
def test_rows_of_one_instant_stay_together(times):
    split = hold_out(table(len(times), t=times), "time", column="t")
    assert len(split.train)
    assert max(times[row] for row in split.train) < min(times[row] for row in split.test)


def test_rows_without_a_time_train():
    split = hold_out(table(10, t=[*range(9), None]), "time", column="t")
    assert 9 in split.train


@pytest.mark.parametrize(
    ("how", "column", "code"),
    [("group", "one", "E-DATA-052"), ("time", "one", "E-DATA-053"), ("group", None, "E-DATA-051")],
)
def test_what_cannot_be_split_says_so(how, column, code):
    with pytest.raises((DataError, OptionError)) as caught:
        hold_out(table(10, one=["x"] * 10), how, column=column)
    assert caught.value.code == code


def test_one_row_cannot_be_split():
    with pytest.raises(DataError) as caught:
        hold_out(table(1), "random")
    assert caught.value.code == "E-DATA-050"


@given(CLASSES, st.integers(1, 10))
def test_random_folds_part_the_rows_and_keep_every_class_in_training(classes, members):
    made = folds(len(classes), "random", classes, members)
    assert len(made) == members
    for fold in made:
        assert sorted([*fold.train, *fold.valid]) == list(range(len(classes)))
        assert len(fold.train)
        assert len(fold.valid)
        counts = np.bincount(classes)
        if (counts >= 2).any():
            assert set(np.flatnonzero(counts >= 1)) <= set(classes[fold.train])


def test_eight_members_validate_on_every_row_once():
    made = folds(1000, "random", None, PARTS)
    assert sorted(np.concatenate([fold.valid for fold in made])) == list(range(1000))


def test_folds_keep_the_share_of_each_class():
    classes = np.array([0] * 800 + [1] * 80)
    for fold in folds(880, "random", classes, PARTS):
        assert (classes[fold.valid] == 1).sum() == 10


def test_folds_of_groups_keep_them_whole():
    groups = np.random.default_rng(0).integers(0, 30, 400)
    made = folds(400, "group", None, PARTS, groups=groups)
    for fold in made:
        assert not set(groups[fold.train]) & set(groups[fold.valid])
    assert sorted(np.concatenate([fold.valid for fold in made])) == list(range(400))


def test_folds_in_time_validate_on_the_latest_eighth():
    order = np.random.default_rng(0).permutation(80)
    made = folds(80, "time", None, 4, order=order)
    assert all(sorted(order[fold.valid]) == list(range(70, 80)) for fold in made)


def test_folds_of_one_group_or_instant_fall_back_to_random_ones():
    for options in ({"how": "group", "groups": np.ones(40)}, {"how": "time", "order": np.ones(40)}):
        made = folds(40, target=None, members=PARTS, **options)
        assert sorted(np.concatenate([fold.valid for fold in made])) == list(range(40))


def test_keys_follow_the_order_of_the_values():
    assert keys(table(4, t=["b", None, "a", "b"]), "t").tolist() == [2, 0, 1, 2]


@pytest.mark.parametrize(
    "texts", [["13/2/2024", "1/3/2024", "", "2/12/2023"], ["$10", "1,000", "n/a", "9"]]
)
def test_keys_of_texts_follow_the_dates_or_numbers_they_spell(texts):
    assert keys(table(4, t=texts), "t").tolist() == [2, 3, 0, 1]

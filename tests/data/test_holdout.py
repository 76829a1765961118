"""Holdout: each split by hand, nothing of the future in what is learned from."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from deeplode.data.holdout import TEST, TRAIN, VALID, by_chance, by_column, by_last, by_time
from deeplode.data.interactions import InteractionColumns, Interactions, interactions
from deeplode.data.table import Table
from deeplode.errors import DataError


def made(user: list[int], time: list[float] | None = None) -> Interactions:
    """Interactions of these users with items of their own number."""
    columns = {"user": user, "item": list(range(len(user)))}
    columns |= {} if time is None else {"time": time}
    when = None if time is None else "time"
    table = Table.of(pl.DataFrame(columns))
    return interactions(table, InteractionColumns("user", "item", None, when), 0.0)


def test_by_time_the_latest_tenth_is_the_test_and_nothing_known_is_later() -> None:
    chance = np.random.default_rng(0)
    one = made(chance.integers(0, 20, 500).tolist(), chance.random(500).tolist())
    part = by_time(one)
    assert one.time is not None
    assert one.time[part != TEST].max() < one.time[part == TEST].min()
    assert 45 <= (part == TEST).sum() <= 50
    for user in range(20):
        own = one.user == user
        before, valid = (one.time[own & (part == wanted)] for wanted in (TRAIN, VALID))
        assert len(valid) == max(1, int((len(before) + len(valid)) * 0.1))
        assert before.max() <= valid.min()


def test_by_time_moments_that_are_equal_fall_into_one_part() -> None:
    one = made([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [1, 2, 3, 4, 5, 6, 7, 8, 8, 8])
    assert one.time is not None
    assert not set(one.time[by_time(one) == TEST]) & set(one.time[by_time(one) != TEST])


def test_by_last_each_users_last_is_the_test_and_the_one_before_the_validation() -> None:
    one = made([1, 1, 1, 1, 2, 2, 3, 3, 3], [4, 1, 3, 2, 1, 2, 9, 8, 7])
    part = by_last(one)
    of_one = part[one.user == 0]
    assert of_one.tolist() == [TRAIN, TRAIN, VALID, TEST]
    assert part[one.user == 1].tolist() == [TRAIN, TRAIN]  # two are too few to hold out
    assert part[one.user == 2].tolist() == [TRAIN, VALID, TEST]


def test_by_chance_holds_out_as_many_of_each_user_as_published_tables_do() -> None:
    # 8:1:1 of each user's interactions, as RecBole counts: a tenth, rounded down, at least one
    # for each part as long as one is left to learn from.
    counts = {1: (1, 0, 0), 2: (1, 0, 1), 3: (1, 1, 1), 9: (7, 1, 1), 10: (8, 1, 1), 19: (17, 1, 1),
              20: (16, 2, 2), 35: (29, 3, 3), 100: (80, 10, 10)}  # fmt: skip
    one = made([count for count in counts for _ in range(count)])
    part = by_chance(one, 0)
    for at, wanted in enumerate(counts.values()):
        own = part[one.user == at]
        assert tuple(int((own == which).sum()) for which in (TRAIN, VALID, TEST)) == wanted


def test_by_chance_depends_on_the_seed_alone() -> None:
    one = made(np.random.default_rng(0).integers(0, 30, 600).tolist())
    assert np.array_equal(by_chance(one, 3), by_chance(one, 3))
    assert not np.array_equal(by_chance(one, 3), by_chance(one, 4))


def of_words(words: list[str]) -> np.ndarray:
    frame = pl.DataFrame({"user": [1] * len(words), "item": range(len(words)), "part": words})
    table = Table.of(frame, "bought.csv")
    one = interactions(table, InteractionColumns("user", "item"), 0.0)
    return by_column(one, table, "part", 0)


def test_a_column_says_the_parts_and_validation_is_drawn_where_it_names_none() -> None:
    words = ["train", " Valid", "TEST", "dev", "validation"]
    assert of_words(words).tolist() == [TRAIN, VALID, TEST, VALID, VALID]
    part = of_words(["train"] * 20 + ["test"] * 5)
    assert (part[:20] == VALID).sum() == 2
    assert (part[20:] == TEST).all()


def test_a_word_that_names_no_part_is_an_error_with_its_row() -> None:
    with pytest.raises(DataError) as error:
        of_words(["train", "train", "tset"])
    told = error.value.as_json()
    assert (told["code"], told["row"], told["column"]) == ("E-DATA-201", 2, "part")

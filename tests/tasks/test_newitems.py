"""New items are recommended by their columns, to those whose taste they are."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from deeplode import Recommender
from deeplode.errors import DataError, OptionError

GENRES = ("war", "love", "space")


def interactions() -> pl.DataFrame:
    """60 users, each of one genre, with 6 of its 12 items and 1 of the others."""
    chance = np.random.default_rng(0)
    rows = []
    for user in range(60):
        own = user % 3
        liked = chance.permutation(12)[:6] * 3 + own
        rows += [{"user": user, "item": int(item)} for item in (*liked, chance.integers(36))]
    return pl.DataFrame(rows)


def items(numbers: range) -> pl.DataFrame:
    """Item 3 n + g is of genre g."""
    return pl.DataFrame(
        {"item": list(numbers), "genre": [GENRES[one % 3] for one in numbers],
         "title": [f"Film {one}" for one in numbers]}
    )  # fmt: skip


@pytest.fixture(scope="module")
def fitted() -> Recommender:
    return Recommender(split="random").fit(interactions(), items=items(range(36)))


def test_a_new_item_goes_to_users_whose_taste_its_columns_are(fitted: Recommender) -> None:
    new = items(range(36, 42))
    lists = fitted.recommend(k=2, items=new, only=new["item"].to_list())
    fits = lists["item"] % 3 == lists["user"] % 3
    assert fits.mean() > 0.9
    assert lists["title"].str.starts_with("Film").all()


def test_new_items_stand_among_the_known_ones_and_change_no_model(fitted: Recommender) -> None:
    before = fitted.recommend(k=5)
    mixed = fitted.recommend(k=40, items=items(range(36, 42)))
    assert set(range(36, 42)) <= set(mixed["item"].to_list())
    assert fitted.recommend(k=5).equals(before)


def test_known_items_of_a_table_of_new_ones_stay_as_they_are(fitted: Recommender) -> None:
    assert fitted.recommend(k=5, items=items(range(36))).equals(fitted.recommend(k=5))


def test_a_new_item_that_comes_twice_is_refused(fitted: Recommender) -> None:
    new = items(range(36, 38))
    with pytest.raises(DataError, match="twice"):
        fitted.recommend(k=2, items=pl.concat([new, new]))


def test_new_items_need_columns_that_were_learned_from() -> None:
    plain = Recommender(split="random").fit(interactions())
    with pytest.raises(OptionError, match="columns of items"):
        plain.recommend(k=2, items=items(range(36, 42)))

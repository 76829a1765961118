"""Recommender.partial_fit: what counts is added, nets go on, and nothing is learned twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from deeplode import Recommender
from deeplode.recommenders.scorer import Grounds
from deeplode.recommenders.ways import WAYS

TOLD: dict[str, Any] = {"user": "user", "item": "film", "rating": "stars", "timestamp": "when",
                        "seed": 0, "threads": 1}  # fmt: skip

pytestmark = pytest.mark.usefixtures("short_nets")


@pytest.fixture(scope="module")
def watched(tastes: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    return tastes()


def test_partial_fit_takes_in_new_users_and_items_and_the_first_call_is_fit(
    watched: pl.DataFrame,
) -> None:
    grown = Recommender(**TOLD).partial_fit(watched)
    scores = grown.facts_["metrics"]
    new = [(f"n{at}", film, 5, 1_800_000_000) for at in range(30) for film in (100, 104, 777)]
    new += [("n99", 100, 5, 1_800_000_001), ("u003", 777, 1, 1_800_000_002)]
    more = pl.DataFrame(new, watched.columns, orient="row")
    before = more.clone()
    grown.partial_fit(more)
    assert more.equals(before)
    assert grown.facts_["metrics"] == scores
    assert grown.recommend(["n99"], k=1)["item"].to_list() in ([777], [104])
    assert 777 not in grown.recommend(["u003"], k=61)["item"]  # seen, and not liked
    assert 777 in grown.similar_items(104, k=10)["similar"]
    assert len(grown.recommend(["n0"], k=100)) == 61 - 3


def test_after_partial_fit_what_counts_is_as_if_fitted_to_all_and_nets_have_gone_on(
    watched: pl.DataFrame,
) -> None:
    rows = watched.sort("when")
    one = Recommender(**TOLD).fit(rows[:-900])
    before = {name: own.setting for name, own in one.model_.blend.scorers.items()}
    one.partial_fit(rows[-900:-400]).partial_fit(rows[-400:])
    known = one.model_.catalogue
    liked = rows.filter(pl.col("stars") >= 3).unique(["user", "film"])
    assert len(known.known.item) == len(liked)
    for name, own in one.model_.blend.scorers.items():
        if WAYS[name].deep:
            assert own.setting["epochs"] == before[name]["epochs"] + 2 * 2  # short_nets: 2 epochs
            continue
        assert own.setting == before[name]
        whole = WAYS[name].fit(known.known, own.setting, Grounds()).arrays()
        assert all(np.array_equal(whole[part], array) for part, array in own.arrays().items())


def test_taking_in_what_is_known_already_changes_no_list(watched: pl.DataFrame) -> None:
    one = Recommender(**TOLD, refit=True).fit(watched)
    lists = one.recommend()
    one.partial_fit(watched.sample(fraction=1, shuffle=True, seed=0))
    assert one.recommend().drop("score").equals(lists.drop("score"))

"""From interactions to a model: nothing of the test is learned from, scores are as they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from deeplode.data.holdout import TEST
from deeplode.data.table import Table
from deeplode.errors import OptionError
from deeplode.recommended import Made, columns_of, make, wish_of
from deeplode.recommenders.histories import Histories
from deeplode.recommendoptions import RecommendOptions
from deeplode.runtime import Budget
from deeplode.tasks import scoringtime
from deeplode.tasks.gathered import gather
from deeplode.tasks.heldout import HeldOut, hold_out

Tastes = Callable[..., pl.DataFrame]
TOLD = RecommendOptions(user="user", item="film", rating="stars", timestamp="when")

pytestmark = pytest.mark.usefixtures("short_nets")


def made(frame: pl.DataFrame, told: RecommendOptions = TOLD, **beside: pl.DataFrame) -> Made:
    tables = {name: Table.of(own, name) for name, own in beside.items()}
    return make(Table.of(frame, "watched"), tables, told, Budget(), 1)


def held_out(frame: pl.DataFrame, told: RecommendOptions = TOLD) -> tuple[HeldOut, np.ndarray]:
    """The split of a run, and (rows of the test,) their rows in the frame."""
    table = Table.of(frame)
    gathered = gather(table, columns_of(told, table), wish_of(told))
    held = hold_out(gathered, table, told.split, told.split_column, told.seed)
    return held, gathered.liked.row[held.part == TEST]


@pytest.fixture(scope="module")
def watched(tastes: Tastes) -> pl.DataFrame:
    return tastes()


@pytest.fixture(scope="module")
def learned(watched: pl.DataFrame) -> Made:
    return made(watched)


def scorers(one: Made) -> Mapping[str, np.ndarray]:
    """All that was learned, apart from what is known of users."""
    arrays = one.model.arrays()
    return {name: own for name, own in arrays.items() if name.startswith("scorer.")}


@pytest.mark.parametrize("split", ["time", "last", "random"])
def test_other_test_interactions_lead_to_the_same_model_to_the_bit(
    watched: pl.DataFrame, split: str
) -> None:
    told = replace(TOLD, split=split)
    _, rows = held_out(watched, told)
    had = set(watched.select("user", "film").rows())
    films, users = watched["film"].to_numpy().copy(), watched["user"].to_list()
    for row in rows.tolist():  # a film that the user never had
        films[row] = next(film for film in range(100, 160) if (users[row], film) not in had)
        had.add((users[row], int(films[row])))
    other = watched.with_columns(pl.Series("film", films))
    one, two = made(watched, told), made(other, told)
    assert len(rows) > 200
    assert one.model.blend.weights == two.model.blend.weights
    assert scorers(one).keys() == scorers(two).keys()
    for name, array in scorers(one).items():
        assert np.array_equal(array, scorers(two)[name]), name
    assert one.facts["metrics"] != two.facts["metrics"]


def test_an_item_that_a_user_had_never_comes_back_not_even_a_disliked_one(
    watched: pl.DataFrame, learned: Made
) -> None:
    assert watched["stars"].min() < 3  # some are disliked
    everyone = learned.model.catalogue.everyone()
    lists = learned.model.frame(learned.model.recommend(everyone, 60))
    had = watched.rename({"film": "item"}).select("user", "item")
    assert len(lists) == 240 * (60 - 12)
    assert lists.join(had, on=["user", "item"], how="semi").is_empty()


def test_every_user_gets_the_top_k_in_falling_order_with_a_reason_of_its_own_history(
    watched: pl.DataFrame, learned: Made
) -> None:
    model = learned.model
    lists = model.frame(model.recommend(model.catalogue.everyone(), 10))
    assert lists.group_by("user").len()["len"].to_list() == [10] * 240
    for (user,), own in lists.group_by("user"):
        assert own["rank"].to_list() == list(range(1, 11))
        assert own["score"].is_sorted(descending=True)
        liked = watched.filter((pl.col("user") == user) & (pl.col("stars") >= 3))["film"]
        assert set(own["because"].drop_nulls()) <= set(liked)


def test_scores_are_what_a_hand_computation_finds(watched: pl.DataFrame, learned: Made) -> None:
    held, rows = held_out(watched)
    model, known = learned.model, learned.model.catalogue
    before = watched[np.setdiff1d(np.arange(len(watched)), rows)].filter(pl.col("stars") >= 3)
    after, values, places = watched[rows], [], {}
    for (user,), took in after.group_by("user", maintain_order=True):
        films = before.filter(pl.col("user") == user).sort("when")["film"]
        if not len(films):
            continue
        history = Histories(60, np.array([0, len(films)]), known.places_of(films))
        scores = model.blend.scores(history)[0].astype(float)
        scores[history.item] = -np.inf
        order = known.items.gather(np.argsort(-scores, kind="stable")).to_list()
        ranks = [order.index(film) + 1 for film in took["film"]]
        places |= {(user, film): rank for film, rank in zip(took["film"], ranks, strict=True)}
        gain = sum(1 / np.log2(rank + 1) for rank in ranks if rank <= 10)
        values.append(gain / sum(1 / np.log2(at + 2) for at in range(min(10, len(ranks)))))
    ndcg = learned.facts["metrics"]["ndcg@10"]
    assert len(values) == len(held.test) == learned.facts["split"]["test_users"]
    assert ndcg["value"] == pytest.approx(np.mean(values))
    error = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values))
    assert ndcg["high"] - ndcg["value"] == pytest.approx(error)
    told = learned.tests.filter(pl.col("rank").is_not_null())
    assert {(user, item): rank for user, item, rank in told.select("user", "item", "rank").rows()
            } == places  # fmt: skip


def test_users_with_taste_are_served_better_than_by_what_is_popular(learned: Made) -> None:
    board = {one["name"]: one["metrics"]["ndcg@10"]["value"]
             for one in learned.facts["leaderboard"]}  # fmt: skip
    assert board["blend"] > 1.5 * board["popularity"]
    assert learned.facts["verdict"]["signal"] is True
    assert "W-REC-014" not in {one.code for one in learned.notices}
    assert sum(learned.facts["weights"].values()) == pytest.approx(1)


def test_the_verdict_names_the_best_way_and_its_lead_user_by_user(learned: Made) -> None:
    board = {one["name"]: one["metrics"]["ndcg@10"] for one in learned.facts["leaderboard"]}
    first, second = sorted(board, key=lambda name: -board[name]["value"])[:2]
    said = learned.facts["verdict"]["sentences"][1]
    values = said["values"]
    assert {board[values["first"]]["value"], board[values["second"]]["value"]} == {
        board[first]["value"], board[second]["value"]
    }  # fmt: skip
    assert values["value"] == pytest.approx(board[first]["value"] - board[second]["value"])
    assert values["low"] <= values["value"] <= values["high"]
    assert said["code"] == ("V-106" if values["low"] > 0 else "V-107")
    paired = values["high"] - values["low"]  # differences of the same users vary less than scores
    assert paired < board[first]["high"] - board[first]["low"]


def test_where_all_users_are_alike_there_is_no_signal() -> None:
    frame = pl.DataFrame({"user": np.repeat(np.arange(60), 8), "film": np.tile(np.arange(8), 60)})
    one = made(frame, RecommendOptions(user="user", item="film"))
    assert one.facts["verdict"]["signal"] is False
    assert one.facts["verdict"]["sentences"][0]["code"] == "V-102"
    (doubt,) = [notice for notice in one.notices if notice.code == "W-REC-014"]
    assert doubt.values["users"] == one.facts["split"]["test_users"]
    assert doubt.values["low"] <= 0 <= doubt.values["high"]


def test_by_chance_alone_there_is_no_signal() -> None:
    chance = np.random.default_rng(0)
    rows = {"user": chance.integers(0, 100, 1_500), "film": chance.integers(0, 50, 1_500)}
    facts = made(pl.DataFrame(rows), RecommendOptions(user="user", item="film")).facts
    assert facts["verdict"]["signal"] is False


def test_users_with_one_interaction_each_get_lists_and_a_verdict_that_says_nothing_is_known() -> (
    None
):
    frame = pl.DataFrame({"user": range(30), "film": [at % 6 for at in range(30)]})
    one = made(frame, RecommendOptions(user="user", item="film"))
    assert one.facts["metrics"] == {}
    assert one.facts["verdict"]["sentences"][0]["code"] == "V-100"
    lists = one.model.recommend(one.model.catalogue.everyone(), 3)
    assert (lists.item >= 0).all()


def test_an_item_seen_once_is_known_but_held_out_like_any_other(watched: pl.DataFrame) -> None:
    rare = pl.DataFrame({"user": ["u000"], "film": [999], "stars": [5], "when": [1_800_000_000]})
    one = made(pl.concat([watched, rare]))
    assert 999 in one.model.catalogue.items
    assert one.tests.filter(pl.col("item") == 999)["rank"].item() > 10


def test_learning_again_from_all_leaves_the_scores_and_changes_what_was_learned(
    watched: pl.DataFrame, learned: Made
) -> None:
    again = made(watched, replace(TOLD, refit=True))
    assert again.facts["metrics"] == learned.facts["metrics"]
    popular = again.model.blend.scorers["popularity"].arrays()["users"]
    liked = watched.filter(pl.col("stars") >= 3)["film"].value_counts(sort=False).sort("film")
    assert popular.tolist() == liked["count"].to_list()
    assert popular.sum() > learned.model.blend.scorers["popularity"].arrays()["users"].sum()


def test_test_users_there_is_no_time_for_are_told_of_and_flagged(
    watched: pl.DataFrame, learned: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoringtime, "MOST", 50)
    few = made(watched)
    assert few.facts["split"]["test_users"] == 50
    assert "W-REC-013" in {one.code for one in few.notices}
    assert set(few.tests["flags"]) == {"", "not_scored"}
    whole = learned.tests.filter(few.tests["rank"].is_not_null())
    assert whole.equals(few.tests.filter(pl.col("rank").is_not_null()))


def test_a_repeated_interaction_that_is_kept_is_no_test_of_what_was_seen() -> None:
    chance = np.random.default_rng(0)
    rows = {"user": np.repeat(np.arange(40), 10), "film": chance.integers(0, 12, 400)}
    told = RecommendOptions(user="user", item="film", duplicates="keep", split="random")
    tests = made(pl.DataFrame(rows), told).tests
    assert set(tests["flags"]) == {"", "seen"}
    assert (tests["rank"].is_null() == (tests["flags"] == "seen")).all()


def test_what_is_known_of_items_nobody_had_makes_them_part_of_the_catalogue(
    watched: pl.DataFrame,
) -> None:
    films = pl.DataFrame(
        {"film": [*range(100, 160), 777, None], "taste": [*"abcd"] * 15 + ["a"] * 2}
    )
    one = made(watched, items=films)
    assert one.model.catalogue.items.to_list()[60:] == [777]
    order = made(watched, items=films.sample(fraction=1, shuffle=True, seed=1))
    assert order.model.catalogue.items.to_list() == one.model.catalogue.items.to_list()


def test_a_table_of_titles_alone_names_items_and_kinds_go_to_the_table_that_has_the_column(
    watched: pl.DataFrame,
) -> None:
    films = pl.DataFrame({"film": range(100, 160), "title": [f"Film {at}" for at in range(60)]})
    one = made(watched, items=films)
    assert one.model.of_items is None
    assert one.model.catalogue.names[0] == "Film 0"
    people = pl.DataFrame({"user": [f"u{at:03}" for at in range(240)], "zip": [*range(60)] * 4})
    told = replace(TOLD, kinds={"title": "text", "zip": "category"})
    both = made(watched, told, items=films, users=people)
    assert both.model.of_items is not None
    assert both.model.of_users is not None
    with pytest.raises(OptionError) as error:
        made(watched, replace(TOLD, kinds={"titel": "text"}), items=films, users=people)
    assert error.value.code == "E-DATA-043"


def test_the_published_protocol_keeps_ratings_from_3_and_ten_interactions_each(
    tastes: Tastes,
) -> None:
    frame = tastes(users=200, films=24, each=16)
    told = replace(TOLD, timestamp=None, protocol="recbole")
    facts: dict[str, Any] = made(frame, told).facts
    assert facts["interactions"]["least_rating"] == 3
    split = facts["split"]
    assert split["how"] == "random"
    of_user = {}
    kept = frame.filter(pl.col("stars") >= 3)
    while len(kept):  # 10-core by hand
        users = kept.group_by("user").len().filter(pl.col("len") >= 10)
        films = kept.group_by("film").len().filter(pl.col("len") >= 10)
        fewer = kept.join(users, on="user", how="semi").join(films, on="film", how="semi")
        if len(fewer) == len(kept):
            break
        kept = fewer
    of_user = kept.group_by("user").len()["len"].to_numpy()
    assert len(of_user) > 20
    assert split["test"] == split["valid"] == (of_user // 10).sum()
    assert split["train"] == (of_user - 2 * (of_user // 10)).sum()

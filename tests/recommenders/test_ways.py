"""Every way of recommending keeps the same promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from deeplode.evaluate import ranking
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.scorer import Grounds, Scorer, Setting
from deeplode.recommenders.ways import WAYS
from deeplode.runtime import Budget

EACH = pytest.mark.parametrize("name", WAYS)
NETS = pytest.mark.parametrize("name", [name for name, way in WAYS.items() if way.deep])
ITEMS = 40


def tastes(users: int = 120, items: int = ITEMS, seed: int = 0) -> Histories:
    """Users of four tastes, who take 8 of the items of their own taste one after the other."""
    chance = np.random.default_rng(seed)
    start = chance.integers(0, items // 4, users)
    taste = np.arange(users) % 4
    step = (start[:, None] + np.arange(8)) % (items // 4)
    item = taste[:, None] * (items // 4) + step
    return Histories.of(users, items, np.repeat(np.arange(users), 8), item.ravel())


def columns(items: int = ITEMS) -> np.ndarray:
    """(items, 5): what is known of each: its taste, and a column without meaning."""
    known = np.zeros((items, 5), np.float32)
    known[np.arange(items), np.arange(items) * 4 // items] = 1
    known[:, 4] = np.random.default_rng(0).normal(size=items)
    return known


def grounds(items: int = ITEMS, seed: int = 0, **more: Any) -> Grounds:
    return Grounds(seed=seed, item_features=columns(items), **more)


def quick(name: str) -> Setting:
    """The most promising setting; of a net few epochs."""
    setting = dict(WAYS[name].settings[0])
    return {**setting, "epochs": 12} if "epochs" in setting else setting


def fitted(name: str, histories: Histories, at: Grounds | None = None) -> Scorer:
    return WAYS[name].fit(histories, quick(name), at or grounds(histories.items))


@pytest.fixture(scope="module")
def learned() -> dict[str, Scorer]:
    return {name: fitted(name, tastes()) for name in WAYS}


@EACH
def test_items_of_a_users_own_taste_are_recommended(name: str, learned: dict[str, Scorer]) -> None:
    if name == "popularity":
        pytest.skip("knows no tastes")
    own = tastes()
    scores = learned[name].scores(own)
    scores[own.user, own.item] = -np.inf
    ranked = ranking.top(scores, 2)
    assert (ranked // (ITEMS // 4) == (np.arange(len(own)) % 4)[:, None]).mean() > 0.9


@EACH
def test_a_users_scores_depend_on_no_other_user_and_on_no_batch_size(
    name: str, learned: dict[str, Scorer]
) -> None:
    own, scorer = tastes(300, seed=1), learned[name]
    scores = scorer.scores(own)
    assert scores.shape == (300, ITEMS)
    assert scores.dtype == np.float32
    order = np.random.default_rng(2).permutation(300)
    assert (scorer.scores(own.rows(order)) == scores[order]).all()
    for few in (own.rows(np.array([7])), own.rows(np.array([7, 8, 9]))):
        assert (scorer.scores(few) == scores[7 : 7 + len(few)]).all()
    assert scorer.scores(own.rows(np.empty(0, np.int64))).shape == (0, ITEMS)


@EACH
def test_the_same_seed_gives_the_same_bits(name: str, learned: dict[str, Scorer]) -> None:
    assert (fitted(name, tastes()).scores(tastes()) == learned[name].scores(tastes())).all()


@EACH
def test_what_is_restored_gives_the_same_bits(name: str, learned: dict[str, Scorer]) -> None:
    one, own = learned[name], tastes()
    again = WAYS[name].restore(one.facts(), one.arrays())
    assert (again.scores(own) == one.scores(own)).all()
    assert again.setting == one.setting
    assert again.facts() == one.facts()


@EACH
def test_a_user_without_history_gets_finite_scores(name: str, learned: dict[str, Scorer]) -> None:
    nobody = Histories(ITEMS, np.zeros(2, np.int64), np.empty(0, np.int64))
    assert np.isfinite(learned[name].scores(nobody)).all()


@EACH
@pytest.mark.parametrize(
    "histories",
    [
        Histories(1, np.array([0, 1]), np.array([0])),
        Histories(3, np.array([0, 1]), np.array([2])),
        Histories(1, np.array([0, 1, 2, 4]), np.array([0, 0, 0, 0])),
        Histories(2, np.array([0, 2, 2]), np.array([1, 1])),
        Histories.of(20, 4, np.repeat(np.arange(20), 4), np.tile(np.arange(4), 20)),
        Histories(70, np.arange(71), np.arange(70)),
        Histories(np.int64(3), np.array([0, 2]), np.array([2, 1])),  # type: ignore[arg-type]
    ],
    ids=[
        "1 user 1 item",
        "1 of 3 items",
        "1 item",
        "one twice",
        "all equal",
        "all different",
        "NumPy's 3",
    ],
)
def test_poor_histories_get_finite_scores(name: str, histories: Histories) -> None:
    one = fitted(name, histories)
    assert np.isfinite(one.scores(histories)).all()
    again = WAYS[name].restore(one.facts(), one.arrays())
    assert (again.scores(histories) == one.scores(histories)).all()


@EACH
def test_histories_of_other_items_are_refused(name: str, learned: dict[str, Scorer]) -> None:
    with pytest.raises(ValueError, match="40 items"):
        learned[name].scores(tastes(4, 44))


@EACH
def test_a_state_that_it_could_not_have_written_is_refused(
    name: str, learned: dict[str, Scorer]
) -> None:
    one = learned[name]
    facts, arrays = one.facts(), one.arrays()

    def refused(facts: Any, arrays: Any) -> None:
        with pytest.raises((ValueError, KeyError, TypeError)):
            WAYS[name].restore(facts, arrays)

    for key, value in arrays.items():
        refused(facts, {k: v for k, v in arrays.items() if k != key})
        refused(facts, {**arrays, key: value.astype(np.complex64)})
        refused(facts, {**arrays, key: value[..., None]})
        if value.dtype.kind == "f":
            refused(facts, {**arrays, key: np.full_like(value, np.nan)})
        if value.dtype.kind == "i" and name != "popularity":
            refused(facts, {**arrays, key: value - 2})
            refused(facts, {**arrays, key: value + 2**30})
    for key in facts:
        refused({k: v for k, v in facts.items() if k != key}, arrays)
        for wrong in ("many", -1, 2**60, [1e300], {"l2": "x"}, {"l2": float("nan")}, None):
            refused({**facts, key: wrong}, arrays)


@EACH
def test_a_spent_budget_still_gives_a_scorer(name: str) -> None:
    own = tastes()
    one = fitted(name, own, grounds(budget=Budget.begin(0.0)))
    assert np.isfinite(one.scores(own)).all()


@EACH
def test_settings_are_finite_numbers_and_no_two_are_the_same(name: str) -> None:
    settings = [tuple(sorted(one.items())) for one in WAYS[name].settings]
    assert len(set(settings)) == len(settings) > 0
    assert all(np.isfinite(value) for one in settings for _, value in one)


@NETS
def test_a_net_goes_on_from_where_an_earlier_one_ended_among_further_items_too(
    name: str, learned: dict[str, Scorer]
) -> None:
    own, more = tastes(), replace(tastes(), items=ITEMS + 3)
    known = np.concatenate([columns(), np.zeros((3, 5), np.float32)])
    at = Grounds(item_features=known, earlier=learned[name])
    begun = WAYS[name].fit(more, {"epochs": 0}, at)
    wanted = learned[name].scores(own)
    assert np.allclose(begun.scores(more)[:, :ITEMS], wanted, atol=1e-4)
    gone_on = WAYS[name].fit(more, {"epochs": 1}, at)
    assert gone_on.setting["epochs"] == learned[name].setting["epochs"] + 1
    assert not np.allclose(gone_on.scores(more)[:, :ITEMS], wanted, atol=1e-4)

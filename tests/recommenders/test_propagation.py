"""Graph filter: the formula on a case small enough to do by hand."""

from __future__ import annotations

import numpy as np
import pytest

from deeplode.recommenders import propagation
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.propagation import fit_graph_filter
from deeplode.recommenders.scorer import Grounds
from deeplode.runtime import Budget

# Users had: {0, 1}, {1, 2}; nobody had 3.
TWO = Histories(4, np.array([0, 2, 4]), np.array([0, 1, 1, 2]))
SETTING = {"users": 0.8, "given": 0.75, "wanted": 0.3}


@pytest.mark.parametrize("few", [0, 4096], ids=["many items", "few items"])
def test_interest_spreads_over_users_to_their_items(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propagation, "FEW", few)
    one = fit_graph_filter(TWO, SETTING, Grounds())
    history = Histories(4, np.array([0, 1, 3]), np.array([0, 0, 1]))
    user = 2**-0.8  # each has two items
    middle = 2**-0.75  # item 1 has two users
    first = [user, user * 2**-0.3, 0, 0]
    second = [user * middle, 2 * user * middle * 2**-0.3, user * middle, 0]
    assert one.scores(history)[0] == pytest.approx(first)
    assert one.scores(history)[1] == pytest.approx(np.add(first, second))


def test_what_many_items_are_scored_is_restored_bit_by_bit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(propagation, "FEW", 0)
    one = fit_graph_filter(TWO, SETTING, Grounds())
    again = type(one).restore(one.facts(), one.arrays())
    assert (again.scores(TWO) == one.scores(TWO)).all()
    assert (one.scores(TWO.rows(np.array([1]))) == one.scores(TWO)[1:]).all()


def test_powers_beyond_reason_are_refused() -> None:
    one = fit_graph_filter(TWO, SETTING, Grounds())
    with pytest.raises(ValueError, match="powers"):
        type(one).restore({"setting": {**SETTING, "users": 1e9}}, one.arrays())


def groups(users: int = 90, items: int = 80) -> Histories:
    """Users of two tastes, some of both."""
    chance = np.random.default_rng(0)
    own = np.arange(items) % 2 == (np.arange(users) % 2)[:, None]
    return Histories.of(users, items, *np.nonzero(chance.random((users, items)) < 0.05 + 0.6 * own))


@pytest.mark.parametrize("few", [0, 4096], ids=["many items", "few items"])
def test_the_low_pass_part_is_sharpened_and_added(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propagation, "FEW", few)
    own, setting = groups(), {"users": 0.6, "given": 0.7, "wanted": 0.3, "low": 2.0, "sharp": 0.8}
    one = fit_graph_filter(own, setting, Grounds())
    x = own.matrix.toarray().astype(np.float64)
    users, items = x.sum(1, keepdims=True), x.sum(0)
    g, s = users**-0.3 * x * items**-0.3, users**-0.5 * x * items**-0.5
    value, vector = np.linalg.eigh(g.T @ g)
    value, vector = value[-2:], vector[:, -2:]  # one for each 40 items
    low = 2 * value[0] * vector @ vector.T
    low -= 0.8 * (vector * (value + 2 * value[0])) @ vector.T @ s.T @ s
    expected = (x * items**-0.4) @ (g.T @ g + low)
    assert one.scores(own) == pytest.approx(expected, rel=2e-3, abs=2e-3)
    again = type(one).restore(one.facts(), one.arrays())
    assert (again.scores(own) == one.scores(own)).all()


def test_without_time_for_directions_the_linear_part_is_left_and_the_setting_says_so() -> None:
    setting = {**SETTING, "low": 2.0, "sharp": 0.8}
    one = fit_graph_filter(groups(), setting, Grounds(budget=Budget.begin(0.0)))
    linear = fit_graph_filter(groups(), SETTING, Grounds())
    assert one.setting["low"] == 0
    assert (one.scores(groups()) == linear.scores(groups())).all()

"""Two towers: items and users are known by their columns too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deeplode.recommenders.histories import Histories
from deeplode.recommenders.scorer import Grounds
from deeplode.recommenders.towers import TwoTowers, fit_two_towers


def tastes(features: bool = False) -> Histories:
    """100 users of two tastes, 6 of the 10 items of their own taste each."""
    chance = np.random.default_rng(0)
    item = np.stack([10 * (user % 2) + chance.permutation(10)[:6] for user in range(100)])
    own = Histories.of(100, 20, np.repeat(np.arange(100), 6), item.ravel())
    told = np.eye(2, dtype=np.float32)[np.arange(100) % 2]
    return replace(own, features=told) if features else own


KNOWN = np.repeat(np.eye(2, dtype=np.float32), 10, axis=0)  # the taste of each item


def learned(own: Histories) -> TwoTowers:
    return fit_two_towers(own, {"epochs": 60}, Grounds(item_features=KNOWN))


def test_new_items_are_recommended_by_their_columns_and_old_scores_stay() -> None:
    own = tastes()
    one = learned(own)
    more = one.with_items(np.eye(2, dtype=np.float32))
    wide = Histories(22, own.start, own.item)
    scores = more.scores(wide)
    of_own_taste = scores[np.arange(100), 20 + np.arange(100) % 2]
    of_other_taste = scores[np.arange(100), 21 - np.arange(100) % 2]
    assert (of_own_taste > of_other_taste).all()
    assert scores[:, :20] == pytest.approx(one.scores(own), abs=1e-5)
    again = TwoTowers.restore(more.facts(), more.arrays())
    assert (again.scores(wide) == scores).all()


def test_a_user_without_history_is_known_by_its_columns() -> None:
    one = learned(tastes(features=True))
    nobody = Histories(
        20, np.zeros(3, np.int64), np.empty(0, np.int64), np.eye(2, dtype=np.float32)
    )
    first, second = one.scores(nobody)
    assert first[:10].mean() > first[10:].mean()
    assert second[:10].mean() < second[10:].mean()
    unknown = replace(nobody, features=None)
    assert np.isfinite(one.scores(unknown)).all()


def test_columns_that_do_not_fit_are_refused() -> None:
    one = learned(tastes(features=True))
    with pytest.raises(ValueError, match="2 columns"):
        one.with_items(np.zeros((1, 3), np.float32))
    with pytest.raises(ValueError, match="2 columns"):
        one.scores(replace(tastes(), features=np.zeros((100, 3), np.float32)))
    with pytest.raises(ValueError, match="columns of items"):
        fit_two_towers(tastes(), {"epochs": 1}, Grounds())

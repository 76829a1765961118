"""Item neighbours: the formula on cases small enough to do by hand."""

from __future__ import annotations

import numpy as np
import pytest

from deeplode.recommenders import itemknn
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.itemknn import fit_item_neighbours
from deeplode.recommenders.scorer import Grounds

# Users had: {0, 1}, {0, 1, 2}, {0}, {2}.
FOUR = Histories(3, np.array([0, 2, 5, 6, 7]), np.array([0, 1, 0, 1, 2, 0, 2]))


def test_a_weight_is_the_cosine_of_two_items_users_with_shrinkage() -> None:
    one = fit_item_neighbours(FOUR, {"k": 2, "shrink": 1.0}, Grounds())
    expected = np.zeros((3, 3))
    expected[0, 1] = expected[1, 0] = 2 / (np.sqrt(3 * 2) + 1)
    expected[0, 2] = expected[2, 0] = 1 / (np.sqrt(3 * 2) + 1)
    expected[1, 2] = expected[2, 1] = 1 / (np.sqrt(2 * 2) + 1)
    assert one.weights.toarray() == pytest.approx(expected)
    history = Histories(3, np.array([0, 2]), np.array([0, 2]))
    assert one.scores(history)[0] == pytest.approx(expected[0] + expected[2])


def test_an_item_is_scored_by_its_k_nearest_neighbours_alone() -> None:
    one = fit_item_neighbours(FOUR, {"k": 1, "shrink": 0.0}, Grounds())
    weights = one.weights.toarray()
    assert ((weights > 0).sum(0) == 1).all()
    assert weights[0, 1] == weights[1, 0] == pytest.approx(2 / np.sqrt(6))
    assert weights[1, 2] == pytest.approx(0.5)  # 1 / 2, above 1 / sqrt(6)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    own = Histories.of(60, 30, np.repeat(np.arange(60), 5), chance.integers(0, 30, 300))
    whole = fit_item_neighbours(own, {"k": 4, "shrink": 2.0}, Grounds()).weights
    monkeypatch.setattr(itemknn, "BLOCK", 7)
    parts = fit_item_neighbours(own, {"k": 4, "shrink": 2.0}, Grounds()).weights
    assert (whole != parts).nnz == 0

"""ADMM-SLIM: the weights are the least of what they are said to be the least of."""

from __future__ import annotations

import numpy as np
import pytest

from deeplode.recommenders import slim
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.scorer import Grounds
from deeplode.recommenders.slim import fit_slim


def histories(users: int = 60, items: int = 10) -> Histories:
    chance = np.random.default_rng(3)
    return Histories.of(users, items, *np.nonzero(chance.random((users, items)) < 0.4))


def by_coordinates(x: np.ndarray, penalty: np.ndarray, l1: float) -> np.ndarray:
    """The same problem by coordinate descent, as SLIM was solved first (Ning, Karypis 2011)."""
    gram, weights = x.T @ x, np.zeros((x.shape[1], x.shape[1]))
    for _ in range(300):
        for i in range(len(gram)):
            rest = gram[i] - gram[i] @ weights + gram[i, i] * weights[i]
            weights[i] = np.maximum(rest - l1, 0) / (gram[i, i] + penalty[i])
            weights[i, i] = 0
    return weights


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_weights_are_those_of_coordinate_descent(
    alpha: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slim, "STEPS", 400)
    own = histories()
    x = own.matrix.toarray().astype(np.float64)
    users = x.sum(0)
    mean = users.mean()
    weights = fit_slim(own, {"l1": 0.1, "l2": 0.5, "alpha": alpha}, Grounds()).weights.toarray()
    expected = by_coordinates(x, 0.5 * mean * (users / mean) ** alpha, 0.1 * mean)
    assert weights == pytest.approx(expected, abs=1e-4)
    assert (weights >= 0).all()
    assert (np.diag(weights) == 0).all()


def test_more_l1_leaves_fewer_weights() -> None:
    few, many = (
        fit_slim(histories(), {"l1": l1, "l2": 0.5, "alpha": 1.0}, Grounds()).weights.nnz
        for l1 in (0.1, 0.0)
    )
    assert 0 < few < many


def test_where_memory_is_short_the_most_popular_items_alone_get_weights() -> None:
    own = histories()
    users = np.asarray(own.matrix.sum(0)).ravel()
    one = fit_slim(own, {"l1": 0.0, "l2": 1.0, "alpha": 1.0}, Grounds(memory=28 * 4 * 4))
    has = np.diff(one.weights.tocsc().indptr) > 0
    assert 0 < has.sum() <= 4
    assert users[has].min() >= np.sort(users)[-4]

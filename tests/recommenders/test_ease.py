"""EASE: the closed form is the least squares that it stands for."""

from __future__ import annotations

import numpy as np
import pytest

from deeplode.recommenders.ease import fit_ease
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.scorer import Grounds


def histories(users: int = 50, items: int = 12) -> Histories:
    chance = np.random.default_rng(3)
    return Histories.of(users, items, *np.nonzero(chance.random((users, items)) < 0.3))


@pytest.mark.parametrize(("l2", "dropout"), [(1.0, 0.0), (0.5, 2.0)])
def test_each_column_is_the_ridge_regression_on_all_other_items(l2: float, dropout: float) -> None:
    own = histories()
    x = own.matrix.toarray().astype(np.float64)
    users = x.sum(0)
    penalty = l2 * users.mean() + dropout * users
    weights = fit_ease(own, {"l2": l2, "dropout": dropout}, Grounds()).weights
    for item in range(own.items):
        others = np.delete(np.arange(own.items), item)
        gram = x[:, others].T @ x[:, others] + np.diag(penalty[others])
        expected = np.linalg.solve(gram, x[:, others].T @ x[:, item])
        assert weights[others, item] == pytest.approx(expected, abs=1e-5)
        assert weights[item, item] == 0


def test_scores_are_the_sum_of_the_weights_of_the_history() -> None:
    own = histories()
    one = fit_ease(own, {"l2": 1.0, "dropout": 0.0}, Grounds())
    assert one.scores(own) == pytest.approx(own.matrix.toarray() @ one.weights, abs=1e-6)


def test_where_memory_is_short_the_most_popular_items_alone_get_weights() -> None:
    own = histories()
    users = np.asarray(own.matrix.sum(0)).ravel()
    one = fit_ease(own, {"l2": 1.0, "dropout": 0.0}, Grounds(memory=16 * 6 * 6))
    has = one.place >= 0
    assert has.sum() == 6
    assert users[has].min() >= users[~has].max()
    scores = one.scores(own)
    assert (scores[:, ~has] == 0).all()
    assert scores[:, has] == pytest.approx(own.matrix.toarray()[:, has] @ one.weights, abs=1e-6)
    again = type(one).restore(one.facts(), one.arrays())
    assert (again.scores(own) == scores).all()

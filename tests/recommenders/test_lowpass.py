"""Low pass: the strongest directions are the eigenvectors that a full solution finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from deeplode.recommenders.lowpass import Directions, spread, strongest_directions
from deeplode.recommenders.scorer import Grounds
from deeplode.runtime import Budget


def tastes(users: int = 400, items: int = 200) -> csr_array:
    """Users of eight tastes, the first the most frequent, and some chance."""
    chance = np.random.default_rng(0)
    taste = np.minimum(chance.geometric(0.3, users), 8) - 1
    own = np.arange(items) % 8 == taste[:, None]
    return csr_array((chance.random((users, items)) < np.where(own, 0.6, 0.05)).astype(np.float32))


def test_directions_are_the_first_eigenvectors() -> None:
    given = tastes()
    found = strongest_directions(given, Grounds())
    assert found is not None
    dense = given.toarray()
    value, vector = np.linalg.eigh(dense.T @ dense)
    n = len(found.value)
    assert n == 5  # one for each 40 items
    assert found.value == pytest.approx(value[-n:], rel=1e-3)
    assert np.abs(np.sum(found.vector * vector[:, -n:], 0)) == pytest.approx(np.ones(n), abs=1e-2)


def test_interest_spreads_to_users_and_back() -> None:
    given = tastes()
    x = np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)
    dense = given.toarray()
    assert spread(given, x, Budget()) == pytest.approx(dense.T @ (dense @ x), rel=1e-4, abs=1e-3)


def test_few_users_short_memory_and_a_spent_budget_leave_no_directions() -> None:
    assert strongest_directions(tastes(39), Grounds()) is None
    assert strongest_directions(tastes(), Grounds(memory=20_000)) is None
    assert strongest_directions(tastes(), Grounds(budget=Budget.begin(0.0))) is None


def test_directions_that_are_in_no_order_are_refused() -> None:
    found = strongest_directions(tastes(), Grounds())
    assert found is not None
    assert (Directions.of(vars(found), 200).vector == found.vector).all()
    for value in (found.value[::-1].copy(), found.value[:0], found.value - 1e6):
        with pytest.raises(ValueError, match="value must rise"):
            Directions.of({"vector": found.vector, "value": value}, 200)

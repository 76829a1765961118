"""Learning leaves time for scores, and fits no more than there is time for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from deeplode.recommenders.ease import Ease, fit_ease
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.linear import affordable
from deeplode.recommenders.scorer import Grounds, Scorer
from deeplode.recommenders.slim import Slim, fit_slim
from deeplode.runtime import Budget
from deeplode.tasks.scoringtime import FEWEST, MOST, MOST_SHARE, kept_for_scores, users_to_score


def test_without_a_time_limit_all_test_users_are_scored_up_to_what_is_surely_enough() -> None:
    assert users_to_score(1_000, 5.0, Budget()) == 1_000
    assert users_to_score(10**7, 5.0, Budget()) == MOST
    assert kept_for_scores([1.0, 1.0], 1_000, 1_000, Budget()) == 0


def test_with_a_time_limit_as_many_are_scored_as_there_is_time_for_but_never_none() -> None:
    assert FEWEST < users_to_score(10_000, 0.01, Budget.begin(60.0)) < 2_000
    assert users_to_score(10_000, 100.0, Budget.begin(60.0)) == FEWEST
    assert users_to_score(50, 100.0, Budget.begin(60.0)) == 50


def test_time_is_kept_for_scores_by_how_long_they_take_but_most_is_for_learning() -> None:
    budget = Budget.begin(100.0)
    few, many = (kept_for_scores([1e-4], 100, tests, budget) for tests in (100, 10_000))
    assert 0 < few < many <= MOST_SHARE * 100.0
    assert kept_for_scores([1.0], 2_000, 10_000, budget) == pytest.approx(MOST_SHARE * 100.0)


@pytest.mark.parametrize("fit", [fit_ease, fit_slim])
def test_where_time_is_short_the_most_popular_items_alone_get_weights(
    fit: Callable[..., Scorer],
) -> None:
    chance = np.random.default_rng(0)
    item = (chance.random(20_000) ** 2 * 1_500).astype(np.int64)
    histories = Histories.of(1_000, 1_500, np.repeat(np.arange(1_000), 20), item)
    setting = {"l1": 0.05, "l2": 1.0, "alpha": 1.0, "dropout": 1.0}
    made = fit(histories, setting, Grounds(budget=Budget.begin(0.0)))
    assert isinstance(made, Ease | Slim)
    scores = made.scores(histories.rows(np.arange(5)))
    assert scores.shape == (5, 1_500)
    assert (scores != 0).any(0).sum() <= 1


def test_more_items_are_solved_for_the_more_time_there_is() -> None:
    assert affordable(1_000, 0.0) == 0
    assert affordable(1_000, 1e6) > affordable(1_000, 1.0) > 10

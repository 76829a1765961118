"""Transitions: the order of a history decides."""

from __future__ import annotations

import numpy as np
import pytest

from deeplode.recommenders.histories import Histories
from deeplode.recommenders.scorer import Grounds
from deeplode.recommenders.transitions import SHRINK, fit_transitions


def test_a_weight_counts_steps_and_divides_by_how_often_items_lead_and_are_led_to() -> None:
    own = Histories(3, np.array([0, 3, 5]), np.array([0, 1, 2, 0, 1]))
    weights = fit_transitions(own, {"window": 2, "decay": 0.5}, Grounds()).weights.toarray()
    steps = np.array([[0, 2, 0.5], [0, 0, 1], [0, 0, 0]])
    leads, led = np.sqrt(steps.sum(1)), np.sqrt(steps.sum(0)) + SHRINK
    expected = steps / np.where(leads > 0, leads, 1)[:, None] / led
    assert weights == pytest.approx(expected)


def test_the_latest_item_counts_most() -> None:
    rounds = np.tile(np.arange(6), 20)  # 0 leads to 1, 1 to 2, … 5 to 0
    one = fit_transitions(
        Histories(6, np.array([0, 120]), rounds), {"window": 1, "decay": 0.5}, Grounds()
    )
    both = Histories(6, np.array([0, 2, 4]), np.array([0, 3, 3, 0]))
    scores = one.scores(both)
    assert scores[0].argmax() == 4
    assert scores[1].argmax() == 1
    assert scores[0, 4] == pytest.approx(2 * scores[0, 1], rel=0.1)


def test_one_users_last_item_does_not_lead_to_the_next_users_first() -> None:
    own = Histories(4, np.array([0, 2, 4]), np.array([0, 1, 2, 3]))
    weights = fit_transitions(own, {"window": 3, "decay": 0.9}, Grounds()).weights.toarray()
    assert weights[1, 2] == 0
    assert weights[0, 1] > 0


def test_histories_of_one_item_lead_nowhere() -> None:
    own = Histories(2, np.array([0, 1]), np.array([1]))
    one = fit_transitions(own, {"window": 10, "decay": 0.8}, Grounds())
    assert (one.scores(own) == 0).all()

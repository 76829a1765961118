"""Calls are made where they are worth most, and what they are worth is told with its interval."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from deeplode.evaluate.decision import UNDECIDED, Decision, worth
from deeplode.evaluate.threshold import choose_threshold


def answers(rows: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Classes, and probabilities that are calibrated."""
    chance = np.random.default_rng(seed)
    positive = chance.beta(0.4, 6, rows)
    return (chance.random(rows) < positive).astype(np.int64), positive


@pytest.mark.parametrize(("miss", "alarm"), [(100.0, 1.0), (5.0, 1.0), (1.0, 1.0), (1.0, 4.0)])
def test_no_other_threshold_is_much_cheaper_than_the_one_of_the_costs(miss, alarm):
    truth, positive = answers()
    decision = Decision(miss, alarm)
    own = decision.threshold(positive, np.ones(len(truth)))
    assert own is not None

    def cost(threshold: float) -> float:
        called = positive >= threshold
        return float((miss * (truth & ~called) + alarm * ((1 - truth) & called)).mean())

    best = min(cost(one) for one in np.quantile(positive, np.linspace(0, 1, 200)))
    assert cost(own) <= 1.03 * best


def test_a_capacity_calls_that_share_of_the_rows():
    truth, positive = answers()
    for capacity in (0.01, 0.2):
        found = choose_threshold(truth, positive, None, Decision(capacity=capacity))
        assert found["metric"] == "capacity"
        assert (positive >= found["value"]).mean() == pytest.approx(capacity, abs=1e-3)
    weights = np.where(truth == 1, 10.0, 1.0)
    value = Decision(capacity=0.2).threshold(positive, weights)
    called = positive >= value
    assert weights[called].sum() / weights.sum() == pytest.approx(0.2, abs=2e-3)


def test_without_a_wish_nothing_is_decided():
    truth, positive = answers(500)
    assert UNDECIDED.threshold(positive, np.ones(500)) is None
    assert choose_threshold(truth, positive)["metric"] in ("f1", "accuracy")


def test_what_calls_are_worth_is_reckoned_as_by_hand():
    truth = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    positive = np.array([0.9, 0.2, 0.8, *[0.1] * 7])
    found = worth(truth, positive, 0.5, Decision(10.0, 1.0))
    assert found["cost"]["value"] == pytest.approx((10 + 1) / 10)
    assert found["saved"]["value"] == pytest.approx((8 - 11) / 10)  # calling all would cost 8
    assert found["recall"]["value"] == 0.5
    assert found["precision"]["value"] == 0.5
    assert found["flagged"]["value"] == 0.2
    for name in ("cost", "saved", "recall", "precision", "flagged"):
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]


def test_about_95_of_100_intervals_hold_the_true_cost():
    truth, positive = answers(400_000, 1)
    decision = Decision(20.0, 1.0)
    true = worth(truth[:200_000], positive[:200_000], 0.05, decision)["cost"]["value"]
    held = 0
    for first in range(200_000, 240_000, 500):
        rows = slice(first, first + 500)
        found = worth(truth[rows], positive[rows], 0.05, decision)["cost"]
        held += found["low"] <= true <= found["high"]
    assert 70 <= held <= 80  # of 80; 76 expected


def test_rows_of_a_group_are_drawn_together_and_large_tests_hold_little():
    truth, positive = answers(200_000, 2)
    groups = np.arange(200_000) // 2_000
    alone, together = (
        worth(truth, positive, 0.05, Decision(20.0, 1.0), groups=by)["recall"]
        for by in (None, np.argsort(positive).argsort() // 2_000)
    )
    assert together["high"] - together["low"] > 1.2 * (alone["high"] - alone["low"])
    tracemalloc.start()
    worth(truth, positive, 0.05, Decision(20.0, 1.0), groups=groups)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400e6  # a resample of all rows at once is 1 600 MB

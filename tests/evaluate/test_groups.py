"""How far groups are those known before."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from deeplode.evaluate.groups import (
    Meetings,
    accuracy,
    agreement,
    mutual_information,
    rand_index,
)

CHANCE = np.random.default_rng(0)
TRUTH = CHANCE.integers(0, 4, 500)
CASES = {
    "alike": (TRUTH, (TRUTH + 1) % 4),
    "at random": (TRUTH, CHANCE.integers(0, 7, 500)),
    "in part": (TRUTH, np.where(CHANCE.random(500) < 0.6, TRUTH, CHANCE.integers(0, 9, 500))),
    "one group": (TRUTH, np.zeros(500, np.int64)),
    "one of each": (np.zeros(3, np.int64), np.zeros(3, np.int64)),
    "every row alone": (TRUTH, np.arange(500)),
    "one row": (np.array([2]), np.array([5])),
}


@pytest.mark.parametrize("case", CASES)
def test_scores_are_those_of_scikit_learn(case: str) -> None:
    met = Meetings.of(*CASES[case])
    mutual = normalized_mutual_info_score(*CASES[case])
    assert mutual_information(met) == pytest.approx(mutual, abs=1e-12)
    assert rand_index(met) == pytest.approx(adjusted_rand_score(*CASES[case]), abs=1e-12)


def test_accuracy_matches_groups_to_classes_and_unmatched_groups_count_as_wrong() -> None:
    assert accuracy(Meetings.of(*CASES["alike"])) == 1.0
    met = Meetings.of(np.array([0, 0, 0, 1, 1]), np.array([7, 7, 3, 4, 4]))
    assert accuracy(met) == pytest.approx(4 / 5)


def test_intervals_hold_the_value_and_narrow_with_the_rows() -> None:
    few = agreement(*CASES["in part"], seed=0)
    many = agreement(*(np.tile(one, 40) for one in CASES["in part"]), seed=0)
    for name in ("acc", "nmi", "ari"):
        told, other = few[name], many[name]
        assert other["value"] == pytest.approx(told["value"], rel=0.02)
        assert other["low"] < other["value"] < other["high"]
        assert other["high"] - other["low"] < 0.3 * (told["high"] - told["low"])
    assert few == agreement(*CASES["in part"], seed=0)


def test_the_bootstrap_over_pairs_is_that_over_rows() -> None:
    truth, labels = CASES["in part"]
    chance = np.random.default_rng(1)
    each = [
        adjusted_rand_score(truth[own], labels[own])
        for own in (chance.integers(500, size=500) for _ in range(400))
    ]
    told = agreement(truth, labels, seed=0)["ari"]
    assert told["high"] - told["low"] == pytest.approx(
        np.ptp(np.quantile(each, (0.025, 0.975))), rel=0.25
    )


def test_very_many_classes_and_groups_are_not_matched_one_by_one() -> None:
    rows = np.arange(5_000)
    told = agreement(rows, rows[::-1], seed=0)
    assert "acc" not in told
    assert told["ari"]["value"] == 1.0

"""Probabilities are corrected towards the truth, thresholds and spreads mean what they say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_recall_curve

from deeplode.evaluate.calibrate import (
    Spread,
    apply_temperature,
    fit_spread,
    fit_temperature,
    reliability,
)
from deeplode.evaluate.metrics import log_loss
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.threshold import choose_threshold, curve


def calibrated(rows, n_classes, seed=0):
    """Probabilities and truths drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, n_classes)) * 2
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = (probabilities.cumsum(1) < rng.random((rows, 1))).sum(1)
    return truth, probabilities


@pytest.mark.parametrize("n_classes", [2, 7])
@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_the_temperature_that_spoiled_probabilities_is_found(n_classes, true):
    truth, right = calibrated(20_000, n_classes)
    spoiled = apply_temperature(right, 1 / true)
    found = fit_temperature(truth, spoiled)
    assert found == pytest.approx(true, rel=0.05)
    mended = apply_temperature(spoiled, found)
    np.testing.assert_allclose(mended.sum(1), 1)
    assert log_loss(truth, mended) <= log_loss(truth, spoiled) + 1e-4


def test_few_rows_hardly_move_the_temperature_and_none_do_not():
    truth, right = calibrated(8, 2)
    assert 0.6 < fit_temperature(truth, right) < 1.6
    assert fit_temperature(truth[:0], right[:0]) == 1


def test_perfect_answers_and_zero_probabilities_keep_the_temperature_in_bounds():
    truth = np.array([0, 1] * 500)
    perfect = np.eye(2)[truth]
    assert 0.2 <= fit_temperature(truth, perfect) <= 5
    assert fit_temperature(truth, perfect[::-1][np.argsort(truth)]) == pytest.approx(5, rel=0.01)
    assert np.isfinite(apply_temperature(perfect, 5.0)).all()


def test_weights_count_rows_in_the_temperature():
    truth, right = calibrated(4000, 3)
    spoiled = np.concatenate([apply_temperature(right, 0.5), right])
    weights = np.repeat([1.0, 0.0], 4000)
    assert fit_temperature(np.tile(truth, 2), spoiled, weights) == pytest.approx(2, rel=0.06)


@pytest.mark.parametrize("n_classes", [2, 7])
def test_calibrated_probabilities_have_small_errors_inside_their_intervals(n_classes):
    truth, right = calibrated(5000, n_classes)
    problem = Problem("binary" if n_classes == 2 else "multiclass", n_classes)
    found = reliability(problem, truth, right)
    assert found["ece"] < 0.03
    assert sum(one["count"] for one in found["bins"]) == 5000
    inside = [one["low"] <= one["predicted"] <= one["high"] for one in found["bins"]]
    assert sum(inside) >= 8
    spoiled = reliability(problem, truth, apply_temperature(right, 0.3))
    assert spoiled["ece"] > 0.05
    json.dumps(found)


def test_equal_probabilities_share_a_bin():
    found = reliability(Problem("binary", 2), np.array([0, 1, 1, 0]), np.full((4, 2), 0.5))
    assert [one["count"] for one in found["bins"]] == [4]
    assert found["ece"] == 0


def test_nine_in_ten_new_values_lie_between_low_and_high():
    rng = np.random.default_rng(0)
    spread = fit_spread(rng.exponential(size=2000), np.zeros(2000))
    low, high = spread.around(np.zeros(1))
    new = rng.exponential(size=20_000)
    assert np.mean((low <= new) & (new <= high)) == pytest.approx(0.9, abs=0.02)


def test_a_spread_of_few_rows_is_that_of_all_and_of_none_is_nothing():
    assert fit_spread(np.array([1.0, 5.0, -2.0]), np.zeros(3)) == Spread(-2, 5)
    assert fit_spread(np.zeros(0), np.zeros(0)) == Spread(0, 0)


def rare(rows=3000, seed=0):
    """A rare class and its true probabilities."""
    rng = np.random.default_rng(seed)
    one = rng.beta(0.5, 4, rows)
    return (rng.random(rows) < one).astype(int), one


def test_a_rare_class_is_called_where_f1_is_highest():
    truth, one = rare()
    found = choose_threshold(truth, one)
    assert found["metric"] == "f1"
    assert found["chosen_on"] == "out_of_fold"
    reached = f1_score(truth, one >= found["value"])
    precision, recall, _ = precision_recall_curve(truth, one)
    best = (2 * precision * recall / np.maximum(precision + recall, 1e-9)).max()
    assert reached == pytest.approx(best)
    assert reached > f1_score(truth, one >= 0.5)


def test_frequent_classes_are_called_from_one_half_on():
    truth, right = calibrated(500, 2)
    found = choose_threshold(truth, right[:, 1])
    assert (found["value"], found["metric"]) == (0.5, "accuracy")


@pytest.mark.parametrize("truth", [np.zeros(0, int), np.zeros(5, int), np.ones(5, int)])
def test_one_class_or_none_leaves_one_half(truth):
    assert choose_threshold(truth, np.linspace(0, 1, len(truth)))["value"] == 0.5


def test_the_curve_says_what_each_threshold_gives():
    truth, one = rare()
    weights = np.ones(len(truth))
    points = curve(truth, one, weights)
    assert 40 <= len(points) <= 50
    for point in points[:: len(points) // 5]:
        called = one >= point["threshold"]
        assert point["flagged"] == pytest.approx(called.mean())
        assert point["recall"] == pytest.approx(called[truth == 1].mean())
        assert point["precision"] == pytest.approx(truth[called].mean())
        assert point["f1"] == pytest.approx(f1_score(truth, called))
    json.dumps(points)


def test_weights_count_rows_in_the_curve():
    truth, one = rare(200)
    weights = 1.0 + np.arange(200) % 3
    rows = np.repeat(np.arange(200), weights.astype(int))
    weighted, repeated = (
        choose_threshold(truth, one, weights),
        choose_threshold(truth[rows], one[rows]),
    )
    assert weighted["value"] == repeated["value"]

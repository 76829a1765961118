"""Intervals cover what they promise, pair what is compared, and respect groups."""

from __future__ import annotations

import numpy as np
import pytest

from deeplode.evaluate import intervals
from deeplode.evaluate.intervals import Interval, resample
from deeplode.evaluate.problem import Problem


@pytest.mark.parametrize("n_classes", [1, 2, 6])
def test_every_score_lies_in_its_interval_and_the_same_seed_gives_the_same_one(
    make_answers, n_classes
):
    answers = make_answers(n_classes)
    given = answers.problem, answers.truth, {"good": answers.good}
    table = resample(*given).table("good")
    assert table == resample(*given).table("good")
    for one in table.values():
        assert one["low"] <= one["value"] <= one["high"]
        assert one["low"] < one["high"]


def test_about_95_of_100_intervals_hold_the_true_score(monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 200)
    rng, held = np.random.default_rng(0), {"rmse": 0, "mae": 0}
    true = {"rmse": 1.0, "mae": np.sqrt(2 / np.pi)}
    for seed in range(200):
        truth = rng.normal(size=150)
        found = resample(Problem("regression", seed=seed), truth, {"zero": np.zeros(150)})
        for metric, value in true.items():
            interval = found.interval("zero", metric)
            held[metric] += interval.low <= value <= interval.high
    for count in held.values():
        assert 178 <= count <= 198  # of 200; 190 expected


def test_about_95_of_100_intervals_hold_the_true_area_under_the_curve(monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 200)
    rng, held = np.random.default_rng(1), 0
    true = 0.7602  # P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt 2)
    for seed in range(120):
        truth = np.arange(200) % 2
        one = 1 / (1 + np.exp(-(truth + rng.normal(size=200))))
        said = np.stack([1 - one, one], 1)
        interval = resample(Problem("binary", 2, seed), truth, {"m": said}).interval("m", "roc_auc")
        held += interval.low <= true <= interval.high
    assert 106 <= held <= 119  # of 120; 114 expected


def test_a_paired_difference_is_surer_than_two_single_scores(make_answers):
    answers = make_answers(1)
    near = answers.good + 0.01
    found = resample(answers.problem, answers.truth, {"good": answers.good, "near": near})
    difference = found.difference("near", "good", "mae")
    single = found.interval("good", "mae")
    assert difference.high - difference.low < 0.2 * (single.high - single.low)


def test_the_better_of_two_models_is_told_from_the_poorer(make_answers):
    for n_classes, metric in ((1, "rmse"), (2, "log_loss"), (6, "log_loss")):
        answers = make_answers(n_classes)
        outputs = {"good": answers.good, "poor": answers.poor}
        found = resample(answers.problem, answers.truth, outputs)
        assert found.difference("good", "poor", metric).high < 0
        assert found.difference("good", "good", metric) == Interval(0, 0, 0)


def test_rows_of_a_group_are_drawn_together(make_answers):
    answers = make_answers(1, rows=100)
    truth, said = np.repeat(answers.truth, 9), np.repeat(answers.good, 9)
    once = resample(answers.problem, answers.truth, {"m": answers.good}).interval("m", "mae")
    apart = resample(answers.problem, truth, {"m": said}).interval("m", "mae")
    groups = np.repeat(np.arange(100) * 7, 9)
    together = resample(answers.problem, truth, {"m": said}, groups=groups).interval("m", "mae")
    width = once.high - once.low
    assert together.high - together.low == pytest.approx(width, rel=0.2)
    assert apart.high - apart.low == pytest.approx(width / 3, rel=0.2)


def test_weights_count_as_that_many_equal_rows(make_answers):
    answers = make_answers(2, rows=100)
    weights = 1.0 + np.arange(100) % 3
    found = resample(answers.problem, answers.truth, {"m": answers.good}, weights)
    twice = np.repeat(np.arange(100), weights.astype(int))
    expected = resample(answers.problem, answers.truth[twice], {"m": answers.good[twice]})
    for metric in ("roc_auc", "average_precision", "log_loss", "f1"):
        assert found.values["m"][metric] == pytest.approx(expected.values["m"][metric])


def test_large_tests_get_intervals_from_some_rows_as_narrow_as_from_all(monkeypatch, make_answers):
    answers = make_answers(1, rows=8000)
    given = answers.problem, answers.truth, {"m": answers.good}
    whole = resample(*given).interval("m", "rmse")
    monkeypatch.setattr(intervals, "MOST_ROWS", 1000)
    some = resample(*given).interval("m", "rmse")
    assert some.value == whole.value
    assert some.high - some.low == pytest.approx(whole.high - whole.low, rel=0.25)


def test_a_class_that_few_rows_have_leaves_an_interval(make_answers):
    truth = np.zeros(60, int)
    truth[0] = 1
    said = make_answers(2, rows=60).good
    table = resample(Problem("binary", 2), truth, {"m": said}).table("m")
    assert table["roc_auc"]["low"] is not None


def test_scores_that_are_undefined_are_null_in_json():
    table = resample(Problem("binary", 2), np.zeros(9, int), {"m": np.full((9, 2), 0.5)}).table("m")
    assert table["roc_auc"] == {"value": None, "low": None, "high": None}
    assert table["accuracy"] == {"value": 0.0, "low": 0.0, "high": pytest.approx(0.336, abs=1e-3)}


@pytest.mark.parametrize("right", [True, False])
def test_an_accuracy_without_an_error_or_a_hit_has_its_exact_interval(right):
    truth = np.arange(300) % 2
    sure = np.eye(2)[truth if right else 1 - truth]
    groups = np.arange(300) // 30
    far = 0.025 ** (1 / 300)
    for by, bound in ((None, far), (groups, 0.025 ** (1 / 10))):
        found = resample(Problem("binary", 2, 0), truth, {"net": sure}, groups=by)
        interval = found.interval("net", "accuracy")
        assert interval.value == right
        ends = (interval.low, interval.high)
        assert ends == pytest.approx((bound, 1) if right else (0, 1 - bound))


def test_one_row_has_a_score():
    table = resample(Problem("regression"), np.ones(1), {"m": np.zeros(1)}).table("m")
    assert table["mae"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_weights_of_zero_leave_rows_out_and_weights_that_are_all_zero_none(make_answers):
    answers = make_answers(2, rows=60)
    weights = (np.arange(60) < 3).astype(float)
    outputs = {"m": answers.good}
    few = resample(answers.problem, answers.truth, outputs, weights).table("m")
    alone = resample(answers.problem, answers.truth[:3], {"m": answers.good[:3]}).table("m")
    assert few["brier"] == pytest.approx(alone["brier"])
    none = resample(answers.problem, answers.truth, outputs, np.zeros(60)).table("m")
    assert none == resample(answers.problem, answers.truth, outputs).table("m")


@pytest.mark.parametrize("size", [1e-200, 1e200, 1e307])
def test_values_of_extreme_size_have_scores_in_their_own_unit(make_answers, size):
    answers = make_answers(1, rows=100)
    plain = resample(answers.problem, answers.truth / 20, {"m": answers.good / 20}).table("m")
    sized = resample(answers.problem, answers.truth / 20 * size, {"m": answers.good / 20 * size})
    for metric, one in sized.table("m").items():
        unit = 1 if metric == "r2" else size
        for name, value in one.items():
            assert value / unit == pytest.approx(plain[metric][name], rel=1e-6)


@pytest.mark.parametrize("groups", [1, 2])
def test_an_interval_of_few_groups_is_no_narrower_than_that_of_as_many_rows_alone(groups):
    rng = np.random.default_rng(3)
    truth, codes = rng.normal(size=200), np.arange(200) % groups
    problem, said = Problem("regression"), {"zero": np.zeros(200)}
    few, rows = (
        resample(problem, truth, said, groups=one).interval("zero", "mae") for one in (codes, None)
    )
    assert few.high - few.low > 0.9 * (rows.high - rows.low)

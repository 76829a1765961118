"""Scores are scikit-learn's, and stay defined or honest where classes are absent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as of

from deeplode.evaluate.metrics import DECIDES, LOWER_IS_BETTER, MAIN, METRICS, scores, sign
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.resampled import kernel


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [1, 2, 6])
def test_weighted_and_plain_scores_are_those_of_scikit_learn(make_answers, n_classes, weighted):
    answers = make_answers(n_classes)
    weights = np.random.default_rng(1).random(400) + 0.1 if weighted else None
    truth, said = answers.truth, answers.good
    found = scores(answers.problem, truth, said, weights)
    w = {"sample_weight": weights}
    if n_classes == 1:
        expected = {
            "rmse": of.mean_squared_error(truth, said, **w) ** 0.5,
            "mae": of.mean_absolute_error(truth, said, **w),
            "r2": of.r2_score(truth, said, **w),
        }
    elif n_classes == 2:
        one = said[:, 1]
        expected = {
            "roc_auc": of.roc_auc_score(truth, one, **w),
            "average_precision": of.average_precision_score(truth, one, **w),
            "log_loss": of.log_loss(truth, said, **w),
            "accuracy": of.accuracy_score(truth, one >= 0.5, **w),
            "f1": of.f1_score(truth, one >= 0.5, **w),
            "brier": of.brier_score_loss(truth, one, **w),
            "sensitivity_at_90": max(
                share
                for cut in np.unique(one)
                if np.average((one >= cut)[truth == 0], weights=weight_of(w, truth == 0)) <= 0.1
                for share in [
                    np.average((one >= cut)[truth == 1], weights=weight_of(w, truth == 1))
                ]
            ),
        }
    else:
        called = said.argmax(1)
        expected = {
            "accuracy": of.accuracy_score(truth, called, **w),
            "log_loss": of.log_loss(truth, said, **w),
            "macro_f1": of.f1_score(truth, called, average="macro", **w),
            "roc_auc_ovr": of.roc_auc_score(truth, said, multi_class="ovr", **w),
        }
    assert tuple(found) == METRICS[answers.problem.task]
    assert found == pytest.approx(expected)


def weight_of(w, rows):
    """The weights of some rows; None where all weigh alike."""
    weights = w.get("sample_weight")
    return None if weights is None else weights[rows]


@pytest.mark.parametrize("n_classes", [1, 2, 6])
def test_scores_of_many_resamples_at_once_are_the_scores_of_each(make_answers, n_classes):
    answers = make_answers(n_classes)
    rng = np.random.default_rng(2)
    said = np.round(answers.good, 2)  # ties
    if n_classes > 1:
        said = np.maximum(said, 0.01)
        said /= said.sum(1, keepdims=True)
    weights = rng.multinomial(400, np.full(400, 1 / 400), 5).astype(float)
    many = kernel(answers.problem, answers.truth, said)(weights)
    for number, own in enumerate(weights):
        each = scores(answers.problem, answers.truth, said, own)
        for metric, value in each.items():
            rough = 3e-3 if metric == "roc_auc_ovr" else 1e-9  # to first order
            assert many[metric][number] == pytest.approx(value, abs=rough), metric


def test_a_threshold_moves_accuracy_and_f1_and_nothing_else(make_answers):
    answers = make_answers(2)
    at_half = scores(answers.problem, answers.truth, answers.good)
    higher = scores(answers.problem, answers.truth, answers.good, threshold=0.9)
    moved = {name for name in at_half if at_half[name] != higher[name]}
    assert moved == {"accuracy", "f1"}


def test_one_class_in_the_rows_leaves_ranking_scores_undefined_and_others_defined():
    problem, truth = Problem("binary", 2), np.zeros(5, int)
    found = scores(problem, truth, np.full((5, 2), 0.5))
    assert math.isnan(found["roc_auc"])
    assert math.isnan(found["average_precision"])
    assert found["log_loss"] == pytest.approx(math.log(2))


def test_classes_that_the_rows_lack_do_not_count(make_answers):
    answers = make_answers(6)
    kept = answers.truth < 4
    problem, truth, said = answers.problem, answers.truth[kept], answers.good[kept]
    found = scores(problem, truth, said)
    areas = [of.roc_auc_score(truth == one, said[:, one]) for one in range(4)]
    assert found["roc_auc_ovr"] == pytest.approx(np.mean(areas))
    each = of.f1_score(truth, said.argmax(1), labels=range(4), average=None)
    assert found["macro_f1"] == pytest.approx(each.mean())


def test_a_certain_and_wrong_answer_costs_much_but_not_everything():
    found = scores(Problem("binary", 2), np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert 10 < found["log_loss"] < 20


def test_every_task_names_its_main_metric_among_its_metrics():
    for task, names in METRICS.items():
        assert MAIN[task] in names
        assert DECIDES[task] in names
    assert sign("roc_auc") == 1
    assert all(sign(metric) == -1 for metric in LOWER_IS_BETTER)


@pytest.mark.parametrize("wrong", [("binary", 3), ("multiclass", 1), ("regression", 2)])
def test_a_problem_has_the_classes_of_its_task(wrong):
    with pytest.raises(ValueError, match="does not have"):
        Problem(*wrong)


def test_a_problem_needs_a_thread():
    with pytest.raises(ValueError, match="at least 1"):
        Problem("regression", threads=0)

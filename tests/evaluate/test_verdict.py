"""The verdict says what the rows can tell, and says so when they cannot."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deeplode.evaluate import intervals
from deeplode.evaluate.intervals import resample
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.verdict import Asked, verdict

SECONDS = {"net": 12.0, "trees": 3.0}


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 300)


def judge(answers, final="blend", **outputs):
    trivial = np.full_like(answers.good, 1 / answers.problem.n_classes)
    if not answers.problem.classifies:
        trivial = np.full_like(answers.good, answers.truth.mean())
    found = resample(answers.problem, answers.truth, {"trivial": trivial, **outputs})
    return verdict(answers.problem, found, Asked(final), SECONDS)


@pytest.mark.parametrize("n_classes", [1, 2, 6])
def test_a_net_that_beats_the_trees_pays_and_one_that_loses_does_not(make_answers, n_classes):
    answers = make_answers(n_classes, rows=800)
    good, poor = answers.good, answers.poor
    won = judge(answers, net=good, trees=poor, blend=good)
    assert (won.signal, won.deep_pays) == (True, True)
    lost = judge(answers, net=poor, trees=good, blend=good)
    assert (lost.signal, lost.deep_pays) == (True, False)


def test_a_net_that_helps_only_in_the_blend_pays(make_answers):
    answers = make_answers(1, rows=2000)
    noise = np.random.default_rng(7).normal(size=(2, 2000))
    trees, net = answers.truth + noise[0], answers.truth + 1.2 * noise[1]
    found = judge(answers, net=net, trees=trees, blend=(net + trees) / 2)
    assert found.deep_pays is True
    assert [code for code, _ in found.sentences] == ["V-001", "V-011"]


def test_equal_models_leave_it_unclear(make_answers):
    answers = make_answers(1, rows=200)
    noise = np.random.default_rng(7).normal(size=(2, 200)) * 0.01
    net, trees = answers.good + noise
    found = judge(answers, net=net, trees=trees, blend=(net + trees) / 2)
    assert found.deep_pays == "unclear"


def test_a_gain_of_rounding_alone_is_no_gain():
    rng = np.random.default_rng(48)  # the lowest gain of this draw was 1.1e-16
    truth = (np.arange(113) < 42).astype(int)
    net, trees = (
        np.clip(np.where(truth == 1, 0.7, 0.3) + rng.normal(size=113) * spread, 0.01, 0.99)
        for spread in (0.09, 0.11)
    )
    net, trees = (np.column_stack([1 - one, one]) for one in (net, trees))
    candidates = {"trivial": np.full((113, 2), 0.5), "net": net, "trees": trees, "blend": net}
    problem = Problem("binary", 2, 0, 1)
    found = verdict(problem, resample(problem, truth, candidates), Asked("blend"), SECONDS)
    assert found.deep_pays == "unclear"
    assert found.sentences[-1][1]["low"] == 0


def test_without_a_blend_the_net_stands_for_itself(make_answers):
    answers = make_answers(2, rows=800)
    assert judge(answers, "net", net=answers.good, trees=answers.poor).deep_pays is True
    assert judge(answers, "net", net=answers.poor, trees=answers.good).deep_pays is False
    assert judge(answers, "trees", trees=answers.good).deep_pays == "unclear"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_words_name_the_numbers_and_the_price(make_answers, language):
    answers = make_answers(2, rows=800)
    text = judge(answers, net=answers.good, trees=answers.poor, blend=answers.good).text(language)
    assert "12.0" in text
    assert "3.0" in text
    nothing = judge(answers, net=answers.poor[::-1], blend=answers.poor[::-1]).text(language)
    assert {"en": "No signal", "zh": "没有信号"}[language] in nothing


def test_the_verdict_is_json(make_answers):
    answers = make_answers(2, rows=800)
    found = judge(answers, net=answers.good, trees=answers.poor, blend=answers.good).as_json()
    assert json.loads(json.dumps(found)) == found
    assert {"signal", "deep_pays", "text"} <= found.keys()


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_answers_that_know_nothing_have_no_signal_in_19_of_20_seeds(task):
    """As from a model of shuffled targets: what it says has nothing to do with the truth."""
    n_classes, rows = {"binary": 2, "multiclass": 3, "regression": 1}[task], 40
    wrong, seeds = 0, 100
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        problem = Problem(task, n_classes, seed)
        if task == "regression":
            truth = rng.normal(size=rows)
            said, trivial = rng.normal(size=rows) * 0.1, np.zeros(rows)
        else:
            truth = rng.integers(0, n_classes, rows)
            said = rng.dirichlet(np.full(n_classes, 30.0), rows)
            trivial = np.full((rows, n_classes), 1 / n_classes)
        found = resample(problem, truth, {"trivial": trivial, "net": said})
        wrong += verdict(problem, found, Asked("net"), {}).signal
    assert wrong <= seeds // 20


def test_nothing_is_said_where_all_test_rows_have_one_class() -> None:
    problem = Problem("binary", 2, 0, 1)
    truth = np.ones(50, np.int64)
    outputs = {name: np.full((50, 2), 0.5) for name in ("trivial", "trees", "net", "blend")}
    found = verdict(problem, resample(problem, truth, outputs), Asked("blend"), {})
    assert (found.signal, found.deep_pays) == (False, "unclear")
    assert found.sentences[0][0] == "V-003"
    assert "nan" not in found.text()
    json.dumps(found.as_json(), allow_nan=False)

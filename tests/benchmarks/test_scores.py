"""The benchmark's scores agree with scikit-learn's, and its intervals hold what they say."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sklearn import metrics

PATH = Path(__file__).parents[2] / "benchmarks" / "scores.py"


@pytest.fixture(scope="module")
def scores() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_scores", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def chances_with_ties(rng: np.random.Generator, rows: int, classes: int) -> np.ndarray:
    raw = rng.integers(1, 9, (rows, classes)).astype(float)
    return raw / raw.sum(axis=1, keepdims=True)


def test_auc_of_a_resample_is_scikit_learns_weighted_auc_ties_included(scores, rng):
    truth = rng.integers(0, 2, 400).astype(float)
    chances = chances_with_ties(rng, 400, 2)
    counts = np.bincount(rng.integers(0, 400, 400), minlength=400)
    expected = metrics.roc_auc_score(truth, chances[:, 1], sample_weight=counts)
    assert scores.roc_auc(truth, chances)(counts) == pytest.approx(expected, abs=1e-12)


def test_accuracy_log_loss_and_rmse_are_scikit_learns(scores, rng):
    truth = rng.integers(0, 4, 300).astype(float)
    chances = chances_with_ties(rng, 300, 4)
    once = np.ones(300, np.int64)
    assert scores.accuracy(truth, chances)(once) == metrics.accuracy_score(
        truth, chances.argmax(axis=1)
    )
    assert scores.log_loss(truth, chances)(once) == pytest.approx(metrics.log_loss(truth, chances))
    values = rng.normal(size=300)
    assert scores.rmse(truth, values)(once) == pytest.approx(
        metrics.root_mean_squared_error(truth, values)
    )


def test_a_clearly_worse_answer_is_outside_the_interval_and_a_copy_of_the_best_inside(scores, rng):
    truth = rng.normal(size=500)
    good = truth + rng.normal(scale=0.1, size=500)
    answers = {"good": good, "copy": good.copy(), "bad": truth + rng.normal(scale=0.5, size=500)}
    board = {row.name: row for row in scores.standings(scores.RMSE, truth, answers)}
    assert board["copy"].ties_best
    assert not board["bad"].ties_best
    assert board["bad"].low > 0


def test_equal_values_share_the_mean_of_their_places(scores):
    assert scores.ranks({"a": 0.9, "b": 0.8, "c": 0.8}, higher_is_better=True) == {
        "a": 1,
        "b": 2.5,
        "c": 2.5,
    }

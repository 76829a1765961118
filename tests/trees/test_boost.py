"""Boosted trees learn, stop in time, repeat themselves, and keep their fold's rows apart."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch

from deeplode.encode.batch import Batch
from deeplode.evaluate.problem import Problem
from deeplode.progress import silent
from deeplode.runtime import Budget
from deeplode.trees import boost, plan
from deeplode.trees.boost import fit_trees
from deeplode.trees.candidate import Trees

PROBLEMS = {1: Problem("regression"), 2: Problem("binary", 2), 5: Problem("multiclass", 5)}


def fit(case, problem, budget=None, **given):
    weights = given.pop("weights", None)
    budget = budget or Budget()
    return fit_trees(case.batch, case.target, problem, case.folds, weights, budget, silent, **given)


@pytest.mark.parametrize("n_classes", PROBLEMS)
def test_trees_beat_the_trivial_guess_on_rows_that_they_did_not_see(make_case, n_classes):
    case, problem = make_case(n_classes), PROBLEMS[n_classes]
    trees, oof = fit(case, problem)
    known = np.isfinite(oof.reshape(len(oof), -1)[:, 0])
    truth, seen = case.target[known], oof[known]
    if n_classes == 1:
        assert np.mean((truth - seen) ** 2) < 0.5 * truth.var()
        assert trees.predict(case.batch).shape == (600,)
    else:
        assert np.mean(seen.argmax(1) == truth) > 1.5 / n_classes
        np.testing.assert_allclose(trees.predict(case.batch).sum(1), 1)


def test_out_of_fold_predictions_stand_in_the_validation_rows_and_nowhere_else(make_case):
    case = make_case(2)
    trees, oof = fit(case, PROBLEMS[2])
    validated = np.zeros(600, bool)
    for number, fold in enumerate(case.folds):
        validated[fold.valid] = True
        own = case.batch.rows(torch.from_numpy(fold.valid))
        np.testing.assert_array_equal(oof[fold.valid], trees.predict_member(own, number))
    np.testing.assert_array_equal(np.isfinite(oof).all(1), validated)


def test_the_prediction_is_the_mean_of_the_folds_models(make_case):
    case = make_case(5)
    trees, _ = fit(case, PROBLEMS[5])
    assert trees.n_members == 3
    members = [trees.predict_member(case.batch, number) for number in range(3)]
    np.testing.assert_allclose(trees.predict(case.batch), np.mean(members, 0), atol=1e-15)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_seed_gives_the_same_bits_on_any_threads(make_case, threads):
    case = make_case(2)
    first, _ = fit(case, PROBLEMS[2])
    again, _ = fit(case, Problem("binary", 2, threads=threads))
    np.testing.assert_array_equal(first.predict(case.batch), again.predict(case.batch))


def test_saved_trees_give_the_same_bits(make_case):
    case = make_case(5)
    trees, _ = fit(case, PROBLEMS[5])
    again = Trees.restore(json.loads(json.dumps(trees.facts())), trees.arrays())
    np.testing.assert_array_equal(again.predict(case.batch), trees.predict(case.batch))


def test_facts_that_do_not_fit_the_forest_are_refused(make_case):
    trees, _ = fit(make_case(5), PROBLEMS[5])
    for wrong in ({"n_classes": 4}, {"scale": float("nan")}, {"task": "regression"}):
        with pytest.raises(ValueError, match=r"must|not"):
            Trees.restore({**trees.facts(), **wrong}, trees.arrays())


@pytest.mark.alone
def test_a_fit_cut_by_the_clock_can_be_repeated_without_it(make_case, monkeypatch):
    monkeypatch.setattr(boost, "_grow", slowly(boost._grow))
    case = make_case(rows=2000)
    problem = Problem("regression", threads=1)
    cut, _ = fit(case, problem, Budget(deadline=time.monotonic() + 2))
    assert "time" in cut.history["ended"] or len(cut.history["rounds"]) < 3
    monkeypatch.undo()
    again, _ = fit(case, problem, replay=json.loads(json.dumps(cut.facts()["history"])))
    np.testing.assert_array_equal(again.predict(case.batch), cut.predict(case.batch))


def slowly(grow):
    """Growing as on a much slower machine."""

    def slow(data, fold, params, rounds, watch):
        def wait(env):
            time.sleep(0.02)
            watch(env)

        wait.order, wait.before_iteration = watch.order, False
        train = boost.lightgbm.train
        try:
            boost.lightgbm.train = lambda *args, callbacks: train(*args, callbacks=[wait])
            return grow(data, fold, params, rounds, watch)
        finally:
            boost.lightgbm.train = train

    return slow


def test_no_time_at_all_still_gives_one_small_model(make_case):
    case = make_case(2)
    trees, oof = fit(case, PROBLEMS[2], Budget(deadline=0.0))
    assert trees.history["rounds"] == [1]
    assert np.isfinite(oof).all(1).sum() == len(case.folds[0].valid)


def test_equal_folds_are_grown_once(make_case):
    case = make_case(2)
    same = (case.folds[0],) * 4
    args = (case.batch, case.target, PROBLEMS[2], same, None, Budget(), silent)
    trees, _ = fit_trees(*args)
    assert trees.n_members == 1


def test_rows_of_weight_zero_teach_nothing(make_case):
    case, rng = make_case(), np.random.default_rng(0)
    weights = (rng.random(600) < 0.5).astype(float)
    spoiled = np.where(weights > 0, case.target, 1e6)
    args = (PROBLEMS[1], case.folds, weights, Budget(), silent)
    trees, _ = fit_trees(case.batch, spoiled, *args)
    assert trees.predict(case.batch).max() < 1000


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_targets_of_any_size_are_learned_in_their_own_unit(make_case, size):
    case = make_case()
    args = (PROBLEMS[1], case.folds, None, Budget(), silent)
    plain, _ = fit_trees(case.batch, case.target, *args)
    sized, _ = fit_trees(case.batch, case.target * size, *args)
    np.testing.assert_allclose(
        sized.predict(case.batch) / size, plain.predict(case.batch), rtol=0.01
    )


@pytest.mark.parametrize("n_classes", PROBLEMS)
def test_rows_without_columns_get_the_mean_answer(make_case, n_classes):
    case = make_case(n_classes)
    empty = Batch(torch.zeros(600, 0), torch.zeros(600, 0, dtype=torch.int32))
    args = (case.target, PROBLEMS[n_classes], case.folds, None, Budget(), silent)
    trees, _ = fit_trees(empty, *args)
    answer = trees.predict(empty)
    assert (answer == answer[0]).all()
    if n_classes == 1:
        assert answer[0] == pytest.approx(case.target.mean(), rel=0.05)


def test_a_class_that_a_fold_lacks_gets_almost_no_probability_there(make_case):
    case = make_case(5)
    target = case.target.copy()
    target[np.setdiff1d(np.arange(600), case.folds[0].valid)] %= 4
    args = (PROBLEMS[5], case.folds, None, Budget(), silent)
    _, oof = fit_trees(case.batch, target, *args)
    assert np.isfinite(oof[case.folds[0].valid]).all()
    assert oof[case.folds[0].valid, 4].max() < 1e-3


@pytest.mark.parametrize(
    ("rows", "columns", "classes", "slow", "folds"),
    [(40_000, 14, 1, True, 4), (16_000, 16, 26, False, 4), (100_000, 20, 3000, False, 1)],
)
def test_the_rate_rises_and_folds_and_rows_fall_with_the_size_of_the_task(
    rows, columns, classes, slow, folds
):
    class Fold:
        train, valid = np.arange(rows), np.arange(100)

    problem = Problem("multiclass", classes) if classes > 1 else Problem("regression")
    made = plan.plan((rows, columns), [Fold] * 4, problem, Budget())
    assert (made.learning_rate == plan.SLOW) == slow
    assert len(made.folds) == folds
    assert (len(made.folds[0].train) < rows) == (classes == 3000)
    held = len(made.folds[0].train) * problem.n_outputs
    assert held <= plan.SCORES


def test_weights_that_are_all_zero_count_as_none(make_case):
    case = make_case(2)
    none, _ = fit(case, PROBLEMS[2], weights=np.zeros(600))
    plain, _ = fit(case, PROBLEMS[2])
    np.testing.assert_array_equal(none.predict(case.batch), plain.predict(case.batch))

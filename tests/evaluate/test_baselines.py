"""The baselines answer what they should, and linear data leave linear models little to lose."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from deeplode.encode.batch import Batch
from deeplode.evaluate import design
from deeplode.evaluate.design import fit_design
from deeplode.evaluate.linear import Linear, fit_linear
from deeplode.evaluate.penalty import held_out_loss
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.trivial import Trivial, fit_trivial
from deeplode.progress import silent
from deeplode.runtime import Budget

REGRESSION, BINARY, FIVE = Problem("regression"), Problem("binary", 2), Problem("multiclass", 5)


def everything(fold_rows, batch, target, problem, weights=None, budget=None, **given):
    return fit_linear(
        batch, target, problem, fold_rows, weights, budget or Budget(), silent, **given
    )


def test_the_trivial_guess_is_the_share_of_each_class(make_batch):
    batch, _, folds = make_batch()
    target = np.arange(500) % 3 % 2
    guess, oof = fit_trivial(batch, target, BINARY, folds, None, Budget(), silent)
    np.testing.assert_allclose(guess.predict(batch), np.tile(np.bincount(target) / 500, (500, 1)))
    for fold in folds:
        share = np.bincount(target[fold.train]) / len(fold.train)
        np.testing.assert_allclose(oof[fold.valid], np.tile(share, (len(fold.valid), 1)))
    assert np.isnan(oof[:, 0]).sum() == 500 - sum(len(fold.valid) for fold in folds)


def test_the_trivial_guess_is_the_weighted_mean(make_batch):
    batch, score, folds = make_batch()
    weights = np.random.default_rng(0).random(500)
    guess, oof = fit_trivial(batch, score, REGRESSION, folds, weights, Budget(), silent)
    assert guess.predict(batch)[7] == pytest.approx(np.average(score, weights=weights))
    assert guess.predict(batch).shape == oof.shape == (500,)


def test_linear_regression_is_that_of_scikit_learn(make_batch):
    batch, score, folds = make_batch()
    target = score * 7 + 100 + np.random.default_rng(1).normal(size=500)
    model, oof = everything(folds[:1], batch, target, REGRESSION)
    train, valid = (torch.from_numpy(rows) for rows in (folds[0].train, folds[0].valid))
    x = model.design.matrix(batch).numpy()[:, :-1]
    ridge = Ridge(alpha=1).fit(x[train], target[train])
    np.testing.assert_allclose(oof[valid], ridge.predict(x[valid]), rtol=2e-3)


@pytest.mark.parametrize("problem", [BINARY, FIVE], ids=["two", "five"])
def test_linear_classification_is_that_of_scikit_learn(make_batch, problem):
    batch, score, folds = make_batch()
    noisy = score + np.random.default_rng(1).normal(size=500)
    edges = np.quantile(noisy, np.linspace(0, 1, problem.n_classes + 1)[1:-1])
    target = np.searchsorted(edges, noisy)
    model, oof = everything(folds[:1], batch, target, problem)
    train, valid = folds[0].train, folds[0].valid
    x = model.design.matrix(batch).numpy()[:, :-1]
    # Two classes: two opposite columns of coefficients share the penalty, so each has twice it.
    strength = 2.0 if problem.n_classes == 2 else 1.0
    logistic = LogisticRegression(C=strength, max_iter=1000).fit(x[train], target[train])
    np.testing.assert_allclose(oof[valid], logistic.predict_proba(x[valid]), atol=0.02)


def test_the_same_seed_gives_the_same_bits_and_a_saved_model_too(make_batch):
    batch, score, folds = make_batch()
    target = (score > 0).astype(int)
    model, _ = everything(folds, batch, target, BINARY)
    again, _ = everything(folds, batch, target, BINARY)
    np.testing.assert_array_equal(model.predict(batch), again.predict(batch))
    saved = Linear.restore(json.loads(json.dumps(model.facts())), model.arrays())
    np.testing.assert_array_equal(model.predict(batch), saved.predict(batch))
    trivial, _ = fit_trivial(batch, target, BINARY, folds, None, Budget(), silent)
    saved = Trivial.restore(trivial.facts(), trivial.arrays())
    np.testing.assert_array_equal(trivial.predict(batch), saved.predict(batch))


@pytest.mark.parametrize("problem", [REGRESSION, BINARY], ids=["regression", "two classes"])
def test_where_columns_are_many_the_penalty_is_the_one_that_held_out_rows_want(problem):
    rng = np.random.default_rng(0)
    numbers = torch.from_numpy(rng.normal(size=(200, 150)).astype(np.float32))
    batch = Batch(numbers, torch.empty(200, 0, dtype=torch.int32))
    score = numbers[:, :20].sum(1).numpy() + 6 * rng.normal(size=200)
    target = score.astype(float) if problem is REGRESSION else (score > 0).astype(int)
    rows = rng.permutation(200)

    class Fold:
        train, valid = np.sort(rows[:100]), np.sort(rows[100:])

    def lost(model):
        answers = model.predict(batch.rows(torch.from_numpy(Fold.valid)))
        return held_out_loss(problem, target[Fold.valid], answers)

    model, _ = everything([Fold], batch, target, problem)
    fixed, _ = everything([Fold], batch, target, problem, replay={"penalty": 1.0, "steps": [100]})
    assert model.penalty > 1
    assert fixed.penalty == 1
    assert lost(model) < 0.9 * lost(fixed)
    again, _ = everything([Fold], batch, target, problem, replay=model.facts())
    np.testing.assert_array_equal(again.predict(batch), model.predict(batch))


def test_a_fit_cut_by_the_clock_can_be_repeated_without_it(make_batch):
    batch, score, folds = make_batch()
    cut, oof = everything(folds, batch, score, REGRESSION, budget=Budget(deadline=0.0))
    assert len(cut.steps) == 1
    assert np.isfinite(oof).sum() == len(folds[0].valid)
    again, _ = everything(folds, batch, score, REGRESSION, replay=cut.facts())
    np.testing.assert_array_equal(cut.predict(batch), again.predict(batch))


def test_rows_of_weight_zero_teach_nothing(make_batch):
    batch, score, folds = make_batch()
    weights = (np.arange(500) % 3 > 0).astype(float)
    spoiled = np.where(weights > 0, score, 40)
    model, _ = everything(folds, batch, spoiled, REGRESSION, weights)
    errors = model.predict(batch) - score
    assert np.abs(errors[weights > 0]).mean() < 0.5


def test_wild_cells_gaps_and_unseen_levels_get_finite_answers(make_batch):
    batch, score, folds = make_batch()
    model, _ = everything(folds, batch, score, REGRESSION)
    numbers = torch.tensor([[1e30, -1e30, float("nan")], [float("nan")] * 3])
    categories = torch.tensor([[0, 99], [1, 0]], dtype=torch.int32)
    answers = model.predict(Batch(numbers, categories))
    assert np.isfinite(answers).all()
    assert np.abs(answers).max() < 100


def test_rows_without_columns_get_the_mean_answer(make_batch):
    _, score, folds = make_batch()
    empty = Batch(torch.zeros(500, 0), torch.zeros(500, 0, dtype=torch.int32))
    model, _ = everything(folds, empty, score, REGRESSION)
    np.testing.assert_allclose(model.predict(empty), score.mean(), atol=0.1)
    assert model.predict(empty.rows(torch.arange(0))).shape == (0,)


def test_many_levels_and_classes_keep_to_the_most_frequent_levels(monkeypatch):
    monkeypatch.setattr(design, "COLUMNS", 60)
    rng = np.random.default_rng(0)
    slots = (2 + rng.geometric(0.02, (400, 6))).astype(np.int32)
    batch = Batch(torch.zeros(400, 0), torch.from_numpy(slots))
    places = fit_design(batch).places
    assert len(places) == 60
    for column in range(6):
        counts = np.bincount(slots[:, column])
        own = places[places[:, 0] == column, 1]
        assert counts[own].min() >= np.sort(counts)[-10]
    target = rng.integers(0, 90, 400)

    class Fold:
        train, valid = np.arange(350), np.arange(350, 400)

    model, oof = everything([Fold], batch, target, Problem("multiclass", 90))
    np.testing.assert_allclose(model.predict(batch).sum(1), 1)
    assert np.isfinite(oof[350:]).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("coefficients", np.zeros((2, 2), np.float32)),
        ("deviation", np.zeros(3)),
        ("gaps", np.array([7])),
        ("places", np.array([[-1, 0]])),
        ("mean", np.array([np.nan] * 3)),
    ],
)
def test_arrays_that_no_fit_can_have_are_refused(make_batch, name, value):
    batch, score, folds = make_batch()
    model, _ = everything(folds, batch, score, REGRESSION)
    with pytest.raises(ValueError, match=r"describes no matrix|must be"):
        Linear.restore(model.facts(), {**model.arrays(), name: value})


def test_a_trivial_answer_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="finite"):
        Trivial.restore({}, {"answer": np.array([np.inf])})


def test_weights_that_are_all_zero_count_as_none(make_batch):
    batch, score, folds = make_batch()
    for fit in (fit_trivial, fit_linear):
        given = REGRESSION, folds
        none, _ = fit(batch, score, *given, np.zeros(500), Budget(), silent)
        plain, _ = fit(batch, score, *given, None, Budget(), silent)
        np.testing.assert_array_equal(none.predict(batch), plain.predict(batch))

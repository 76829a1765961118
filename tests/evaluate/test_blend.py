"""The blend believes the better model as far as the rows can tell."""

from __future__ import annotations

import numpy as np
import pytest

from deeplode.evaluate.blend import Blend, choose_weight, fit_blend
from deeplode.evaluate.calibrate import apply_temperature
from deeplode.evaluate.metrics import log_loss
from deeplode.evaluate.problem import Problem


class Fixed:
    """A candidate that always says the same."""

    def __init__(self, outputs):
        self.outputs = outputs

    def predict(self, batch):
        return self.outputs


@pytest.mark.parametrize("n_classes", [1, 2, 6])
def test_the_clearly_better_model_gets_more_weight(make_answers, n_classes):
    answers = make_answers(n_classes, rows=4000)
    given = answers.truth, answers.problem
    net_better = choose_weight(answers.good, answers.poor, *given)
    trees_better = choose_weight(answers.poor, answers.good, *given)
    assert net_better > 0.5 > trees_better
    assert net_better == pytest.approx(1 - trees_better)


def test_equal_models_and_few_rows_share_the_weight(make_answers):
    answers = make_answers(2, rows=12)
    given = answers.truth, answers.problem
    assert choose_weight(answers.good, answers.good, *given) == 0.5
    few = make_answers(2, rows=6, seed=3)
    weight = choose_weight(few.poor, few.good, few.truth, few.problem)
    assert 0.2 <= weight <= 0.8


def test_noise_of_few_rows_does_not_choose_a_corner(make_answers):
    """Two models that are equally good: their weights stay near one half."""
    far = 0
    for seed in range(60):
        one, other = make_answers(2, rows=60, seed=seed), make_answers(2, rows=60, seed=seed + 99)
        said = np.where((one.truth == other.truth)[:, None], other.good, other.good[:, ::-1])
        far += abs(choose_weight(one.good, said, one.truth, one.problem) - 0.5) > 0.25
    assert far <= 12


def test_a_blend_of_equals_that_err_apart_beats_both(make_answers):
    one = make_answers(2, rows=4000)
    rng = np.random.default_rng(5)
    shift = rng.permutation(4000)
    other = one.good[shift]
    other = np.where((one.truth == one.truth[shift])[:, None], other, other[:, ::-1])
    nothing = np.full((4000, 2), np.nan)
    net, trees = one.good.copy(), other.copy()
    net[3000:] = nothing[3000:]  # out of fold in some rows only
    trees[:500] = nothing[:500]
    blend, oof = fit_blend((Fixed(one.good), net), (Fixed(other), trees), one.truth, one.problem)
    assert np.isfinite(oof).all(1).sum() == 2500
    mixed = log_loss(one.truth, blend.predict(None))
    assert mixed < min(log_loss(one.truth, one.good), log_loss(one.truth, other)) - 0.01


def test_without_rows_that_both_have_not_seen_the_weight_is_one_half(make_answers):
    answers = make_answers(1)
    nothing = np.full(400, np.nan)
    blend, oof = fit_blend(
        (Fixed(answers.good), nothing),
        (Fixed(answers.poor), nothing),
        answers.truth,
        answers.problem,
    )
    assert blend.weight == 0.5
    assert np.isnan(oof).all()


def test_weights_count_rows_in_the_blend(make_answers):
    answers = make_answers(1, rows=2000)
    first = np.arange(2000) < 1000
    net = np.where(first, answers.good, answers.truth + 50)
    weights = first.astype(float)
    given = answers.poor, answers.truth, answers.problem
    assert choose_weight(net, *given, weights) > 0.5
    assert choose_weight(net, *given) < 0.5


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_a_weight_outside_of_0_to_1_is_refused(weight):
    with pytest.raises(ValueError, match="weight"):
        Blend(Fixed(0), Fixed(0), weight)


def test_a_net_that_learned_from_smoothed_labels_keeps_its_part_beside_one_that_sees_less():
    chance = np.random.default_rng(0)
    truth = chance.integers(0, 4, 3_000)
    sees = np.eye(4)[truth] * 6 + chance.normal(size=(3_000, 4))
    guesses = np.eye(4)[truth] * 2.5 + chance.normal(size=(3_000, 4))
    net, partner = (np.exp(own - own.max(1, keepdims=True)) for own in (sees, guesses))
    net, partner = (own / own.sum(1, keepdims=True) for own in (net, partner))
    smoothed = apply_temperature(net, 4.0)
    problem = Problem("multiclass", 4)
    plain, _ = fit_blend((None, smoothed), (None, partner), truth, problem)
    sharp, mixed = fit_blend((None, smoothed), (None, partner), truth, problem, sharp=True)
    assert plain.weight < 0.8 < sharp.weight
    assert sharp.temperatures[0] < 0.5
    assert log_loss(truth, mixed) < 1.05 * log_loss(truth, net)

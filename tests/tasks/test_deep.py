"""The deep net on real data: what it answers, keeps and gives back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.metrics import log_loss

from deeplode.data.split import Fold, folds
from deeplode.encode.batch import Batch
from deeplode.evaluate.problem import Problem
from deeplode.fit.config import FitConfig
from deeplode.progress import silent
from deeplode.runtime import Budget
from deeplode.tasks.deep import fit_net
from deeplode.tasks.net import Net, Scale

SMALL = FitConfig(hidden=(32, 32), batch_size=32, epochs=12)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Products this small are not worth a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def as_batch(features: np.ndarray) -> Batch:
    """Robustly scaled numbers; one of them again as a category of three levels, with gaps."""
    low, middle, high = np.quantile(features, (0.25, 0.5, 0.75), axis=0)
    numbers = ((features - middle) / np.maximum(high - low, 1e-9)).astype(np.float32)
    thirds = np.digitize(numbers[:, 0], (-0.4, 0.4)) + 2
    thirds[::11] = 1
    numbers[::13, 1] = np.nan
    return Batch(torch.from_numpy(numbers), torch.from_numpy(thirds[:, None].astype(np.int32)))


def data(task: str) -> tuple[Batch, np.ndarray, Problem]:
    load = {"binary": load_breast_cancer, "multiclass": load_wine, "regression": load_diabetes}
    features, target = load[task](return_X_y=True)
    classes = 1 if task == "regression" else int(target.max()) + 1
    return as_batch(features), target, Problem(task, classes)  # type: ignore[arg-type]


def fitted(task: str, config: FitConfig = SMALL, **more: Any) -> tuple[Net, np.ndarray]:
    batch, target, problem = data(task)
    members = folds(len(target), "random", None if task == "regression" else target, 2, 0)
    arguments = {"weights": None, "budget": Budget(), "listen": silent, "config": config} | more
    return fit_net(batch, target, problem, members, **arguments)


TASKS = ("binary", "multiclass", "regression")


@pytest.mark.parametrize("task", TASKS)
def test_out_of_fold_predictions_beat_the_trivial_answer_by_far(task: str) -> None:
    _, target, problem = data(task)
    _, oof = fitted(task)
    seen = ~np.isnan(oof.reshape(len(target), -1)[:, 0])
    assert seen.mean() == pytest.approx(0.25, abs=0.01)
    if problem.classifies:
        shares = np.bincount(target) / len(target)
        trivial = -(shares * np.log(shares)).sum()
        assert log_loss(target[seen], oof[seen]) < 0.4 * trivial
    else:
        errors = target[seen] - oof[seen]
        assert (errors**2).mean() < 0.65 * target.var()


@pytest.mark.parametrize("task", TASKS)
def test_saved_and_restored_it_answers_with_the_same_bits(task: str) -> None:
    net, _ = fitted(task, replace(SMALL, epochs=2))
    facts = json.loads(json.dumps(net.facts()))
    arrays = {name: array.copy() for name, array in net.arrays().items()}
    again = Net.restore(facts, arrays)
    batch, _, _ = data(task)
    assert np.array_equal(net.predict(batch), again.predict(batch))
    assert again.facts() == net.facts()


@pytest.mark.parametrize("task", TASKS)
def test_a_single_row_gets_the_batchs_answer(task: str) -> None:
    net, _ = fitted(task, replace(SMALL, epochs=2))
    batch, _, _ = data(task)
    together = net.predict(batch)
    for row in range(5):
        alone = net.predict_row(batch.numbers[row].numpy(), batch.categories[row].numpy())
        np.testing.assert_allclose(alone, together[row], rtol=1e-5)


def test_predicting_changes_nothing() -> None:
    net, _ = fitted("binary", replace(SMALL, epochs=2))
    batch, _, _ = data("binary")
    before = {name: array.copy() for name, array in net.arrays().items()}
    one, other = net.predict(batch), net.predict(batch)
    assert np.array_equal(one, other)
    assert all(np.array_equal(before[name], array) for name, array in net.arrays().items())


def test_no_rows_give_no_answers() -> None:
    net, _ = fitted("multiclass", replace(SMALL, epochs=1))
    batch, _, _ = data("multiclass")
    assert net.predict(batch.rows(torch.arange(0))).shape == (0, 3)


def test_probabilities_are_probabilities() -> None:
    for task in ("binary", "multiclass"):
        net, _ = fitted(task, replace(SMALL, epochs=2))
        answers = net.predict(data(task)[0])
        assert answers.min() >= 0
        np.testing.assert_allclose(answers.sum(1), 1.0, atol=1e-12)


def test_values_stay_within_a_tenth_of_the_training_range() -> None:
    net, _ = fitted("regression")
    batch, target, _ = data("regression")
    wild = replace(batch, numbers=batch.numbers * 1e6)
    reach = 0.1 * (target.max() - target.min())
    answers = net.predict(wild)
    assert answers.min() >= target.min() - reach
    assert answers.max() <= target.max() + reach


def test_a_heavy_tail_does_not_squeeze_the_other_rows_together() -> None:
    even = np.linspace(0, 10, 1001)
    assert Scale.fit(even).spread == pytest.approx(even.std())
    wild = np.append(even, [1e9, -3e8])
    assert Scale.fit(wild).spread == pytest.approx(5 * 1.4826 * 2.5, rel=0.01)
    assert Scale.fit(np.ones(5)).spread == 1.0


def test_missing_infinite_and_unseen_cells_get_an_answer() -> None:
    net, _ = fitted("binary", replace(SMALL, epochs=1))
    numbers = torch.tensor([[float("nan")], [1e30], [-1e30]]).expand(3, 30).contiguous()
    slots = torch.tensor([[0], [77], [1]], dtype=torch.int32)
    assert np.isfinite(net.predict(Batch(numbers, slots))).all()


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    batch, target, problem = data("binary")
    members = folds(len(target), "random", target, 2, 0)
    answers = []
    for seed in (0, 0, 1):
        one = replace(problem, seed=seed)
        config = replace(SMALL, epochs=2)
        net, _ = fit_net(batch, target, one, members, None, Budget(), silent, config)
        answers.append(net.predict(batch))
    assert np.array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    fitted("binary", replace(SMALL, epochs=1))
    assert torch.equal(before, torch.get_rng_state())


def test_members_validated_on_the_same_rows_are_averaged_there() -> None:
    batch, target, problem = data("regression")
    cut = len(target) * 7 // 8
    one = Fold(np.arange(cut), np.arange(cut, len(target)))
    net, oof = fit_net(batch, target, problem, (one, one, one), None, Budget(), silent, SMALL)
    assert np.isnan(oof[:cut]).all()
    np.testing.assert_allclose(oof[cut:], net.predict(batch)[cut:], rtol=1e-4)


def test_one_member_with_one_fold_is_enough() -> None:
    batch, target, problem = data("binary")
    one = folds(len(target), "random", target, 1, 0)
    net, oof = fit_net(batch, target, problem, one, None, Budget(), silent, SMALL)
    assert net.ensemble.shape.members == 1
    assert int((~np.isnan(oof[:, 0])).sum()) == len(one[0].valid)


def test_a_handful_of_rows_is_enough() -> None:
    batch, target, problem = data("binary")
    some = np.flatnonzero(np.arange(len(target)) % 70 == 0)
    few = batch.rows(torch.from_numpy(some))
    halves = (Fold(np.arange(1, len(some)), np.arange(1)), Fold(np.arange(4), np.arange(4, 6)))
    net, _ = fit_net(few, target[some], problem, halves, None, Budget(), silent, SMALL)
    assert np.isfinite(net.predict(batch)).all()


def test_weights_move_the_answers_towards_the_heavy_rows() -> None:
    batch, target, _ = data("binary")
    heavy = np.where(target == 1, 20.0, 1.0)
    even, _ = fitted("binary", replace(SMALL, epochs=4))
    pulled, _ = fitted("binary", replace(SMALL, epochs=4), weights=heavy)
    assert pulled.predict(batch)[:, 1].mean() > even.predict(batch)[:, 1].mean()


def test_facts_tell_how_it_was_trained() -> None:
    net, _ = fitted("binary", replace(SMALL, epochs=3))
    training = net.facts()["training"]
    assert len(training["history"]["members"]) == 3
    assert len(training["best_epochs"]) == 2
    assert training["strides"] == []
    assert training["parameters"] > 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda facts, arrays: facts.pop("shape"),
        lambda facts, arrays: facts["shape"].update(members=3),
        lambda facts, arrays: facts["shape"].update(hidden=[10**9]),
        lambda facts, arrays: facts.update(starts=[0, 1]),
        lambda facts, arrays: facts.update(slots=[-1]),
        lambda facts, arrays: facts.update(n_classes=3),
        lambda facts, arrays: facts["config"].update(magic=1),
        lambda facts, arrays: arrays.pop("knots"),
        lambda facts, arrays: arrays.update({"scale": arrays["scale"][:1]}),
        lambda facts, arrays: arrays.update({"scale": arrays["scale"] * np.nan}),
        lambda facts, arrays: arrays.update({"center": arrays["center"].astype(np.float64)}),
    ],
)
def test_what_does_not_describe_a_net_is_refused(spoil: Any) -> None:
    net, _ = fitted("binary", replace(SMALL, epochs=1))
    facts, arrays = json.loads(json.dumps(net.facts())), net.arrays()
    spoil(facts, arrays)
    with pytest.raises((ValueError, KeyError, TypeError)):
        Net.restore(facts, arrays)

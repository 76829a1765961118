"""Checks on the course of a training, each on a training that really has the trouble."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch

from deeplode.fit.config import FitConfig
from deeplode.fit.diagnostics import diagnose
from deeplode.fit.history import History
from deeplode.fit.loop import train
from deeplode.fit.losses import REGRESSION
from deeplode.fit.state import Fold, Job, Rows, State
from deeplode.nets.mlp import Mlp
from deeplode.nets.shape import NetShape
from deeplode.progress import silent
from deeplode.runtime import Budget

ROWS, MEMBERS = 600, 2


def trained(**choices: Any) -> tuple[State, FitConfig]:
    """A perceptron on rows of a smooth function, validated on a third of them."""
    plain = {
        "hidden": (16, 16), "activation": "relu", "optimizer": "adam", "weight_decay": 0.0,
        "learning_rate": 0.003, "schedule": "constant", "dropout": 0.0, "batch_size": 50,
        "epochs": 30, "patience": 30, "members": MEMBERS,
    }  # fmt: skip
    noise = choices.pop("noise", 0.1)
    config = FitConfig(**(plain | choices))
    generator = torch.Generator().manual_seed(3)
    numbers = torch.randn(ROWS, 6, generator=generator)
    target = (2 * numbers[:, 0]).sin() + numbers[:, 1] * numbers[:, 2]
    target = target + noise * torch.randn(ROWS, generator=generator)
    target = (target - target.mean()) / target.std()
    fold = Fold(torch.arange(400), torch.arange(400, 600))
    net = Mlp(6, NetShape(config.hidden, config.activation, 1, MEMBERS), generator)
    rows = Rows((numbers,), target)
    job = Job(net, rows, (fold,) * MEMBERS, REGRESSION, config, generator)
    return train(job, Budget(), silent), config


def codes(**choices: Any) -> set[str]:
    state, config = trained(**choices)
    return {notice.code for notice in diagnose(state.history, config, state.setbacks.tolist())}


def test_a_sound_training_gives_no_cause_for_complaint() -> None:
    assert codes(schedule="one_cycle", epochs=40, learning_rate=0.01) <= {"W-FIT-008"}


def test_a_deep_sigmoid_net_has_a_vanishing_gradient_and_saturated_units() -> None:
    found = codes(hidden=(16,) * 10, activation="sigmoid", learning_rate=0.05, epochs=10)
    assert {"W-FIT-003", "W-FIT-004"} <= found


def test_the_same_net_with_relu_and_its_initialisation_has_neither() -> None:
    found = codes(hidden=(16,) * 10, activation="relu", epochs=10)
    assert not {"W-FIT-003", "W-FIT-004", "W-FIT-005"} & found


def test_a_rate_of_a_hundred_is_put_back_and_still_ends_better_than_it_began() -> None:
    state, config = trained(learning_rate=100.0)
    notices = diagnose(state.history, config, state.setbacks.tolist())
    first = next(notice for notice in notices if notice.code == "W-FIT-001")
    assert first.values["lowest"] <= 1.001
    assert (state.best_loss < 0.8 * torch.tensor(state.history.start)).all()
    assert all(torch.isfinite(one).all() for own in state.tensors for one in own)


def test_units_that_never_answer_are_called_dead() -> None:
    assert "W-FIT-002" in codes(optimizer="sgd", learning_rate=3.0, epochs=6, clip_norm=1.0)


def test_a_rate_that_makes_the_loss_rise_is_called_too_high() -> None:
    assert "W-FIT-006" in codes(optimizer="adam", learning_rate=0.5, epochs=8)


def test_a_training_cut_off_in_its_descent_is_called_so() -> None:
    assert "W-FIT-007" in codes(learning_rate=0.0005, epochs=10)


def test_learning_noise_by_heart_is_called_over_fitting() -> None:
    assert "W-FIT-008" in codes(noise=3.0, hidden=(64, 64), epochs=60, learning_rate=0.01)


def test_a_rate_that_makes_the_loss_creep_is_called_too_low() -> None:
    assert codes(optimizer="sgd", learning_rate=1e-6, epochs=6) == {"W-FIT-011"}


def test_a_net_that_finds_nothing_to_learn_is_called_under_fitted() -> None:
    history = History(start=[1.0])
    for loss in (0.999, 1.01, 0.995, 1.002, 0.998, 1.02):
        history.add([loss], [loss], 0.1, 10.0, [[]])
    assert [notice.code for notice in diagnose(history, FitConfig(), [0])] == ["W-FIT-009"]


def test_a_small_jump_of_a_loss_near_zero_is_no_cause_for_complaint() -> None:
    history = History(start=[0.66])
    for loss in (0.2, 0.01, 0.002, 0.013, 0.002, 0.001):
        history.add([loss], [0.2], 0.1, 10.0, [[]])
    assert diagnose(history, FitConfig(), [0]) == []


def test_a_jump_that_undoes_what_was_learned_is_told() -> None:
    history = History(start=[0.66])
    for loss in (0.2, 0.1, 0.4):
        history.add([loss], [0.2], 0.1, 10.0, [[]])
    assert [notice.code for notice in diagnose(history, FitConfig(), [0])] == ["W-FIT-006"]


def test_units_are_watched_also_when_batches_have_one_row() -> None:
    state, _ = trained(batch_size=1, epochs=1)
    dead = [member[0][0] for member in state.history.layers[0]]
    assert all(share < 0.5 for share in dead)


def test_l1_shows_in_the_share_of_zeros() -> None:
    state, _ = trained(l1=3.0, epochs=8)
    assert min(member[0][3] for member in state.history.layers[-1]) > 0.2


def test_a_history_with_a_lost_loss_is_plain_json_and_comes_back() -> None:
    history = History(start=[1.0])
    history.add([math.nan], [math.inf], 0.1, 10.0, [[[0.0, 0.0, math.nan, 0.0]]])
    text = json.dumps(history.to_json(), allow_nan=False)
    again = History.from_json(json.loads(text))
    assert math.isnan(again.members[0][0])
    assert again.by_epoch()[0]["train_loss"] is None


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_a_member_put_back_leaves_the_others_alone(optimizer: str) -> None:
    state, _ = trained(optimizer=optimizer, learning_rate=0.003, epochs=3)
    before = [tensor.clone() for tensor in state.tensors[1]]
    from deeplode.fit.setback import put_back

    put_back(state, torch.tensor([math.nan, 0.5]))
    assert state.setbacks.tolist() == [1, 0]
    assert all(torch.equal(a, b) for a, b in zip(before, state.tensors[1], strict=True))
    assert all(torch.equal(a, b) for a, b in zip(state.best[0], state.tensors[0], strict=True))

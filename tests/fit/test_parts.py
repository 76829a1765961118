"""Schedules, losses and the configuration."""

from __future__ import annotations

import json
import math

import pytest
import torch

from deeplode.errors import OptionError
from deeplode.fit.config import FitConfig
from deeplode.fit.losses import binary_cross_entropy, cross_entropy, mean, squared_error
from deeplode.fit.pace import Pace
from deeplode.fit.schedules import (
    PLATEAU_BETTER,
    PLATEAU_FACTOR,
    PLATEAU_PATIENCE,
    SCHEDULES,
    constant,
    cosine,
    exponential,
    one_cycle,
    plateau,
    step,
    warm_up,
)
from deeplode.runtime import Budget


def test_one_cycle_climbs_for_a_tenth_and_falls_to_zero() -> None:
    assert one_cycle(0.0) == pytest.approx(0.04)
    assert one_cycle(0.1) == pytest.approx(1.0)
    assert one_cycle(0.55) == pytest.approx(0.5)
    assert one_cycle(1.0) == pytest.approx(0.0)


def test_cosine_falls_from_one_to_zero_and_constant_stays() -> None:
    assert (cosine(0.0), cosine(0.5), cosine(1.0)) == pytest.approx((1.0, 0.5, 0.0))
    assert constant(0.7) == 1.0


def test_step_goes_down_to_a_tenth_at_half_and_again_at_three_quarters() -> None:
    found = [step(x) for x in (0.0, 0.49, 0.5, 0.74, 0.75, 1.0)]
    assert found == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_exponential_falls_by_one_factor_and_warm_up_climbs_along_a_line() -> None:
    assert [exponential(x) for x in (0, 0.5, 1)] == pytest.approx([1, 0.1, 0.01])
    assert [warm_up(x) for x in (0, 0.05, 0.1, 0.7)] == pytest.approx([0, 0.5, 1, 1])


def test_reduce_on_plateau_goes_down_as_torchs_own_does() -> None:
    losses = [1.0, 0.9, 0.9, 0.95, 0.89995, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.7, math.nan, 0.6]
    rule = torch.optim.SGD([torch.zeros(1)], 1.0)
    peer = torch.optim.lr_scheduler.ReduceLROnPlateau(
        rule, factor=PLATEAU_FACTOR, patience=PLATEAU_PATIENCE, threshold=PLATEAU_BETTER
    )
    for count in range(1, len(losses) + 1):
        peer.step(losses[count - 1])
        assert plateau(losses[:count]) == pytest.approx(rule.param_groups[0]["lr"])
    assert plateau(losses) < PLATEAU_FACTOR**2
    assert plateau([]) == 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_schedule_leaves_the_range_of_zero_to_one(name: str) -> None:
    assert all(0 <= SCHEDULES[name](i / 100) <= 1 + 1e-12 for i in range(101))


def test_losses_have_the_values_worked_out_by_hand() -> None:
    scores = torch.tensor([[[0.0], [math.log(3)]]])  # odds 1 and 3
    truth = torch.tensor([[1.0, 0.0]])
    expected = [math.log(2), math.log(4)]
    assert binary_cross_entropy(scores, truth)[0].tolist() == pytest.approx(expected)
    many = torch.tensor([[[0.0, math.log(2), 0.0]]])  # shares 1/4, 1/2, 1/4
    assert cross_entropy(many, torch.tensor([[2]])).item() == pytest.approx(math.log(4))
    assert squared_error(scores, truth)[0].tolist() == pytest.approx([1.0, math.log(3) ** 2])


def test_squared_error_goes_on_as_a_line_far_away() -> None:
    scores = torch.tensor([[[8.0], [18.0], [-108.0]]])
    assert squared_error(scores, torch.zeros(1, 3)).tolist() == [[64.0, 224.0, 1664.0]]


def test_mean_is_weighted_within_each_member() -> None:
    losses = torch.tensor([[1.0, 3.0], [2.0, 6.0]])
    weights = torch.tensor([[3.0, 1.0], [0.0, 1.0]])
    assert mean(losses, weights).tolist() == [1.5, 6.0]
    assert mean(losses, None).tolist() == [2.0, 4.0]


def test_a_config_comes_back_from_json() -> None:
    config = FitConfig(hidden=(7, 5), strides=((4, 0.25), (8, 1.0)))
    assert FitConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("activation", "swoosh"),
        ("optimizer", "magic"),
        ("schedule", "never"),
        ("batch_size", 0),
        ("epochs", 0),
        ("dropout", 1.0),
        ("learning_rate", -1.0),
        ("hidden", (0,)),
        ("accumulate", 0),
        ("clip_norm", -1.0),
        ("weight_decay", float("nan")),
        ("l1", float("inf")),
        ("label_smoothing", 1.0),
        ("input_noise", "much"),
        ("optimizer_style", "jax"),
    ],
)
def test_a_choice_that_makes_no_sense_is_named(option: str, value: object) -> None:
    with pytest.raises(OptionError) as caught:
        FitConfig(**{option: value})  # type: ignore[arg-type]
    assert caught.value.code in ("E-OPT-002", "E-OPT-070")
    assert caught.value.values["option"] == option


def test_a_pace_without_deadline_makes_exactly_the_planned_steps() -> None:
    for steps in (1, 3, 1000, 12_345):
        pace = Pace.plan(steps)
        while not pace.over:
            pace.look_up(Budget(), 10)
            pace.advance()
        assert pace.step == steps
        assert pace.strides == []


def test_a_stride_of_one_in_the_record_ends_the_run_there() -> None:
    pace = Pace.plan(100, ((40, 0.05), (44, 1.0)))
    while not pace.over:
        pace.look_up(Budget(), 10)
        if not pace.over:
            pace.advance()
    assert pace.step == 44

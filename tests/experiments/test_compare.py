"""Compare in Python: same rows, same starting points, stacked as if alone, judged honestly."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import deeplode
from deeplode.encode.batch import Batch
from deeplode.errors import LimitError, OptionError
from deeplode.evaluate.problem import Problem
from deeplode.experiments import cost, grid
from deeplode.experiments.stacks import Member, Study, bundle, courses, job
from deeplode.fit.config import FitConfig
from deeplode.fit.loop import train
from deeplode.fit.losses import BINARY
from deeplode.fit.state import Rows
from deeplode.nets.activation import ACTIVATIONS
from deeplode.nets.codes import Codes
from deeplode.nets.ensemble import Ensemble
from deeplode.progress import silent
from deeplode.runtime import Budget
from deeplode.tasks.net import Scale

PLAIN = FitConfig(hidden=(9, 5), dropout=0.0, batch_size=16, epochs=4, patience=4, members=1)


def table(rows: int = 240) -> pl.DataFrame:
    """Numbers and a category; the target depends on three of them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 4))
    town = rng.choice(["a", "b", "c"], rows)
    odds = 2 * x[:, 0] - 1.5 * x[:, 1] * x[:, 2] + (town == "a")
    label = np.where(rng.random(rows) < 1 / (1 + np.exp(-odds)), "yes", "no")
    frame = pl.DataFrame(x, schema=["p", "q", "r", "s"])
    return frame.with_columns(pl.Series("town", town), pl.Series("label", label))


def facts_of(**settings: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"target": "label", "epochs": 5, "hidden": (8,), "threads": 1}
    return deeplode.compare(table(), **{**defaults, **settings}).facts


@pytest.fixture(scope="module")
def study() -> Study:
    """Encoded rows to learn from (the first 90) and to validate on (the others)."""
    chance = torch.Generator().manual_seed(0)
    numbers = torch.randn(120, 3, generator=chance)
    slots = torch.randint(2, 16, (120, 1), generator=chance, dtype=torch.int32)
    batch = Batch(numbers, slots)
    codes = Codes.fit(batch.numbers, batch.categories, 6, 6)
    target = (numbers[:, 0] + 0.5 * torch.randn(120, generator=chance) > 0).float()
    rows = Rows(codes.ready(batch.numbers, batch.categories), target)
    learn, valid = torch.arange(90), torch.arange(90, 120)
    problem = Problem("binary", 2)
    return Study(problem, target.long().numpy(), rows, learn, valid, codes, torch.zeros(1), Scale())


def state_of(study: Study, members: tuple[Member, ...]) -> tuple[Any, Any]:
    """The job of some members and what training made of it."""
    made = job(study, members, study.learn, study.valid)
    return made, train(made, Budget(), silent)


def test_nets_of_one_seed_begin_alike_but_for_the_scale_that_their_activation_asks_for(
    study: Study,
) -> None:
    configs = [
        replace(PLAIN, activation=name, optimizer=optimizer)
        for name in ("sigmoid", "relu", "selu")
        for optimizer in ("sgd", "adam")
    ]
    (course,) = courses(configs, (3, 4))
    nets = bundle(study, course)
    begun = dict(zip(course, nets.tensors(), strict=True))
    for member, tensors in begun.items():
        same = [own for one, own in begun.items() if one.seed == member.seed]
        for other in same:
            for a, b in zip(tensors, other, strict=True):
                assert (a == 0).all() == (b == 0).all()
                if a.numel() > 1 and float(a.std()) > 0:
                    torch.testing.assert_close(a / a.std(), b / b.std())
    alike = [own for one, own in begun.items() if one.seed == 3 and one.config.activation == "relu"]
    for a, b in zip(*alike, strict=True):
        assert torch.equal(a, b)
    net = nets.nets[0]
    assert isinstance(net, Ensemble)
    assert not torch.equal(net.weights[1][0], net.weights[1][1])  # another seed, another start
    spreads = [float(begun[one][2].std()) for one in course if one.seed == 3]
    asked = [ACTIVATIONS[one.config.activation].spread(*net.weights[0].shape[1:]) for one in course]
    assert np.ptp(np.array(spreads) / np.array(asked[::2])) < 1e-5


def test_every_net_of_a_seed_goes_through_the_rows_in_one_order(study: Study) -> None:
    configs = [replace(PLAIN, optimizer=name) for name in ("sgd", "adam")]
    (course,) = courses(configs, (0, 1))
    folds = job(study, course, study.learn, study.valid).folds
    orders = [torch.randperm(90, generator=one.chance).tolist() for one in folds]
    assert orders[0] == orders[2] != orders[1] == orders[3]


def test_a_stack_of_combinations_learns_what_each_learns_alone(study: Study) -> None:
    configs = [
        replace(PLAIN, activation=name, optimizer=optimizer, hidden=hidden, l1=l1)
        for name in ("tanh", "prelu")
        for optimizer, l1 in (("sgd", 0.0), ("momentum", 0.001), ("adam", 0.0), ("muon", 0.0))
        for hidden in ((9, 5), (6,))
    ]
    (course,) = courses(configs, (0, 1))
    _, together = state_of(study, course)
    losses = np.array(together.history.members)
    for at, config in enumerate(configs):
        places = [i for i, one in enumerate(course) if one.combination == at]
        _, alone = state_of(study, tuple(Member(0, seed, config) for seed in (0, 1)))
        np.testing.assert_allclose(losses[:, places], np.array(alone.history.members), rtol=2e-3)


def test_courses_part_combinations_by_batch_size_and_epochs_and_keep_seeds_together() -> None:
    configs = [
        replace(PLAIN, batch_size=size, optimizer=name)
        for size in (16, 32)
        for name in ("sgd", "adam")
    ]
    found = courses(configs, (5, 6))
    told = [[(one.combination, one.seed) for one in course] for course in found]
    assert told == [[(0, 5), (0, 6), (1, 5), (1, 6)], [(2, 5), (2, 6), (3, 5), (3, 6)]]


def test_a_bundle_shares_no_members_across_nets_and_answers_as_its_nets_do(study: Study) -> None:
    configs = [replace(PLAIN, activation=name) for name in ("relu", "tanh")]
    (course,) = courses(configs, range(3))
    nets = bundle(study, course)
    assert nets.shares(2) == [slice(0, 1), slice(1, 3), slice(3, 4), slice(4, 6)]
    cells, positions = (one[:7].expand(6, *one[:7].shape) for one in study.rows.inputs)
    whole = nets(cells, positions)
    for own in nets.shares(2):
        alone = nets.share(own)(cells[own], positions[own])
        torch.testing.assert_close(whole[own], alone)
    with pytest.raises(ValueError, match="several nets"):
        nets.share(slice(2, 4))


def test_facts_name_every_combination_with_all_that_is_promised() -> None:
    facts = facts_of(
        vary={"optimizer": ["sgd", "adam"], "activation": ["relu", "tanh"], "batch_size": [16, 64]}
    )
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    found = facts["combinations"]
    assert len(found) == 8
    assert [one["rank"] for one in found] == list(range(1, 9))
    values = [one["loss"]["value"] for one in found]
    assert values == sorted(values)
    for one in found:
        assert len(one["loss"]["seeds"]) == len(one["best_epoch"]) == 3
        assert one["loss"]["low"] < one["loss"]["value"] < one["loss"]["high"]
        curves, epochs = one["curves"], one["epochs"]
        assert len(curves["valid"]) == len(curves["train"]) == epochs == 5
        assert set(one["layers"][0]) == {"dead", "saturated", "gradient", "zeros"}
        assert len(one["layers"][0]["gradient"]) == epochs
        best = min([curves["start"], *curves["valid_low"]])
        assert best <= min(one["loss"]["seeds"]) + 1e-6
        assert one["metrics"]["log_loss"]["value"] == pytest.approx(one["loss"]["value"], rel=1e-4)
    split = facts["split"]
    assert split["train"] + split["valid"] + split["test"] == 240
    assert split["valid"] == pytest.approx(split["train"] / 3, abs=2)


def test_rows_set_aside_have_no_say() -> None:
    frame = table()
    first = deeplode.compare(frame, target="label", vary={"optimizer": ["sgd"]}, epochs=2).facts
    trace = deeplode.trace(frame, target="label", batch_size="full").facts  # the same split
    train = [int(name) for name in trace["batch"]["ids"]]
    test = ~np.isin(np.arange(240), train)
    assert test.sum() == first["split"]["test"]
    changed = frame.with_columns(pl.when(pl.Series(test)).then(99.0).otherwise("p").alias("p"))
    second = deeplode.compare(changed, target="label", vary={"optimizer": ["sgd"]}, epochs=2).facts
    assert second["combinations"][0]["curves"] == first["combinations"][0]["curves"]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    asked: dict[str, Any] = {"vary": {"optimizer": ["sgd", "adam"]}, "dropout": 0.3, "seeds": 2}

    def learned(seed: int) -> list[Any]:
        found = facts_of(**asked, seed=seed)["combinations"]
        return [(one["name"], one["loss"], one["curves"], one["layers"]) for one in found]

    assert learned(0) == learned(0)
    assert learned(1) != learned(0)


def test_a_difference_that_is_noise_is_called_noise_and_a_real_one_real() -> None:
    same = facts_of(vary={"learning_rate": [0.004, 0.00400001]}, epochs=15)
    assert same["combinations"][1]["against_best"]["verdict"] == "noise"
    assert same["verdict"]["real"] == []
    idle = facts_of(vary={"learning_rate": [0.02, 1e-9]}, epochs=15)
    assert idle["verdict"]["real"] == ["learning_rate 1e-09"]
    assert "really worse" in idle["verdict"]["text"]


def test_one_seed_alone_is_said_to_be_one() -> None:
    facts = facts_of(vary={"optimizer": ["sgd", "adam"]}, seeds=1)
    assert facts["verdict"]["seeds_compared"] is False
    assert "Seeds were not compared" in facts["verdict"]["text"]
    assert facts["combinations"][0]["loss"]["low"] is None


def test_steps_to_a_loss_are_those_of_the_epochs_that_it_took() -> None:
    facts = facts_of(vary={"learning_rate": [0.02, 1e-9]}, to_loss=0.68, epochs=10)
    reached, idle = facts["combinations"]
    assert idle["to_loss"] == {"reached": 0, "epochs": None, "steps": None, "seconds": None}
    own = reached["to_loss"]
    assert own["reached"] == 3
    assert own["steps"] == pytest.approx(own["epochs"] * reached["steps_per_epoch"], rel=1e-5)
    assert 0 < own["seconds"] < reached["seconds"]


def test_a_number_and_several_classes_can_be_predicted_with_weights_and_groups() -> None:
    frame = table().with_columns(
        pl.Series("firm", np.arange(240) // 4), pl.Series("counts", np.arange(240) % 3 + 1)
    )
    vary = {"hidden": [(), 4, (6, 4)], "schedule": ["constant", "reduce_on_plateau"]}
    settings: dict[str, Any] = {"vary": vary, "epochs": 3, "seeds": 2, "threads": 2}
    value = deeplode.compare(frame, target="p", group="firm", weight="counts", **settings).facts
    assert value["task"] == "regression"
    assert value["main_metric"] == "rmse"
    assert len(value["combinations"]) == 6
    town = deeplode.compare(frame, target="town", **settings).facts
    assert town["task"] == "multiclass"
    names = {one["name"] for one in town["combinations"]}
    assert "hidden 6x4 · constant" in names
    assert "hidden 0 · constant" in names


def test_a_net_that_diverges_is_told_and_the_others_are_none_the_worse() -> None:
    vary = {"learning_rate": [0.01, 1e6], "optimizer": ["sgd"]}
    facts = facts_of(vary=vary, dropout=0.0, epochs=6)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    sound, wild = sorted(facts["combinations"], key=lambda one: one["choices"]["learning_rate"])
    codes = {one["code"] for one in wild["diagnostics"]}
    assert "W-FIT-001" in codes
    assert None in wild["curves"]["valid"] or max(wild["curves"]["valid"]) > 10
    alone = facts_of(vary={**vary, "learning_rate": [0.01]}, dropout=0.0, epochs=6)
    own = alone["combinations"][0]["loss"]["seeds"]
    assert sound["loss"]["seeds"] == pytest.approx(own, rel=1e-4)
    for language in ("en", "zh"):
        assert "nan" not in deeplode.comparing.Comparison(facts).html(language)


@pytest.mark.parametrize(
    ("vary", "code", "words"),
    [
        ({"optimiser": ["sgd"]}, "E-OPT-001", "optimizer"),
        ({"optimizer": ["adm"]}, "E-OPT-009", "adam"),
        ({"activation": ["reluu", "tanh"]}, "E-OPT-009", "relu"),
        ({"seed": [1, 2]}, "E-OPT-121", "optimizer"),
        ({"members": [1, 2]}, "E-OPT-121", "dropout"),
        ({"optimizer": ["adam", "adam"]}, "E-OPT-122", "--seeds"),
        ({"optimizer": []}, "E-OPT-120", "optimizer="),
        ({"learning_rate": ["fast"]}, "E-OPT-008", "float"),
        ({"learning_rate": [-1.0]}, "E-OPT-070", ">= 0"),
        ({"dropout": [0.1, 1.0]}, "E-OPT-070", "0 … 1"),
        ({"hidden": ["8y"]}, "E-OPT-008", "64x32"),
        ({"epochs": [0]}, "E-OPT-004", "at least 1"),
        ({}, "E-OPT-125", "vary"),
        ({"learning_rate": [0.1 / n for n in range(1, 5000)]}, "E-OPT-123", "14997"),
    ],
    ids=str,
)
def test_what_cannot_be_varied_is_refused_with_its_mend(
    vary: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(OptionError) as caught:
        facts_of(vary=vary)
    assert caught.value.code == code
    assert words in str(caught.value)


def test_an_option_is_either_varied_or_fixed() -> None:
    with pytest.raises(OptionError, match="exclude"):
        facts_of(vary={"optimizer": ["sgd", "adam"]}, optimizer="sgd")


def test_too_many_are_refused_before_training_with_the_count_and_the_estimate() -> None:
    vary = {"learning_rate": [0.1 / n for n in range(1, 61)], "l1": [0.0, 1e-4, 1e-3]}
    heard: list[str] = []

    def listen(event: str, /, **facts: Any) -> None:
        heard.append(event)

    with pytest.raises(OptionError, match="540 nets") as caught:
        deeplode.compare(table(), None, listen, target="label", vary=vary, hidden=(8,))
    assert caught.value.code == "E-OPT-124"
    assert "epoch" not in heard
    with pytest.raises(LimitError, match="540 nets") as late:
        facts_of(vary=vary, time_limit="6s", epochs=4000)
    assert late.value.code == "E-LIMIT-005"


def test_memory_that_is_too_little_is_refused_with_the_count(study: Study) -> None:
    (course,) = courses([PLAIN], range(60))
    needed = cost.estimate(study, [course], 0)
    budget = Budget(memory_limit=cost.PROGRAM + 10_000_000)
    with pytest.raises(LimitError, match="60 nets") as caught:
        cost.refuse(needed, budget, {"combinations": 1, "seeds": 60})
    assert caught.value.code == "E-LIMIT-006"


def test_more_members_than_an_ensemble_holds_are_trained_in_several(study: Study) -> None:
    (course,) = courses([PLAIN], range(70))
    nets = bundle(study, course)
    assert len(nets.nets) == 2
    assert len(nets.tensors()) == 70
    assert BINARY is study.loss


def test_texts_and_values_name_the_same_choices() -> None:
    texts = grid.checked(
        {"hidden": ("64", "128x64", "0"), "batch_size": ("full", "32"), "l1": ("0.1",)}
    )
    assert texts == {"hidden": ((64,), (128, 64), ()), "batch_size": ("full", 32), "l1": (0.1,)}
    assert grid.checked({"hidden": [64, (128, 64), ()]})["hidden"] == texts["hidden"]
    assert [one.name for one in grid.combinations({"optimizer": ("sgd",), "l1": (0.1, 0.2)})] == [
        "sgd · l1 0.1",
        "sgd · l1 0.2",
    ]

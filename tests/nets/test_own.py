"""A user's own modules in the training loop, and the one tensor that they are called with."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from deeplode.errors import OptionError
from deeplode.fit import loop
from deeplode.fit.config import FitConfig
from deeplode.fit.losses import BINARY
from deeplode.fit.state import Fold, Job, Rows
from deeplode.nets.flat import FARTHEST, OWN, SHARED, Flat
from deeplode.nets.given import Given, draws, strip
from deeplode.nets.own import OwnNets
from deeplode.progress import silent
from deeplode.runtime import Budget, at_most, seeded

ROWS, MEMBERS = 240, 3
NAN = float("nan")


def with_everything(n_inputs: int, n_outputs: int) -> nn.Module:
    """BatchNorm has statistics, dropout draws random numbers."""
    return nn.Sequential(
        nn.Linear(n_inputs, 12),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(12, n_outputs),
    )


class Replacing(nn.Module):
    """Counts its training batches in a buffer that it puts anew instead of changing."""

    count: Tensor

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        self.layer = nn.Linear(n_inputs, n_outputs)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, rows: Tensor) -> Tensor:
        if self.training:
            self.count = self.count + 1
        scores: Tensor = self.layer(rows)
        return scores


def job(net: Any, **choices: Any) -> Job:
    """A smooth question on four numbers, one with gaps, and a category."""
    generator = torch.Generator().manual_seed(3)
    numbers = torch.randn(ROWS, 4, generator=generator)
    numbers[::9, 1] = NAN
    slots = torch.randint(2, 5, (ROWS, 1), generator=generator).int()
    target = (numbers[:, 0] + (slots[:, 0] == 3) > 0.3).float()
    flat = Flat.fit(numbers, slots)
    ready = flat.ready(numbers, slots)
    given = Given.of(net)
    modules = [given.member(flat.wide(*ready)[:32], 1, seed) for seed in range(MEMBERS)]
    together = draws(modules[0], flat.wide(*ready)[:32], 1, given.name)
    nets = OwnNets(modules, flat, 1, given.name, together)
    part = torch.arange(ROWS) % 8
    folds = tuple(
        Fold((part != m).nonzero().flatten(), (part == m).nonzero().flatten())
        for m in range(MEMBERS)
    )
    plain = {"batch_size": 16, "epochs": 6, "learning_rate": 0.01, "hidden": (), "dropout": 0.0}
    config = FitConfig(**(plain | choices))
    return Job(nets, Rows(ready, target), folds, BINARY, config, generator)


def train(one: Job, listen: Any = silent, folder: Path | None = None) -> list[list[Tensor]]:
    """Trained as the task does it; returns all tensors of the members."""
    with seeded(0), at_most(one.net.threads):
        loop.train(one, Budget(), listen, folder)
    return [[tensor.clone() for tensor in own] for own in one.net.tensors()]


def same(one: list[list[Tensor]], other: list[list[Tensor]]) -> bool:
    pairs = [pair for two in zip(one, other, strict=True) for pair in zip(*two, strict=True)]
    return all(torch.equal(a, b) for a, b in pairs)


def test_numbers_are_cut_gaps_are_zero_and_marked_and_levels_are_one_hot() -> None:
    numbers = torch.tensor([[1.0, NAN], [99.0, 2.0], [-99.0, 3.0]])
    slots = torch.tensor([[2, 2], [3, 3], [4, 2]]).int()
    flat = Flat.fit(numbers, slots)
    wide = flat.wide(*flat.ready(numbers, slots))
    assert flat.width == 2 + 1 + 3 + 1
    expected = [
        [1, 0, 1, 1, 0, 0, 0],
        [FARTHEST, 2, 0, 0, 1, 0, 1],
        [-FARTHEST, 3, 0, 0, 0, 1, 0],
    ]
    assert wide.tolist() == expected


def test_a_level_that_no_training_row_had_enters_as_zeros() -> None:
    flat = Flat.fit(torch.empty(3, 0), torch.tensor([[2], [3], [4]]).int())
    for slot in (0, 1, 70):
        assert not flat.wide(*flat.ready(torch.empty(1, 0), torch.tensor([[slot]]).int())).any()


def test_many_levels_share_columns_but_the_frequent_ones_do_not() -> None:
    slots = torch.arange(2, 1000).int().unsqueeze(1)
    flat = Flat.fit(torch.empty(998, 0), slots)
    assert flat.width <= OWN + SHARED
    wide = flat.wide(*flat.ready(torch.empty(998, 0), slots))
    assert (wide.sum(1) == 1).all()
    assert (wide[:, : OWN - 2].sum(0) == 1).all()


def test_what_is_written_down_makes_the_same_tensor() -> None:
    numbers, slots = torch.randn(50, 3), torch.randint(0, 90, (50, 2)).int()
    numbers[0, 1] = NAN
    flat = Flat.fit(numbers, slots)
    again = Flat.from_json(flat.to_json(), flat.places)
    wide = flat.wide(*flat.ready(numbers, slots))
    assert torch.equal(wide, again.wide(*again.ready(numbers, slots)))


@pytest.mark.parametrize(
    "change", [{"gaps": [7]}, {"numbers": -1}, {"slots": [3]}, {"slots": ["a"]}, {"numbers": 1.5}]
)
def test_facts_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    flat = Flat.fit(torch.randn(9, 2), torch.arange(9).remainder(5).int().unsqueeze(1))
    with pytest.raises((ValueError, TypeError)):
        Flat.from_json(flat.to_json() | change, flat.places)


@pytest.mark.parametrize("net", [with_everything, Replacing])
def test_same_seed_gives_the_same_bits(net: Any) -> None:
    assert same(train(job(net)), train(job(net)))


@pytest.mark.parametrize("net", [with_everything, Replacing])
def test_a_training_resumed_from_its_middle_ends_in_the_same_bits(
    net: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(job(net))
    monkeypatch.setattr(loop, "SAVE_EVERY", -1.0)

    def stop(event: str, /, **facts: Any) -> None:
        if facts["epoch"] == 4:  # of which the checkpoint holds 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(job(net), stop, tmp_path)
    heard: list[int] = []
    resumed = train(job(net), lambda event, **facts: heard.append(facts["epoch"]), tmp_path)
    assert heard == [4, 5, 6]
    assert same(resumed, whole)


def test_a_step_is_that_of_torch_on_each_module_alone() -> None:
    ours = job(functools.partial(with_everything), epochs=1, optimizer="sgd", weight_decay=0.0)
    alone = job(functools.partial(with_everything), epochs=1).net
    assert isinstance(alone, OwnNets)
    inputs = tuple(one[:20].expand(MEMBERS, -1, -1) for one in ours.rows.inputs)
    way = ours.net.passes(20)
    with seeded(5), torch.no_grad():
        way.backward(torch.ones_like(way.forward(inputs, None)))
    gradients = [one.grad for group in ours.net.groups() for one in group.parameters]
    with seeded(5):
        wide = alone.flat.wide(*inputs)
        for module, rows in zip(alone.modules, wide, strict=True):
            module.train()
            module(rows).sum().backward()
    order = [one for group in alone.groups() for one in group.parameters]
    for ours_, stacked in zip(gradients, order, strict=True):
        place = next(i for i, one in enumerate(alone.weights) if one is stacked)
        for member, module in enumerate(alone.modules):
            grad = list(module.parameters())[place].grad
            assert grad is not None
            assert ours_ is not None
            torch.testing.assert_close(ours_[member], grad)


def test_members_start_apart_and_batch_statistics_are_learned() -> None:
    one = job(with_everything)
    first, second = one.net.tensors()[:2]
    assert not torch.equal(first[0], second[0])
    before = [tensor.clone() for tensor in first]
    after = train(one)[0]
    labels = dict(nn.Module.named_buffers(one.net.modules[0]))  # type: ignore[attr-defined]
    assert {"1.running_mean", "1.running_var", "1.num_batches_tracked"} <= labels.keys()
    assert not torch.equal(before[-2], after[-2])


def test_frozen_parameters_stay_as_they_are() -> None:
    def net(n_inputs: int, n_outputs: int) -> nn.Module:
        module = with_everything(n_inputs, n_outputs)
        module[0].weight.requires_grad_(False)  # type: ignore[index]
        return module

    one = job(net)
    before = one.net.modules[0][0].weight.detach().clone()  # type: ignore[attr-defined]
    train(one)
    assert torch.equal(one.net.modules[0][0].weight, before)  # type: ignore[attr-defined]


def test_l1_and_clipping_apply_to_own_modules() -> None:
    one = job(Replacing, l1=0.5, clip_norm=0.1, schedule="constant", epochs=20)
    weights = train(one)[0]
    assert int((weights[0] == 0).sum()) > 0


def test_only_modules_that_draw_random_numbers_are_said_to() -> None:
    rows = torch.randn(8, 5)
    dropping = with_everything(5, 1).eval()
    before = {name: value.clone() for name, value in dropping.state_dict().items()}
    assert draws(dropping, rows, 1, "net")
    assert all(torch.equal(before[name], value) for name, value in dropping.state_dict().items())
    assert not draws(nn.Linear(5, 1), rows, 1, "net")


def test_a_module_is_copied_and_drawn_anew_while_a_factorys_weights_stay() -> None:
    module = nn.Sequential(nn.Linear(5, 1))
    before = module[0].weight.detach().clone()
    made = [Given.of(module).member(torch.randn(4, 5), 1, seed) for seed in (1, 2, 1)]
    weights = [next(iter(one.parameters())) for one in made]
    assert torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[1])
    assert torch.equal(module[0].weight, before)

    def pretrained() -> nn.Module:
        layer = nn.Linear(5, 1)
        nn.init.constant_(layer.weight, 0.5)
        return layer

    kept = Given.of(pretrained).member(torch.randn(4, 5), 1, 7)
    assert (next(iter(kept.parameters())) == 0.5).all()


def test_a_net_of_unknown_width_finds_it_and_one_without_parameters_takes_none() -> None:
    lazy = Given.of(nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(1)))
    first = next(iter(lazy.member(torch.randn(4, 6), 1, 0).parameters()))
    assert tuple(first.shape) == (3, 6)
    made = Given.of(("mine", lambda: nn.Linear(6, 1)))
    assert made.name == "mine"
    assert isinstance(made.member(torch.randn(4, 6), 1, 0), nn.Linear)


def test_names_come_from_the_function_the_class_or_the_user() -> None:
    assert Given.of(with_everything).name == "with_everything"
    assert Given.of(Replacing).name == "Replacing"
    assert Given.of(nn.Linear(2, 1)).name == "Linear"
    assert Given.of(lambda a, b: nn.Linear(a, b)).name == "lambda"
    assert Given.of(functools.partial(with_everything)).name == "partial"


def test_a_last_sigmoid_is_taken_off_and_one_that_is_used_inside_is_not() -> None:
    rows = torch.randn(16, 4)
    module = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
    before = module(rows)
    assert strip(module, rows) == "sigmoid"
    torch.testing.assert_close(module(rows).sigmoid(), before)

    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.gate = nn.Linear(4, 1), nn.Sigmoid()

        def forward(self, x: Tensor) -> Tensor:
            z = self.layer(x)
            return z * self.gate(z)  # type: ignore[no-any-return]

    gated = Gated()
    before = gated(rows)
    assert strip(gated, rows) is None
    assert torch.equal(gated(rows), before)


class Raising(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, rows: Tensor) -> Tensor:
        raise RuntimeError("my own words")


class Twice(nn.Linear):
    def forward(self, rows: Tensor) -> Any:
        return super().forward(rows), rows


REFUSED: list[tuple[str, Any, list[str]]] = [
    ("E-OPT-130", 5, ["int"]),
    ("E-OPT-131", ("my net!", nn.Linear(3, 1)), ["my net!"]),
    ("E-OPT-132", lambda: "no module", ["str"]),
    ("E-OPT-133", nn.ReLU, ["no parameters"]),
    ("E-OPT-134", nn.Linear(7, 1), ["(4, 3)", "RuntimeError"]),
    ("E-OPT-134", Raising(), ["(4, 3)", "my own words"]),
    ("E-OPT-135", nn.Linear(3, 2), ["(4, 1)", "(4, 2)"]),
    ("E-OPT-135", Twice(3, 1), ["(4, 1)", "tuple"]),
    ("E-OPT-137", lambda n_inputs, n_outputs: 1 / 0, ["ZeroDivisionError", "lambda(3, 1)"]),
    ("E-OPT-140", lambda n_inputs: nn.Linear(n_inputs, 1), ["n_inputs"]),
    ("E-OPT-140", lambda a, b, *, width: nn.Linear(a, b), ["width"]),
]


@pytest.mark.parametrize(("code", "net", "words"), REFUSED)
def test_what_is_no_net_is_refused_with_expected_and_got(
    code: str, net: Any, words: list[str]
) -> None:
    with pytest.raises(OptionError) as caught:
        Given.of(net).member(torch.randn(4, 3), 1, 0)
    assert caught.value.code == code
    for word in words:
        assert word in str(caught.value)

"""One net, 50 steps from the same weights, in deeplode's loop, in plain PyTorch and in Keras 3."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from deeplode.fit.config import FitConfig
from deeplode.fit.loop import train
from deeplode.fit.losses import REGRESSION
from deeplode.fit.optimizers import OPTIMIZERS
from deeplode.fit.state import Fold, Job, Rows
from deeplode.nets.autograd import Autograd
from deeplode.nets.dropout import Masks
from deeplode.nets.group import Group, even
from deeplode.runtime import Budget

SMALL = Path(__file__).with_name("dense_job.py")
_spec = importlib.util.spec_from_file_location("dense_job", SMALL)
assert _spec
assert _spec.loader
dense = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(dense)

Trajectory = list[list[Tensor]]  # every tensor after every step
PARTS = {"decayed": "weight_decay", "clipped": "clip_norm", "l2": "l2", "max_norm": "max_norm"}
SIZES = {
    "weight_decay": dense.DECAY,
    "clip_norm": dense.CLIP,
    "l2": dense.L2,
    "max_norm": dense.MAX_NORM,
}


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Dense(nn.Module):
    """A tanh layer and an output layer as members side by side; biases decay if told so."""

    def __init__(self, tensors: list[Tensor], biases_decay: bool) -> None:
        super().__init__()
        self.own = nn.ParameterList(tensors)
        self.biases_decay = biases_decay

    def forward(self, numbers: Tensor) -> Tensor:
        hidden = torch.baddbmm(self.own[1], numbers, self.own[0]).tanh()
        return torch.baddbmm(self.own[3], hidden, self.own[2])

    def share(self, members: slice) -> Dense:
        # Parts are changed by several threads: ``data`` gives each its own count of changes.
        return Dense([one.data[members] for one in self.own], self.biases_decay)

    def shares(self, threads: int) -> list[slice]:
        return even(2, threads)

    def groups(self) -> tuple[Group, ...]:
        kernels, biases = (self.own[0], self.own[2]), (self.own[1], self.own[3])
        return (Group(kernels, units=kernels), Group(biases, decay=self.biases_decay))

    def tensors(self) -> list[list[Tensor]]:
        return [[one.detach()[member] for one in self.own] for member in range(len(self.own[0]))]

    def passes(self, batch: int) -> Autograd:
        def call(inputs: tuple[Tensor, ...], masks: Masks | None) -> Tensor:
            self.zero_grad()
            scores: Tensor = self(*inputs)
            return scores

        return Autograd(call)


def in_deeplode(biases_decay: bool = True, batch: int = dense.ROWS, **choices: Any) -> Trajectory:
    """Through the training loop. Two members: they must go the same way."""
    numbers, target = dense.rows()
    own = [one if one.dim() == 2 else one.unsqueeze(0) for one in dense.weights()]
    net = Dense([torch.stack([one, one]) for one in own], biases_decay)
    config = FitConfig(
        **{"hidden": (dense.WIDTH,), "activation": "tanh", "batch_size": batch, "dropout": 0.0,
           "epochs": dense.STEPS, "patience": dense.STEPS, "schedule": "constant",
           "weight_decay": 0.0, "learning_rate": rate(choices["optimizer"])} | choices
    )  # fmt: skip
    every = torch.arange(dense.ROWS)
    found: Trajectory = []

    def look(event: str, /, **facts: Any) -> None:
        one, other = net.tensors()
        for tensor, same in zip(one, other, strict=True):
            torch.testing.assert_close(tensor, same, rtol=1e-5, atol=1e-7)
        found.append([tensor.clone().squeeze() for tensor in one])

    folds = (Fold(every, every),) * 2
    job = Job(net, Rows((numbers,), target), folds, REGRESSION, config, torch.Generator())
    train(job, Budget(), look)
    return found


def turned(weight: Tensor) -> Tensor:
    """A kernel with inputs first to one with outputs first, or back."""
    return weight.mT if weight.dim() == 2 else weight


def in_torch(name: str, clip: float = 0.0, **settings: Any) -> Trajectory:
    """The loop that everybody writes."""
    makers: dict[str, Any] = {
        "sgd": (torch.optim.SGD, {}),
        "momentum": (torch.optim.SGD, {"momentum": 0.9}),
        "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
        "adagrad": (torch.optim.Adagrad, {}),
        "adadelta": (torch.optim.Adadelta, {}),
        "rmsprop": (torch.optim.RMSprop, {}),
        "rmsprop_centered": (torch.optim.RMSprop, {"centered": True}),
        "rmsprop_momentum": (torch.optim.RMSprop, {"momentum": 0.9}),
        "adam": (torch.optim.Adam, {}),
        "amsgrad": (torch.optim.Adam, {"amsgrad": True}),
        "adamw": (torch.optim.AdamW, {"betas": (0.9, 0.95), "weight_decay": 0.0}),
        "nadam": (torch.optim.NAdam, {}),
        "adamax": (torch.optim.Adamax, {}),
    }
    numbers, target = dense.rows()
    net = nn.Sequential(nn.Linear(dense.COLUMNS, dense.WIDTH), nn.Tanh(), nn.Linear(dense.WIDTH, 1))
    own = list(net.parameters())
    with torch.no_grad():
        for parameter, start in zip(own, dense.weights(), strict=True):
            parameter.copy_(turned(start))
    make, plain = makers[name]
    optimizer, found = make(own, lr=rate(name), **{**plain, **settings}), []
    for _ in range(dense.STEPS):
        optimizer.zero_grad()
        ((net(numbers).squeeze(1) - target) ** 2).mean().backward()
        if clip:
            nn.utils.clip_grad_norm_(own, clip)
        optimizer.step()
        found.append([turned(one.detach()).squeeze().clone() for one in own])
    return found


def rate(optimizer: str) -> float:
    known: float = dense.RATES.get(optimizer, dense.RATE)
    return known


def same(one: Trajectory, other: Trajectory, rtol: float = 1e-6, atol: float = 1e-8) -> None:
    assert len(one) == len(other) == dense.STEPS
    for here, there in zip(one, other, strict=True):
        for a, b in zip(here, there, strict=True):
            torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


@pytest.fixture(scope="module")
def in_keras() -> dict[str, Trajectory]:
    """All of Keras' paths; it is a process of its own, for the time and the warnings it brings."""
    if importlib.util.find_spec("keras") is None:
        pytest.skip("Keras is not installed")
    done = subprocess.run(
        [sys.executable, str(SMALL)], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    paths = json.loads(done.stdout)
    return {
        case: [[torch.tensor(one, dtype=torch.float64).squeeze() for one in own] for own in path]
        for case, path in paths.items()
    }


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "muon"])
def test_fifty_steps_are_those_of_plain_pytorch(name: str) -> None:
    same(in_deeplode(optimizer=name), in_torch(name))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fifty_steps_are_those_of_keras(name: str, in_keras: dict[str, Trajectory]) -> None:
    found = in_deeplode(optimizer=name, optimizer_style="keras")
    same(found, in_keras[name])
    decayed = in_deeplode(optimizer=name, optimizer_style="keras", weight_decay=dense.DECAY)
    same(decayed, in_keras[f"{name} decayed"])


@pytest.mark.parametrize("part", ["clipped", "l2", "max_norm"])
def test_fifty_steps_with_a_regularizer_are_those_of_keras(
    part: str, in_keras: dict[str, Trajectory]
) -> None:
    choice = {PARTS[part]: SIZES[PARTS[part]]}
    plain = in_deeplode(optimizer="adam", optimizer_style="keras", biases_decay=False)
    found = in_deeplode(optimizer="adam", optimizer_style="keras", biases_decay=False, **choice)
    precision = 1e-5 if part == "max_norm" else 1e-6  # Keras adds 1e-7 to each norm
    same(found, in_keras[part], rtol=precision, atol=precision / 10)
    assert not torch.allclose(found[-1][0], plain[-1][0], rtol=1e-2)


def test_the_styles_differ_where_the_libraries_do() -> None:
    for name in OPTIMIZERS:
        one, other = (in_deeplode(optimizer=name, optimizer_style=s) for s in ("torch", "keras"))
        distance = max(float((a - b).abs().max()) for a, b in zip(one[-1], other[-1], strict=True))
        # Adam's and Adamax' styles differ by epsilon alone
        least = {"sgd": -1.0, "momentum": -1.0, "nesterov": -1.0}.get(name, 1e-9)
        assert distance > least, name


@pytest.mark.parametrize("name", ["sgd", "nesterov", "adam", "rmsprop", "nadam"])
def test_l2_is_the_coupled_weight_decay_of_torch(name: str) -> None:
    same(in_deeplode(optimizer=name, l2=dense.L2), in_torch(name, weight_decay=dense.L2))


def test_weight_decay_is_that_of_adamw() -> None:
    decay = dense.DECAY
    same(in_deeplode(optimizer="adamw", weight_decay=decay), in_torch("adamw", weight_decay=decay))
    adam = in_deeplode(optimizer="adam", weight_decay=decay)
    same(adam, in_torch("adamw", betas=(0.9, 0.999), weight_decay=decay))


def test_clipping_is_that_of_torch_for_each_member() -> None:
    clip = dense.CLIP
    found = in_deeplode(optimizer="momentum", clip_norm=clip)
    same(found, in_torch("momentum", clip), rtol=1e-4, atol=1e-6)  # torch adds 1e-6 to each norm


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_accumulated_batches_make_the_step_of_the_whole(name: str) -> None:
    same(in_deeplode(optimizer=name, batch=10, accumulate=4), in_torch(name))

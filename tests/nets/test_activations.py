"""Activations: published values, derivatives, and the weights that they begin with."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from deeplode.nets.activation import ACTIVATIONS, LEARNED_SLOPE
from deeplode.nets.codes import Codes
from deeplode.nets.ensemble import Ensemble
from deeplode.nets.folded import Folded
from deeplode.nets.shape import NetShape

POINTS = (-3.0, -1.0, -0.5, 0.5, 1.0, 3.0)
PUBLISHED = {  # values at POINTS, then the derivative at 0.75
    "sigmoid": (0.04742587, 0.26894142, 0.37754067, 0.62245933, 0.73105858, 0.95257413, 0.217895),
    "tanh": (-0.99505475, -0.76159416, -0.46211716, 0.46211716, 0.76159416, 0.99505475, 0.596586),
    "relu": (0, 0, 0, 0.5, 1, 3, 1),
    "leaky_relu": (-0.03, -0.01, -0.005, 0.5, 1, 3, 1),
    "prelu": (-0.75, -0.25, -0.125, 0.5, 1, 3, 1),
    "elu": (-0.95021293, -0.63212056, -0.39346934, 0.5, 1, 3, 1),
    "selu": (-1.67056873, -1.11133074, -0.69175819, 0.52535049, 1.05070099, 3.15210296, 1.050701),
    "celu": (-1.55373968, -0.78693868, -0.44239843, 0.5, 1, 3, 1),
    "gelu": (-0.00404969, -0.15865525, -0.15426877, 0.34573123, 0.84134475, 2.99595031, 0.999226),
    "gelu_tanh": (
        -0.00363739, -0.15880801, -0.15428599, 0.34571401, 0.84119199, 2.99636261, 0.998938,
    ),
    "silu": (-0.14227762, -0.26894142, -0.18877033, 0.31122967, 0.73105858, 2.85772238, 0.842600),
    "mish": (-0.14564746, -0.30340146, -0.22074377, 0.37524521, 0.86509839, 2.98653500, 0.985758),
    "softplus": (0.04858735, 0.31326169, 0.47407698, 0.97407698, 1.31326169, 3.04858735, 0.679179),
    "softsign": (-0.75, -0.5, -1 / 3, 1 / 3, 0.5, 0.75, 0.326531),
    "hard_sigmoid": (0, 1 / 3, 5 / 12, 7 / 12, 2 / 3, 1, 0.166667),
    "hardswish": (0, -1 / 3, -0.20833333, 0.29166667, 2 / 3, 3, 0.75),
    "identity": (-3, -1, -0.5, 0.5, 1, 3, 1),
}  # fmt: skip
SLOPED = [name for name, activation in ACTIVATIONS.items() if activation.slope is not None]


def slopes(name: str) -> tuple[Tensor, ...]:
    slope = ACTIVATIONS[name].slope
    return () if slope is None else (torch.tensor(slope, dtype=torch.float64),)


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_every_activation_has_published_values() -> None:
    assert PUBLISHED.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_derivatives_are_the_published_ones(name: str) -> None:
    activation, own = ACTIVATIONS[name], slopes(name)
    *values, derivative = PUBLISHED[name]
    assert activation(doubles(*POINTS), *own).tolist() == pytest.approx(values, abs=5.1e-9)
    assert activation.derivative(doubles(0.75), *own).item() == pytest.approx(derivative, abs=6e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_derivative_is_that_of_autograd_everywhere(name: str, dtype: torch.dtype) -> None:
    activation = ACTIVATIONS[name]
    own = tuple(slope.to(dtype) for slope in slopes(name))
    special = [0.0, 3.0, -3.0, 100.0, -100.0, 1e-30, -1e-30]
    grid = torch.cat([torch.linspace(-8, 8, 201, dtype=dtype), torch.tensor(special, dtype=dtype)])
    z = grid.clone().requires_grad_()
    activation(z, *own).sum().backward()
    derived = activation.derivative(grid, *own)
    assert derived.dtype == dtype
    assert derived.shape == grid.shape
    precision = 1e-12 if dtype == torch.float64 else 2e-6
    if name == "hard_sigmoid":
        precision = 2e-6  # torch multiplies by a sixth in float32, whatever the type
    torch.testing.assert_close(derived, z.grad, rtol=0, atol=precision)


def test_the_derivative_by_a_learned_slope_is_the_negative_part() -> None:
    assert SLOPED == ["prelu"]
    z, slope = doubles(*POINTS), doubles(LEARNED_SLOPE).requires_grad_()
    ACTIVATIONS["prelu"](z, slope).sum().backward()
    assert slope.grad is not None
    assert slope.grad.item() == z.clamp_max(0).sum().item()


def random_codes() -> tuple[Codes, Tensor, Tensor]:
    g = torch.Generator().manual_seed(5)
    numbers = torch.randn(300, 6, generator=g)
    categories = torch.randint(2, 30, (300, 1), generator=g).int()
    return Codes.fit(numbers, categories, quantiles=4, frequent=0), numbers, categories


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_starting_weights_have_the_spread_that_belongs_to_the_activation(name: str) -> None:
    codes, _, _ = random_codes()
    g = torch.Generator().manual_seed(0)
    net = Ensemble(NetShape((400, 200), name, 1, 2), codes, torch.zeros(1), g)
    fans = {  # of the 400 x 200 layer
        "he": math.sqrt(2 / 400),
        "glorot": math.sqrt(2 / 600),
        "lecun": math.sqrt(1 / 400),
    }
    rules = dict.fromkeys(("sigmoid", "tanh", "softsign", "hard_sigmoid", "identity"), "glorot")
    expected = fans[(rules | {"selu": "lecun"}).get(name, "he")]
    if name == "prelu":
        expected /= math.sqrt(1 + LEARNED_SLOPE**2)
    assert float(net.weights[1].detach().std()) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "prelu", "selu"])
def test_ten_layers_begin_with_activations_of_one_size(name: str) -> None:
    g = torch.Generator().manual_seed(1)
    activation = ACTIVATIONS[name]
    own = tuple(slope.float() for slope in slopes(name))
    hidden = torch.randn(2000, 256, generator=g)
    for _ in range(10):
        weight = torch.empty(256, 256).normal_(0, activation.spread(256, 256), generator=g)
        hidden = activation(hidden @ weight, *own)
    assert 0.5 < float(hidden.square().mean().sqrt()) < 2


def test_learned_slopes_belong_to_the_net_and_are_folded_with_it() -> None:
    codes, numbers, categories = random_codes()
    g = torch.Generator().manual_seed(2)
    net = Ensemble(NetShape((8, 6), "prelu", 2, 3), codes, torch.zeros(2), g)
    assert [tuple(slope.shape) for slope in net.slopes] == [(3, 1, 8), (3, 1, 6)]
    assert all(not group.decay for group in net.groups() if net.slopes[0] in set(group.parameters))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=g) * 0.3)
        cells, positions = codes.ready(numbers, categories)
        scores = net(cells.expand(3, -1, -1), positions.expand(3, -1, -1))
        torch.testing.assert_close(Folded(net).scores(numbers, categories), scores)

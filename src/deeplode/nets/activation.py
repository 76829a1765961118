"""Activations: each with its derivative and the spread of the weights that suits it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

SLOPE = 0.01  # of leaky_relu below 0
LEARNED_SLOPE = 0.25  # of prelu below 0, before the first step
CELU = 2.0  # alpha of celu; with 1 it would be elu
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

Function = Callable[..., Tensor]
Spread = Callable[[int, int], float]


def he(fan_in: int, fan_out: int, slope: float = 0.0) -> float:
    """sqrt(2 / ((1 + slope²) fan_in)), for half-linear units (He et al. 2015)."""
    return math.sqrt(2 / (1 + slope * slope) / max(fan_in, 1))


def glorot(fan_in: int, fan_out: int) -> float:
    """sqrt(2 / (fan_in + fan_out)), for units linear around 0 (Glorot and Bengio 2010)."""
    return math.sqrt(2 / max(fan_in + fan_out, 1))


def lecun(fan_in: int, fan_out: int) -> float:
    """sqrt(1 / fan_in), which selu's fixed point asks for (Klambauer et al. 2017)."""
    return math.sqrt(1 / max(fan_in, 1))


@dataclass(frozen=True)
class Activation:
    """What stands between two layers, element by element.

    function, derivative: of the pre-activation, any shape, and of the slope where one is learned.
    spread: standard deviation of normal starting weights, from a layer's inputs and outputs.
    slope: where a learned slope below 0 begins, one for each unit; None = nothing is learned. Its
    own derivative is ``min(pre-activation, 0)``.
    """

    function: Function
    derivative: Function
    spread: Spread = he
    slope: float | None = None

    def __call__(self, z: Tensor, *slope: Tensor) -> Tensor:
        """Pre-activations to activations; slope: that of prelu, it must fit z."""
        return self.function(z, *slope)


def _relu(z: Tensor) -> Tensor:
    return (z > 0).to(z.dtype)


def _leaky_relu(z: Tensor) -> Tensor:
    return torch.where(z > 0, z.new_tensor(1.0), SLOPE)


def _sigmoid(z: Tensor) -> Tensor:
    s = torch.sigmoid(z)
    return s * (1 - s)


def _tanh(z: Tensor) -> Tensor:
    return 1 - torch.tanh(z).square()


def _elu(z: Tensor, alpha: float = 1.0, scale: float = 1.0) -> Tensor:
    return torch.where(z > 0, z.new_tensor(scale), scale * alpha * z.clamp_max(0).exp())


def _gelu(z: Tensor) -> Tensor:
    density = torch.exp(-0.5 * z.square()) / math.sqrt(2 * math.pi)
    return 0.5 * (1 + torch.erf(z / math.sqrt(2))) + z * density


def _gelu_tanh(z: Tensor) -> Tensor:
    root = math.sqrt(2 / math.pi)
    t = torch.tanh(root * (z + 0.044715 * z**3))
    return 0.5 * (1 + t) + 0.5 * z * (1 - t.square()) * root * (1 + 3 * 0.044715 * z.square())


def _silu(z: Tensor) -> Tensor:
    s = torch.sigmoid(z)
    return s * (1 + z * (1 - s))


def _mish(z: Tensor) -> Tensor:
    t = torch.tanh(functional.softplus(z))
    return t + z * (1 - t.square()) * torch.sigmoid(z)


def _hardswish(z: Tensor) -> Tensor:
    middle = z / 3 + 0.5
    return torch.where(z <= -3, torch.zeros_like(z), torch.where(z < 3, middle, 1.0))


def prelu(z: Tensor, slope: Tensor) -> Tensor:
    """z above 0, slope * z below (He et al. 2015)."""
    return torch.where(z > 0, z, slope * z)


ACTIVATIONS: dict[str, Activation] = {
    # 1 / (1 + exp(-z))
    "sigmoid": Activation(torch.sigmoid, _sigmoid, glorot),
    "tanh": Activation(torch.tanh, _tanh, glorot),
    # max(0, z), Nair and Hinton 2010
    "relu": Activation(functional.relu, _relu),
    # max(z, 0.01 z), Maas et al. 2013
    "leaky_relu": Activation(
        partial(functional.leaky_relu, negative_slope=SLOPE),
        _leaky_relu,
        partial(he, slope=SLOPE),
    ),
    "prelu": Activation(
        prelu,
        lambda z, slope: torch.where(z > 0, 1.0, slope),
        partial(he, slope=LEARNED_SLOPE),
        LEARNED_SLOPE,
    ),
    # z above 0, exp(z) - 1 below, Clevert et al. 2016
    "elu": Activation(functional.elu, _elu),
    # SELU_SCALE * (z above 0, SELU_ALPHA (exp(z) - 1) below), Klambauer et al. 2017
    "selu": Activation(functional.selu, partial(_elu, alpha=SELU_ALPHA, scale=SELU_SCALE), lecun),
    # z above 0, CELU (exp(z / CELU) - 1) below, Barron 2017
    "celu": Activation(partial(functional.celu, alpha=CELU), lambda z: _elu(z / CELU)),
    # z times the normal distribution function, Hendrycks and Gimpel 2016
    "gelu": Activation(functional.gelu, _gelu),
    # 0.5 z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z³))), its approximation there
    "gelu_tanh": Activation(partial(functional.gelu, approximate="tanh"), _gelu_tanh),
    # z sigmoid(z), Elfwing et al. 2018
    "silu": Activation(functional.silu, _silu),
    # z tanh(softplus(z)), Misra 2019
    "mish": Activation(functional.mish, _mish),
    # log(1 + exp(z)), Dugas et al. 2001
    "softplus": Activation(functional.softplus, torch.sigmoid),
    # z / (1 + |z|), Bergstra et al. 2009
    "softsign": Activation(functional.softsign, lambda z: (1 + z.abs()) ** -2, glorot),
    # clip(z / 6 + 1 / 2, 0, 1), Howard et al. 2019
    "hard_sigmoid": Activation(functional.hardsigmoid, lambda z: _relu(3 - z.abs()) / 6, glorot),
    # z hard_sigmoid(z), Howard et al. 2019
    "hardswish": Activation(functional.hardswish, _hardswish),
    "identity": Activation(lambda z: z, torch.ones_like, glorot),
}

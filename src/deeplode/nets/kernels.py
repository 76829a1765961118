"""Kernels: activations and the way back through them, in memory that is there already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from deeplode.nets.activation import ACTIVATIONS, SELU_ALPHA, SELU_SCALE, SLOPE

aten = torch.ops.aten


@dataclass(frozen=True)
class Kernel:
    """An activation for passes written out.

    forward: pre-activations ``z`` and where to leave the activations.
    backward: slopes by the activations, ``z``, and room of their size -> slopes by ``z``, in the
        memory of the first.
    """

    forward: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor, Tensor], Tensor]


def _elu(alpha: float, scale: float) -> Kernel:
    return Kernel(
        lambda z, h: aten.elu.out(z, alpha, scale, out=h),
        lambda d, z, h: aten.elu_backward.grad_input(d, alpha, scale, 1, False, z, grad_input=d),
    )


def _gelu(approximate: str) -> Kernel:
    how = {"approximate": approximate}
    return Kernel(
        lambda z, h: aten.gelu.out(z, **how, out=h),
        lambda d, z, h: aten.gelu_backward.grad_input(d, z, **how, grad_input=d),
    )


# torch's own fused kernels, those that autograd calls.
KERNELS: dict[str, Kernel] = {
    "sigmoid": Kernel(
        lambda z, h: torch.sigmoid(z, out=h),
        lambda d, z, h: aten.sigmoid_backward.grad_input(d, torch.sigmoid(z, out=h), grad_input=d),
    ),
    "tanh": Kernel(
        lambda z, h: torch.tanh(z, out=h),
        lambda d, z, h: aten.tanh_backward.grad_input(d, torch.tanh(z, out=h), grad_input=d),
    ),
    "relu": Kernel(
        lambda z, h: torch.clamp_min(z, 0, out=h),
        lambda d, z, h: aten.threshold_backward.grad_input(d, z, 0, grad_input=d),
    ),
    "leaky_relu": Kernel(
        lambda z, h: aten.leaky_relu.out(z, SLOPE, out=h),
        lambda d, z, h: aten.leaky_relu_backward.grad_input(d, z, SLOPE, False, grad_input=d),
    ),
    "elu": _elu(1.0, 1.0),
    "selu": _elu(SELU_ALPHA, SELU_SCALE),
    "gelu": _gelu("none"),
    "gelu_tanh": _gelu("tanh"),
    "silu": Kernel(
        lambda z, h: aten.silu.out(z, out=h),
        lambda d, z, h: aten.silu_backward.grad_input(d, z, grad_input=d),
    ),
}


def kernel(activation: str) -> Kernel:
    """That of an activation without a learned slope; by its closed forms where torch has none."""
    return KERNELS.get(activation) or _plain(activation)


def _plain(activation: str, *slope: Tensor) -> Kernel:
    own = ACTIVATIONS[activation]
    return Kernel(
        lambda z, h: h.copy_(own(z, *slope)), lambda d, z, h: d.mul_(own.derivative(z, *slope))
    )


sloped = partial(_plain, "prelu")  # with the learned slope of a layer

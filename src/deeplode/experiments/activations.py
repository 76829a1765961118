"""Activations in NumPy: what bends a neuron's sum, and its slope, which bends the error.

Part of the net that people read, ``reference.py``. All in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Curve = Callable[..., Array]


BEGIN = 0.25  # of prelu's α
CELU = 2.0  # celu's α: with 1 it would be elu
C = math.sqrt(2 / math.pi)  # of gelu_tanh
A, S = 1.6732632423543772, 1.0507009873554805  # of selu: they keep mean 0 and variance 1


class Activation(NamedTuple):
    """f as it is written, f, and f′, both number by number; those of prelu take α after z."""

    formula: str
    value: Curve
    slope: Curve


def sigmoid(z: Array) -> Array:
    """σ(z) = 1 / (1 + e⁻ᶻ), in a form that overflows for no z."""
    return np.asarray(np.exp(-np.logaddexp(0, -z)))


def softplus(z: Array) -> Array:
    """log(1 + eᶻ): a smooth relu, whose slope is σ."""
    return np.asarray(np.logaddexp(0, z))


def normal_cdf(z: Array) -> Array:
    """Φ(z): the share of a standard normal that lies below z."""
    return np.asarray(0.5 * (1 + np.vectorize(math.erf, otypes=[float])(z / math.sqrt(2))))


def tanh_of_cube(z: Array) -> Array:
    """tanh(√(2/π) (z + 0.044715 z³)): gelu's Φ(z) is nearly half of it and a half."""
    return np.asarray(np.tanh(C * (z + 0.044715 * z**3)))


def bent(z: Array, above: float | Array, below: float | Array) -> Array:
    """``above`` where z is positive, ``below`` elsewhere."""
    return np.where(z > 0, above, below)


ACTIVATIONS = {
    "identity": Activation("z", lambda z: z, np.ones_like),
    # These two saturate: far from 0 the slope vanishes, and little of the error gets through.
    "sigmoid": Activation("1 / (1 + e⁻ᶻ)", sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": Activation("tanh z", np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    # Here the slope is 1 wherever the neuron is on, however deep the net, and 0 where it is off.
    "relu": Activation("max(0, z)", lambda z: bent(z, z, 0), lambda z: bent(z, 1, 0)),
    "leaky_relu": Activation(
        "max(z, 0.01 z)", lambda z: bent(z, z, 0.01 * z), lambda z: bent(z, 1, 0.01)
    ),
    # … and here α is learned: one for each neuron (He 2015).
    "prelu": Activation(
        "max(0, z) + α min(0, z)",
        lambda z, alpha: bent(z, z, alpha * z),
        lambda z, alpha: bent(z, 1, alpha),
    ),
    # −|z| is z below 0, and no power of it overflows above.
    "elu": Activation(
        "max(0, z) + min(0, eᶻ − 1)",
        lambda z: bent(z, z, np.expm1(-np.abs(z))),
        lambda z: bent(z, 1, np.exp(-np.abs(z))),
    ),
    "selu": Activation(
        "1.0507 (max(0, z) + 1.6733 min(0, eᶻ − 1))",
        lambda z: S * bent(z, z, A * np.expm1(-np.abs(z))),
        lambda z: S * bent(z, 1, A * np.exp(-np.abs(z))),
    ),
    "celu": Activation(
        "max(0, z) + 2 min(0, e^(z/2) − 1)",
        lambda z: bent(z, z, CELU * np.expm1(-np.abs(z) / CELU)),
        lambda z: bent(z, 1, np.exp(-np.abs(z) / CELU)),
    ),
    "gelu": Activation(
        "z Φ(z)",
        lambda z: z * normal_cdf(z),
        lambda z: normal_cdf(z) + z * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi),
    ),
    # Nearly the same, without Φ.
    "gelu_tanh": Activation(
        "z/2 (1 + tanh(√(2/π) (z + 0.044715 z³)))",
        lambda z: z / 2 * (1 + tanh_of_cube(z)),
        lambda z: (
            (1 + (t := tanh_of_cube(z))) / 2 + z / 2 * (1 - t**2) * C * (1 + 3 * 0.044715 * z**2)
        ),
    ),
    "silu": Activation(
        "z σ(z)", lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * sigmoid(-z))
    ),
    "mish": Activation(
        "z tanh(log(1 + eᶻ))",
        lambda z: z * np.tanh(softplus(z)),
        lambda z: (t := np.tanh(softplus(z))) + z * (1 - t**2) * sigmoid(z),
    ),
    "softplus": Activation("log(1 + eᶻ)", softplus, sigmoid),
    "softsign": Activation(
        "z / (1 + |z|)", lambda z: z / (1 + np.abs(z)), lambda z: (1 + np.abs(z)) ** -2
    ),
    # Straight pieces in place of curves: cheap, and flat beyond ±3.
    "hard_sigmoid": Activation(
        "min(1, max(0, z/6 + ½))",
        lambda z: np.clip(z / 6 + 0.5, 0, 1),
        lambda z: np.where(np.abs(z) < 3, 1 / 6, 0),
    ),
    "hardswish": Activation(
        "z min(1, max(0, z/6 + ½))",
        lambda z: z * np.clip(z / 6 + 0.5, 0, 1),
        lambda z: np.where(np.abs(z) < 3, z / 3 + 0.5, bent(z, 1, 0)),
    ),
}

"""A feed-forward net in NumPy, written to be read from top to bottom. It trains no real models.

Signs, with n rows in a batch and layers l = 1 … L; layer l has dₗ neurons, d₀ is the data's width:

    x⁽ˡ⁾ (n, dₗ₋₁)    inputs of layer l; those of layer 1 are the data
    W⁽ˡ⁾ (dₗ₋₁, dₗ)   weights, a column for each neuron;  b⁽ˡ⁾ (dₗ,) biases
    z⁽ˡ⁾ (n, dₗ)      pre-activations, z = x W + b
    a⁽ˡ⁾ (n, dₗ)      activations, a = f(z): the inputs of layer l + 1
    ŷ, y (n, d_L)     answers of the net, and the truth
    δ⁽ˡ⁾ (n, dₗ)      deltas, ∂E/∂z⁽ˡ⁾: how the error E of the batch changes with each z

All in float64; ``tests/experiments/test_reference.py`` holds it to PyTorch within 1e-9.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deeplode.experiments.activations import (
    ACTIVATIONS,
    BEGIN,
    Activation,
    Array,
    Curve,
    sigmoid,
    softplus,
)


def neuron(x: Array, w: Array, b: float, f: Curve) -> Array:
    """One neuron: a weighted sum of its inputs, bent by f. x (n, d), w (d,) -> (n,)."""
    return f(x @ w + b)


# 1. Activations: f(z), and its slope f′(z), through which the error passes on its way back. They
# stand in activations.py. One of them, prelu, learns: a slope α below 0 for each neuron.
def bent(curve: Curve, z: Array, alpha: Array) -> Array:
    """f or f′ of a layer's z. alpha: prelu's, (dₗ,); empty for all others."""
    return curve(z, alpha) if alpha.size else curve(z)


# 2. Losses. The last layer has no f; the loss turns its z into the answer.
class Loss(NamedTuple):
    """answer: z -> ŷ, (n, d_L). rows: (z, y) -> error of each row, (n,). slope: ∂rows/∂z."""

    answer: Curve
    rows: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]


def log_softmax(z: Array) -> Array:
    """Scores to log probabilities of one row's classes. Less the largest, no power overflows."""
    z = z - z.max(axis=1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))


LOSSES = {  # y is 0 or 1; a 1 among 0s; any number
    # −y log σ(z) − (1 − y) log(1 − σ(z)), simplified: no log meets a rounded 0.
    "binary_cross_entropy": Loss(
        sigmoid, lambda z, y: (softplus(z) - y * z).sum(axis=1), lambda z, y: sigmoid(z) - y
    ),
    "cross_entropy": Loss(
        lambda z: np.exp(log_softmax(z)),
        lambda z, y: -(y * log_softmax(z)).sum(axis=1),
        lambda z, y: np.exp(log_softmax(z)) - y,
    ),
    "squared_error": Loss(
        lambda z: z, lambda z, y: ((z - y) ** 2).sum(axis=1), lambda z, y: 2 * (z - y)
    ),
}


# 3. A net is a list of layers.
class Layer(NamedTuple):
    """Parameters of a layer, or their gradients. weights (dₗ₋₁, dₗ), bias (dₗ,); with prelu, alpha
    (dₗ,) in hidden layers, else nothing."""

    weights: Array
    bias: Array
    alpha: Array = np.empty(0)


def initialise(sizes: Sequence[int], activation: str, rng: np.random.Generator) -> list[Layer]:
    """Biases 0, α ¼; random weights of a spread that keeps signals of one size in all layers.

    Variance 2/dₗ₋₁ for the relu family, which lets half through (He 2015); 1/dₗ₋₁ for selu (LeCun
    1998); 2/(dₗ₋₁ + dₗ) where f is straight or S-shaped (Glorot 2010).
    """
    net = []
    for inputs, neurons in pairwise(sizes):
        variance = 1 / inputs if activation == "selu" else 2 / inputs
        if activation in ("identity", "sigmoid", "tanh", "softsign", "hard_sigmoid"):
            variance = 2 / (inputs + neurons)
        weights = rng.normal(0, math.sqrt(variance), (inputs, neurons))
        alpha = np.full(neurons if activation == "prelu" else 0, BEGIN)
        net.append(Layer(weights, np.zeros(neurons), alpha))
    return [*net[:-1], net[-1]._replace(alpha=np.empty(0))]


def dropout(rows: int, net: list[Layer], share: float, rng: np.random.Generator) -> list[Array]:
    """A mask (rows, dₗ) for each hidden layer: 0 with chance ``share``, else 1/(1 − share), so
    that the mean activation stays what it was (inverted dropout, Srivastava 2014)."""
    return [(rng.random((rows, len(one.bias))) >= share) / (1 - share) for one in net[:-1]]


# 4. Forward, from the data to the answers; backward, from the error to every weight.
def forward(
    net: list[Layer], x: Array, f: Activation, masks: list[Array]
) -> tuple[list[Array], list[Array]]:
    """Each layer's inputs x and pre-activations z: z = x W + b, and f(z) ⊙ mask is the next x."""
    xs, zs = [x], [x @ net[0].weights + net[0].bias]
    for below, layer, mask in zip(net, net[1:], masks, strict=False):
        xs.append(bent(f.value, zs[-1], below.alpha) * mask)
        zs.append(xs[-1] @ layer.weights + layer.bias)
    return xs, zs


def backward(
    net: list[Layer], xs: list[Array], zs: list[Array], f: Activation, masks: list[Array], d: Array
) -> tuple[list[Array], list[Layer]]:
    """Backpropagation (Rumelhart 1986): the chain rule, from the last layer to the first.

        ∂E/∂W⁽ˡ⁾ = x⁽ˡ⁾ᵀ δ⁽ˡ⁾        ∂E/∂b⁽ˡ⁾ = δ⁽ˡ⁾ summed over rows
        δ⁽ˡ⁻¹⁾ = (δ⁽ˡ⁾ W⁽ˡ⁾ᵀ) ⊙ mask ⊙ f′(z⁽ˡ⁻¹⁾)
        ∂E/∂α⁽ˡ⁻¹⁾ = (δ⁽ˡ⁾ W⁽ˡ⁾ᵀ) ⊙ mask ⊙ min(0, z⁽ˡ⁻¹⁾), summed over rows, where α is learned

    d: ∂E/∂z of the last layer, (n, d_L). Returns each layer's deltas and gradients.
    """
    deltas, alphas = [d], [np.empty(0)]
    for at in range(len(net) - 1, 0, -1):
        above, below, z = net[at], net[at - 1], zs[at - 1]
        by_a = (deltas[0] @ above.weights.T) * masks[at - 1]  # ∂E/∂a⁽ˡ⁻¹⁾
        deltas.insert(0, by_a * bent(f.slope, z, below.alpha))
        alphas.insert(0, (by_a * np.minimum(0, z)).sum(axis=0)[: below.alpha.size])
    gradients = [
        Layer(x.T @ d, d.sum(axis=0), alpha) for x, d, alpha in zip(xs, deltas, alphas, strict=True)
    ]
    return deltas, gradients


# 5. Optimizers and regularizers: from gradients to new weights.

Memory = defaultdict[str, Array]  # what an optimizer keeps of one array; all begins at 0


def change(optimizer: str, g: Array, rate: float, m: Memory) -> Array:
    """What is taken off the weights whose gradient is g, all of one shape. m: updated."""
    match optimizer:
        case "sgd":
            return rate * g
        case "momentum":  # Polyak 1964: a ball that keeps rolling
            m["velocity"] = 0.9 * m["velocity"] + g
            return rate * m["velocity"]
        case "nesterov":  # Nesterov 1983: … and looks one step ahead
            m["velocity"] = 0.9 * m["velocity"] + g
            return rate * (g + 0.9 * m["velocity"])
        case "adagrad":  # Duchi 2011: weights that moved much move less
            m["squares"] = m["squares"] + g**2
            return rate * g / (np.sqrt(m["squares"]) + 1e-10)
        case "rmsprop":  # Hinton 2012: … but old moves are forgotten
            m["squares"] = 0.99 * m["squares"] + 0.01 * g**2
            return rate * g / (np.sqrt(m["squares"]) + 1e-8)
        case "adadelta":  # Zeiler 2012: … and the size of recent steps sets that of the next
            m["squares"] = 0.9 * m["squares"] + 0.1 * g**2
            step = np.sqrt(m["steps"] + 1e-6) / np.sqrt(m["squares"] + 1e-6) * g
            m["steps"] = 0.9 * m["steps"] + 0.1 * step**2
            return rate * step
        case "adam" | "adamw":  # Kingma 2015: momentum and rmsprop, less their bias towards 0
            m["count"] = m["count"] + 1
            m["velocity"] = 0.9 * m["velocity"] + 0.1 * g
            m["squares"] = 0.999 * m["squares"] + 0.001 * g**2
            velocity = m["velocity"] / (1 - 0.9 ** m["count"])
            return rate * velocity / (np.sqrt(m["squares"] / (1 - 0.999 ** m["count"])) + 1e-8)
    raise ValueError(f"there is no optimizer {optimizer!r}.")


class Recipe(NamedTuple):
    """How a net is trained. rate: learning rate. dropout: share of activations set to 0."""

    activation: str
    loss: str
    optimizer: str
    rate: float
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0


def update(w: Array, g: Array, how: Recipe, memory: Memory) -> Array:
    """The weights w after one step.

    L2 adds the gradient of l2/2 Σ w² to g, and passes through the optimizer; with adamw it shrinks
    w beside it (decoupled, Loshchilov 2019). L1 is a proximal step: it moves w towards 0 by
    rate · l1 and stops there: weights become exactly 0, where a subgradient would jump to and fro.
    """
    if how.optimizer == "adamw":
        w = w - how.rate * how.l2 * w - change("adamw", g, how.rate, memory)
    else:
        w = w - change(how.optimizer, g + how.l2 * w, how.rate, memory)
    return np.sign(w) * np.maximum(np.abs(w) - how.rate * how.l1, 0)


# 6. One step, and gradient descent.
class Step(NamedTuple):
    """All that one step computes, layer by layer. rows: (n,) places of the batch in the data."""

    rows: NDArray[np.int64]
    before: list[Layer]
    masks: list[Array]
    xs: list[Array]
    zs: list[Array]
    deltas: list[Array]
    gradients: list[Layer]
    after: list[Layer]


def descend(
    net: list[Layer], x: Array, y: Array, how: Recipe, size: int, rng: np.random.Generator
) -> Iterator[Step]:
    """Gradient descent, step after step without end; E is the mean loss of the batch.

    size: rows of a batch. All of them: batch gradient descent; 1: stochastic; else mini-batch.
    """
    f, loss = ACTIVATIONS[how.activation], LOSSES[how.loss]
    free = how._replace(l1=0.0, l2=0.0)  # biases and α are not regularised
    memory = [[Memory(lambda: np.zeros(())) for _ in layer] for layer in net]
    while True:
        order = rng.permutation(len(x))  # each row once in a pass, in a new order
        for rows in (order[at : at + size] for at in range(0, len(x), size)):
            masks = dropout(len(rows), net, how.dropout, rng)
            xs, zs = forward(net, x[rows], f, masks)
            d = loss.slope(zs[-1], y[rows]) / len(rows)
            deltas, gradients = backward(net, xs, zs, f, masks, d)
            after = [
                Layer(
                    *(
                        update(w, g, how if w.ndim == 2 else free, m)
                        for w, g, m in zip(layer, gradient, kept, strict=True)
                    )
                )
                for layer, gradient, kept in zip(net, gradients, memory, strict=True)
            ]
            yield Step(rows, net, masks, xs, zs, deltas, gradients, after)
            net = after

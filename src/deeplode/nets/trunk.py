"""Trunk: the way through hidden layers and back, written out.

torch's autograd would do the same; by hand nothing is allocated and element-wise work happens in
place. One thread does one pass: products as small as these do not split well, so members are
shared out among threads instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import ParameterList

from deeplode.nets.activation import ACTIVATIONS
from deeplode.nets.dropout import Masks
from deeplode.nets.kernels import Kernel, kernel, sloped
from deeplode.nets.products import multiply
from deeplode.nets.trainable import Hidden


@dataclass(frozen=True)
class Layers:
    """What a net computes after its first product, for all members.

    weights: (members, inputs, units) of each layer; biases: (members, 1, units). The first of both
    belongs to the first layer, whose products are not the trunk's. slopes: (members, 1, units) of
    each hidden layer where the activation learns them, else none.
    """

    activation: str
    weights: ParameterList
    biases: ParameterList
    slopes: ParameterList

    def kernels(self) -> list[Kernel]:
        """The activation of each hidden layer."""
        if self.slopes:
            return [sloped(slope.detach()) for slope in self.slopes]
        return [kernel(self.activation)] * (len(self.weights) - 1)


def gradient(parameter: Tensor) -> Tensor:
    """Room for the gradient of a parameter, where it stays: passes write it anew each time."""
    room = torch.zeros_like(parameter)
    parameter.grad = room
    return room


class Trunk:
    """Passes over batches of one size; gradients are left in ``grad`` of each parameter.

    batch: rows of each member at a time.
    """

    def __init__(self, layers: Layers, batch: int) -> None:
        self.layers = layers
        self.by_weight, self.by_bias, self.by_slope = (
            [gradient(one) for one in own] for own in (layers.weights, layers.biases, layers.slopes)
        )
        self.weights = [weight.detach() for weight in layers.weights]
        self.biases = [bias.detach() for bias in layers.biases]
        members, *widths = len(self.biases[0]), *(bias.shape[2] for bias in self.biases)
        # Pre-activations; the last are the scores.
        self.z = [torch.empty(members, batch, width) for width in widths]
        self.h = [torch.empty_like(z) for z in self.z[:-1]]  # activations
        self.dz = [torch.empty_like(z) for z in self.z[:-1]]  # slopes by ``z``
        self.kernels = layers.kernels()
        self.masks: Masks | None = None

    def forward(self, masks: Masks | None) -> Tensor:
        """From the pre-activations in ``z[0]`` to scores, (members, batch, outputs)."""
        self.masks = masks
        for layer, h in enumerate(self.h):
            self.kernels[layer].forward(self.z[layer], h)
            if masks is not None:
                h.mul_(masks.layer(layer, h.shape))
            weight, bias = self.weights[layer + 1], self.biases[layer + 1]
            multiply(h, weight, self.z[layer + 1], bias)
        return self.z[-1]

    def backward(self, slopes: Tensor) -> Tensor:
        """Fill the gradients but for the first layer's weights.

        slopes: of the loss by the scores. Returns those by ``z[0]``.
        """
        dz = slopes
        for layer in range(len(self.h), 0, -1):
            below = layer - 1
            multiply(self.h[below].mT, dz, self.by_weight[layer])
            torch.sum(dz, 1, keepdim=True, out=self.by_bias[layer])
            dh = multiply(dz, self.weights[layer].mT, self.dz[below])
            if self.masks is not None:
                dh.mul_(self.masks.layer(below, dh.shape))
            if self.by_slope:
                by_slope = dh * self.z[below].clamp_max(0)
                torch.sum(by_slope, 1, keepdim=True, out=self.by_slope[below])
            dz = self.kernels[below].backward(dh, self.z[below], self.h[below])
        torch.sum(dz, 1, keepdim=True, out=self.by_bias[0])
        return dz

    def hidden(self) -> list[Hidden]:
        """The hidden layers as the last passes left them."""
        name = self.layers.activation
        gain = ACTIVATIONS[name].derivative
        found = []
        for layer, dz in enumerate(self.dz):
            slope = [one.detach() for one in self.layers.slopes[layer : layer + 1]]
            z = self.z[layer]
            found.append(Hidden(name, z, gain(z, *slope), dz, self.weights[layer]))
        return found

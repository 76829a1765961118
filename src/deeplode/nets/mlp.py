"""Mlp: multi-layer perceptrons of one shape on plain numbers, trained side by side."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from deeplode.nets.activation import ACTIVATIONS, Activation
from deeplode.nets.dropout import Masks
from deeplode.nets.group import Group, even
from deeplode.nets.products import multiply
from deeplode.nets.shape import NetShape
from deeplode.nets.trainable import Hidden
from deeplode.nets.trunk import Layers, Trunk


class Mlp(nn.Module):
    """Members that share their shape and nothing else; a layer of all is one batched product.

    inputs: columns of float32. generator: draws the weights; None leaves them at zero.
    """

    def __init__(self, inputs: int, shape: NetShape, generator: torch.Generator | None) -> None:
        super().__init__()
        self.shape, members = shape, shape.members
        widths = (inputs, *shape.hidden, shape.outputs)
        self.weights = nn.ParameterList(torch.zeros(members, a, b) for a, b in pairwise(widths))
        self.biases = nn.ParameterList(torch.zeros(members, 1, b) for b in widths[1:])
        begin = self.activation.slope
        learned = () if begin is None else shape.hidden
        self.slopes = nn.ParameterList(torch.full((members, 1, b), begin or 0.0) for b in learned)
        if generator:
            for weight in self.weights:
                spread = self.activation.spread(*weight.shape[1:])
                nn.init.normal_(weight, 0, spread, generator)

    @property
    def activation(self) -> Activation:
        """Between layers."""
        return ACTIVATIONS[self.shape.activation]

    def forward(self, numbers: Tensor) -> Tensor:
        """Scores, (members, rows, outputs). numbers: (members, rows, inputs)."""
        hidden = torch.baddbmm(self.biases[0], numbers, self.weights[0])
        later = zip(list(self.weights)[1:], list(self.biases)[1:], strict=True)
        for layer, (weight, bias) in enumerate(later):
            slope = () if self.activation.slope is None else (self.slopes[layer],)
            hidden = torch.baddbmm(bias, self.activation(hidden, *slope), weight)
        return hidden

    def groups(self) -> tuple[Group, ...]:
        """Biases and slopes do not decay."""
        weights = tuple(self.weights)
        return (Group(weights, units=weights), Group((*self.biases, *self.slopes), decay=False))

    def share(self, members: slice) -> Mlp:
        """Some of the members, on the same memory."""
        part = Mlp.__new__(Mlp)
        nn.Module.__init__(part)
        for name in ("weights", "biases", "slopes"):
            own = nn.ParameterList(one.detach()[members] for one in getattr(self, name))
            setattr(part, name, own)
        part.shape = replace(self.shape, members=len(part.biases[0]))
        return part

    def shares(self, threads: int) -> list[slice]:
        """Nearly as many members for each thread."""
        return even(self.shape.members, threads)

    def tensors(self) -> list[list[Tensor]]:
        """Each member's own slices of all parameters."""
        whole = [parameter.detach() for parameter in self.parameters()]
        return [[one[member] for one in whole] for member in range(self.shape.members)]

    def passes(self, batch: int) -> MlpPass:
        """The way through and back for batches of so many rows."""
        return MlpPass(self, batch)


class MlpPass:
    """Passes over batches of one size; the gradients are left in ``grad`` of each parameter."""

    def __init__(self, net: Mlp, batch: int) -> None:
        layers = Layers(net.shape.activation, net.weights, net.biases, net.slopes)
        self.net, self.trunk = net, Trunk(layers, batch)
        self.x = torch.empty(0)

    @torch.no_grad()
    def forward(self, inputs: tuple[Tensor, ...], masks: Masks | None) -> Tensor:
        """Scores, (members, batch, outputs). inputs: numbers (members, batch, inputs)."""
        (self.x,) = inputs
        trunk = self.trunk
        multiply(self.x, trunk.weights[0], trunk.z[0], trunk.biases[0])
        return trunk.forward(masks)

    @torch.no_grad()
    def backward(self, slopes: Tensor) -> None:
        """Fill the gradients. slopes: (members, batch, outputs), by the last scores."""
        multiply(self.x.mT, self.trunk.backward(slopes), self.trunk.by_weight[0])

    def hidden(self) -> list[Hidden]:
        """The hidden layers."""
        return self.trunk.hidden()

"""Ensemble: several nets of one shape, trained side by side as stacked weights."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from deeplode.nets.activation import ACTIVATIONS, Activation
from deeplode.nets.backprop import Backprop
from deeplode.nets.codes import EMBEDDING, Codes
from deeplode.nets.group import Group, even
from deeplode.nets.shape import NetShape
from deeplode.nets.trunk import Layers

SCALE_RATE = 6.0  # learning rate of the inputs' scales, over that of the weights


class Ensemble(nn.Module):
    """Members that share their shape and nothing else.

    All members' weights of a layer are one tensor, so that a layer of the whole ensemble is one
    batched product. Each input has a learned scale of its own (RealMLP, Holzmüller et al. 2024)
    and enters less its mean over the training rows, which makes the first layer quicker to learn.
    The last layer begins at zero with ``prior`` as its bias: before its first step a member gives
    the trivial answer.

    codes: how rows enter. prior: (outputs,) scores of the trivial answer.
    generator: draws the weights; None leaves them at zero, to be filled.
    """

    def __init__(
        self, shape: NetShape, codes: Codes, prior: Tensor, generator: torch.Generator | None
    ) -> None:
        super().__init__()
        self.shape = shape
        self.codes = codes
        members = shape.members
        self.dense = sum(codes.inputs)
        self.rows = sum(codes.slots[column] for column in codes.many)  # of the embedding
        widths = (self.dense + EMBEDDING * len(codes.many), *shape.hidden, shape.outputs)
        self.scale = nn.Parameter(torch.ones(members, widths[0], 1))
        self.embedding = nn.Parameter(torch.zeros(members, self.rows, EMBEDDING))
        self.weights = nn.ParameterList(torch.zeros(members, a, b) for a, b in pairwise(widths))
        self.biases = nn.ParameterList(torch.zeros(members, 1, b) for b in widths[1:])
        slope = self.activation.slope
        learned = () if slope is None else shape.hidden
        self.slopes = nn.ParameterList(torch.full((members, 1, b), slope or 0.0) for b in learned)
        with torch.no_grad():
            self.biases[-1].copy_(prior.expand(members, 1, -1))
            if generator:
                self.embedding.normal_(0, 0.3, generator=generator)
                for weight in list(self.weights)[:-1]:
                    spread = self.activation.spread(*weight.shape[1:])
                    weight.normal_(0, spread, generator=generator)

    @property
    def activation(self) -> Activation:
        """Between layers."""
        return ACTIVATIONS[self.shape.activation]

    def forward(self, cells: Tensor, positions: Tensor) -> Tensor:
        """Scores of every member for its own rows.

        cells: (members, rows, 3 * number columns); positions: (members, rows, category columns).
        Returns (members, rows, outputs).
        """
        first, bias = self.first_layer()
        hidden = torch.baddbmm(bias, self.codes.wide(cells, positions), first[:, : self.dense])
        if self.codes.many:
            looked_up = self.look_up(positions[..., len(self.codes.few) :])
            hidden = torch.baddbmm(hidden, looked_up, first[:, self.dense :])
        layers = zip(list(self.weights)[1:], list(self.biases)[1:], strict=True)
        for layer, (weight, bias) in enumerate(layers):
            hidden = torch.baddbmm(bias, self.activate(hidden, layer), weight)
        return hidden

    def activate(self, hidden: Tensor, layer: int) -> Tensor:
        """What hidden layer ``layer``, counted from 0, makes of its pre-activations."""
        if self.activation.slope is None:
            return self.activation(hidden)
        return self.activation(hidden, self.slopes[layer])

    def first_layer(self) -> tuple[Tensor, Tensor]:
        """Its weight, (members, inputs, width), scale included, and its bias, (members, 1, width),
        means taken off."""
        first = self.scale * self.weights[0]
        center = self.codes.center.expand(self.shape.members, 1, -1)
        return first, self.biases[0] - torch.bmm(center, first[:, : self.dense])

    def look_up(self, positions: Tensor) -> Tensor:
        """Embeddings of category cells.

        positions: (members, rows, many) int32. Returns (members, rows, EMBEDDING * many).
        """
        members, rows = positions.shape[:2]
        offset = torch.arange(members, dtype=torch.int32).view(-1, 1, 1) * self.rows
        found = embedding(positions + offset, self.embedding.flatten(0, 1))
        return found.view(members, rows, -1)

    def groups(self) -> tuple[Group, ...]:
        """Scales learn faster than weights; they, biases and slopes do not decay."""
        return (
            Group((*self.weights, self.embedding), units=tuple(self.weights)),
            Group((*self.biases, *self.slopes), decay=False),
            Group((self.scale,), rate=SCALE_RATE, decay=False),
        )

    def scatter(self, positions: Tensor, slopes: Tensor, gradient: Tensor) -> None:
        """The way back through ``look_up``: leaves the gradient of the embedding.

        slopes: of the loss by what was looked up, (members * rows * many, EMBEDDING).
        """
        offset = torch.arange(len(positions), dtype=torch.int32).view(-1, 1, 1) * self.rows
        places = (positions + offset).flatten()
        gradient.zero_().flatten(0, 1).index_add_(0, places, slopes)

    def share(self, members: slice) -> Ensemble:
        """Some of the members, on the same memory."""
        count = len(range(*members.indices(self.shape.members)))
        part = Ensemble.__new__(Ensemble)
        nn.Module.__init__(part)
        part.shape, part.codes = replace(self.shape, members=count), self.codes
        part.dense, part.rows = self.dense, self.rows
        part.scale = nn.Parameter(self.scale.detach()[members])
        part.embedding = nn.Parameter(self.embedding.detach()[members])
        part.weights = nn.ParameterList(one.detach()[members] for one in self.weights)
        part.biases = nn.ParameterList(one.detach()[members] for one in self.biases)
        part.slopes = nn.ParameterList(one.detach()[members] for one in self.slopes)
        return part

    @property
    def layers(self) -> Layers:
        """What is computed after the first product."""
        return Layers(self.shape.activation, self.weights, self.biases, self.slopes)

    def passes(self, batch: int) -> Backprop:
        """The way through and back for batches of so many rows."""
        return Backprop(self, batch)

    def shares(self, threads: int) -> list[slice]:
        """Nearly as many members for each thread."""
        return even(self.shape.members, threads)

    def tensors(self) -> list[list[Tensor]]:
        """Each member's own slices of all parameters."""
        whole = [parameter.detach() for parameter in self.parameters()]
        return [[one[member] for one in whole] for member in range(self.shape.members)]

    @torch.no_grad()
    def fill_unseen(self) -> None:
        """Give slots that no training row was in the mean embedding of the training rows."""
        start = 0
        for column in self.codes.many:
            first = int(self.codes.first_slot[column])
            share = self.codes.shares[first : first + self.codes.slots[column]]
            part = self.embedding[:, start : start + len(share)]
            part[:, share == 0] = (part * share.unsqueeze(1)).sum(1, keepdim=True) / share.sum()
            start += len(share)

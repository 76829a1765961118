"""Ensemble: several nets of one shape, trained side by side as stacked weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from deeplode.nets.activation import ACTIVATIONS
from deeplode.nets.dropout import MaskPool
from deeplode.nets.shape import EMBEDDING, NetShape


class Ensemble(nn.Module):
    """Members that share their shape and nothing else.

    All members' weights of a layer are one tensor, so that a layer of the whole ensemble is one
    batched product. Numbers enter through a piecewise-linear encoding (Gorishniy et al. 2022) and
    as normal scores; categories as 0/1 columns or, with many levels, as embeddings.

    The last layer begins at zero with ``prior`` as its bias: before its first step a member gives
    the trivial answer.

    shape: sizes. prior: (outputs,) scores of the trivial answer. generator: draws the weights.
    """

    def __init__(self, shape: NetShape, prior: Tensor, generator: torch.Generator) -> None:
        super().__init__()
        self.shape = shape
        self.activate = ACTIVATIONS[shape.activation]
        widths, members = shape.widths, shape.members
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for inputs, outputs in zip(widths, widths[1:], strict=False):
            weight = torch.randn(members, inputs, outputs, generator=generator)
            self.weights.append(weight.mul_(math.sqrt(2 / max(inputs, 1))))
            self.biases.append(torch.zeros(members, 1, outputs))
        with torch.no_grad():
            self.weights[-1].zero_()
            self.biases[-1].copy_(prior.expand(members, 1, -1))
        slots = sum(shape.slots[i] for i in shape.embedded)
        table = torch.randn(members, slots, EMBEDDING, generator=generator)
        self.embedding = nn.Parameter(table.mul_(0.3))
        self._lay_out()

    def _lay_out(self) -> None:
        """Constants that spread cells and slots over the first layer's inputs."""
        shape = self.shape
        segments, others, _, _ = shape.blocks
        columns = len(shape.segments)
        owner = torch.arange(columns).repeat_interleave(torch.tensor(shape.segments).long())
        spread = torch.zeros(shape.cells, segments + others)
        spread[owner, torch.arange(segments)] = 1
        spread[columns + torch.arange(others), segments + torch.arange(others)] = 1
        shift = torch.zeros(segments + others)
        shift[:segments] = -torch.cat([torch.arange(n) for n in (0, *shape.segments)]).float()
        sizes = torch.tensor([0, *(shape.slots[i] for i in shape.one_hot)])
        many = torch.tensor([0, *(shape.slots[i] for i in shape.embedded)])
        member = torch.arange(shape.members).view(-1, 1, 1) * many.sum()
        self.register_buffer("spread", spread, persistent=False)
        self.register_buffer("shift", shift, persistent=False)
        self.register_buffer("few_start", sizes.cumsum(0)[:-1], persistent=False)
        self.register_buffer("many_start", member + many.cumsum(0)[:-1], persistent=False)
        self.register_buffer("few", torch.tensor(shape.one_hot, dtype=torch.long), persistent=False)
        self.register_buffer(
            "many", torch.tensor(shape.embedded, dtype=torch.long), persistent=False
        )

    def inputs(self, cells: Tensor, slots: Tensor) -> Tensor:
        """The first layer's inputs.

        cells: (members, rows, cells) float32; slots: (members, rows, category columns) int64.
        Returns (members, rows, inputs).
        """
        members, rows = cells.shape[:2]
        segments, others, few, _ = self.shape.blocks
        wide = torch.addmm(self.shift, cells.reshape(members * rows, -1), self.spread)
        wide[:, :segments].clamp_(0, 1)
        parts = [wide.view(members, rows, segments + others)]
        if few:
            hot = torch.zeros(members, rows, few)
            parts.append(hot.scatter_(2, slots[..., self.few] + self.few_start, 1.0))
        if len(self.shape.embedded):
            index = slots[..., self.many] + self.many_start
            looked_up = nn.functional.embedding(index, self.embedding.flatten(0, 1))
            parts.append(looked_up.view(members, rows, -1))
        return torch.cat(parts, 2) if len(parts) > 1 else parts[0]

    def forward(self, cells: Tensor, slots: Tensor, drop: MaskPool | None = None) -> Tensor:
        """Scores of every member for its own rows.

        cells: (members, rows, cells) float32; slots: (members, rows, category columns) int64.
        Returns (members, rows, outputs).
        """
        hidden = self.inputs(cells, slots)
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = torch.baddbmm(bias, hidden, weight)
            if layer < last:
                hidden = self.activate(hidden)
                hidden = drop(hidden) if drop is not None else hidden
        return hidden

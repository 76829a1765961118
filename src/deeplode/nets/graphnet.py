"""GraphNet: a small net at every node whose scores are spread along links.

Predict then propagate (Gasteiger et al., 2019), with whole nodes left out at random while scores
spread and answers made to agree on all nodes (Feng et al., Graph random neural network for
semi-supervised learning on graphs, 2020). Nodes whose truth is known add it to their scores; in
training a random half does, and the others are learned from (Shi et al., Masked label prediction:
unified message passing model for semi-supervised classification, 2021). Members lie side by side in
the columns of one product.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, relu

from deeplode.nets.pagerank import Fixed, Matrix, averaged, times

TRUST = 2.0  # in the truth of nodes, before training

CHUNK = 1 << 16  # nodes whose hidden layer is held at once
MOST = {"inputs": 1 << 20, "hidden": 4_096, "outputs": 4_096, "members": 64, "steps": 100}


@dataclass(frozen=True)
class GraphShape:
    """inputs, hidden, outputs: widths. steps: along links, that scores reach. Raises ValueError for
    sizes that cannot be."""

    inputs: int
    hidden: int
    outputs: int
    members: int
    steps: int

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            size = getattr(self, name)
            if type(size) is not int or not 1 <= size <= most:
                raise ValueError(f"{name} of a graph net must be 1 … {most}: {size}")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Shares:
    """What is left out at random in a step of training: ``inputs`` weights, ``hidden`` units, the
    scores of ``nodes``, and the truth of nodes, which is learned then."""

    inputs: float
    hidden: float
    nodes: float
    truth: float = 0.5


@dataclass(frozen=True, eq=False)
class Inputs:
    """columns: (nodes, inputs) float32, of SciPy by rows or plain. links: as ``normalised`` makes
    them; None where scores are not spread."""

    columns: Matrix
    links: Matrix = None

    @cached_property
    def turned(self) -> Matrix:
        """The columns transposed, for the way back."""
        turned = self.columns.T
        return turned if isinstance(turned, np.ndarray) else turned.tocsr()


class GraphNet(nn.Module):
    """first: (inputs, members * hidden), last: (members, hidden, outputs), with their biases; the
    last one begins as ``prior``, (outputs,) scores of the trivial answer. trust: (members, 1, 1) in
    the truth of nodes. generator: draws the weights; None where they will be filled."""

    def __init__(self, shape: GraphShape, prior: Tensor, generator: torch.Generator | None) -> None:
        super().__init__()
        self.shape = shape
        wide = shape.members * shape.hidden
        self.first = nn.Parameter(torch.zeros(shape.inputs, wide))
        self.first_bias = nn.Parameter(torch.zeros(wide))
        self.last = nn.Parameter(torch.zeros(shape.members, shape.hidden, shape.outputs))
        self.last_bias = nn.Parameter(prior.repeat(shape.members, 1, 1))
        self.trust = nn.Parameter(torch.full((shape.members, 1, 1), TRUST))
        if generator is not None:
            with torch.no_grad():
                for weight, ends in ((self.first, shape.inputs), (self.last, shape.outputs)):
                    reach = (6 / (ends + shape.hidden)) ** 0.5  # Glorot and Bengio 2010
                    weight.uniform_(-reach, reach, generator=generator)

    def inner(self, inputs: Inputs, weight: Tensor | None = None) -> Tensor:
        """What nodes' columns come to in the hidden layer: (nodes, members * hidden).

        weight: in place of ``first``.
        """
        own = self.first if weight is None else weight
        return times(inputs.columns, inputs.turned, own) + self.first_bias

    def scores(self, inner: Tensor) -> Tensor:
        """(nodes, members * hidden) -> (members, nodes, outputs), before they spread."""
        shape = self.shape
        hidden = relu(inner).view(len(inner), shape.members, shape.hidden).transpose(0, 1)
        return hidden @ self.last + self.last_bias

    def spread(self, links: Matrix, scores: Tensor, fixed: Fixed | None = None) -> Tensor:
        """Scores along links: (…, nodes, outputs) both. fixed: in columns, members first."""
        shape = scores.shape
        flat = scores.reshape(-1, *shape[-2:]).transpose(0, 1).reshape(shape[-2], -1)
        found = averaged(links, flat, self.shape.steps, fixed)
        return found.view(shape[-2], -1, shape[-1]).transpose(0, 1).view(shape)

    def drawn(
        self,
        inputs: Inputs,
        truth: Tensor,
        known: Tensor,
        shares: Shares,
        count: int,
        hidden: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Scores in training, (count, members, nodes, outputs): drawn so many times; and where the
        truth was left out, (count, members, nodes).

        truth: (nodes, outputs) what known nodes add. known: (members, nodes) 1.0 where they do.
        hidden: (nodes,) whose truth is left out; None = a random share.
        """
        inner = self.inner(inputs, dropout(self.first, shares.inputs))
        found, left_out = [], []
        for _ in range(count):
            scores = self.scores(dropout(inner, shares.hidden))
            kept = torch.rand(*scores.shape[:2], 1) >= shares.nodes
            gone = torch.rand(known.shape) < shares.truth
            if hidden is not None:
                gone = hidden.expand(known.shape)
            said = self.trust * truth * (known * ~gone).unsqueeze(2)
            found.append(scores * (kept / (1 - shares.nodes)) + said)
            left_out.append(gone)
        return self.spread(inputs.links, torch.stack(found)), torch.stack(left_out)

    def forward(self, inputs: Inputs, truth: Tensor, known: Tensor) -> Tensor:
        """Scores after training, (members, nodes, outputs). truth, known: as ``drawn`` has them."""
        scores = self.unspread(inputs.columns) + self.trust * truth * known.unsqueeze(2)
        return self.spread(inputs.links, scores)

    def unspread(self, columns: Matrix) -> Tensor:
        """Scores of nodes by their own columns, (members, nodes, outputs); some nodes at a time."""
        parts = [
            self.scores(self.inner(Inputs(columns[first : first + CHUNK])))
            for first in range(0, max(1, columns.shape[0]), CHUNK)
        ]
        return torch.cat(parts, 1)

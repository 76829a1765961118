"""GraphNet: a small net at every node whose scores are spread along links.

Predict then propagate (Gasteiger et al., 2019), with whole nodes left out at random while scores
spread and answers made to agree on all nodes (Feng et al., Graph random neural network for
semi-supervised learning on graphs, 2020). Members lie side by side in the columns of one product.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, relu

from deeplode.nets.pagerank import Fixed, Matrix, spread, times

MOST = {"inputs": 1 << 20, "hidden": 4_096, "outputs": 4_096, "members": 64, "steps": 100}


@dataclass(frozen=True)
class GraphShape:
    """inputs, hidden, outputs: widths. restart: share that a node keeps of its own scores in each
    of ``steps`` steps along links. Raises ValueError for sizes that cannot be."""

    inputs: int
    hidden: int
    outputs: int
    members: int
    steps: int
    restart: float

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            size = getattr(self, name)
            if type(size) is not int or not 1 <= size <= most:
                raise ValueError(f"{name} of a graph net must be 1 … {most}: {size}")
        if not 0 < self.restart < 1:
            raise ValueError(f"restart must be between 0 and 1: {self.restart}")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Shares:
    """What is left out at random in a step of training: ``inputs`` weights, ``hidden`` units, and
    the scores of ``nodes``."""

    inputs: float
    hidden: float
    nodes: float


class GraphNet(nn.Module):
    """first: (inputs, members * hidden), last: (members, hidden, outputs), with their biases; the
    last one begins as ``prior``, (outputs,) scores of the trivial answer. generator: draws the
    weights; None where they will be filled."""

    def __init__(self, shape: GraphShape, prior: Tensor, generator: torch.Generator | None) -> None:
        super().__init__()
        self.shape = shape
        wide = shape.members * shape.hidden
        self.first = nn.Parameter(torch.zeros(shape.inputs, wide))
        self.first_bias = nn.Parameter(torch.zeros(wide))
        self.last = nn.Parameter(torch.zeros(shape.members, shape.hidden, shape.outputs))
        self.last_bias = nn.Parameter(prior.repeat(shape.members, 1, 1))
        if generator is not None:
            with torch.no_grad():
                for weight, ends in ((self.first, shape.inputs), (self.last, shape.outputs)):
                    reach = (6 / (ends + shape.hidden)) ** 0.5  # Glorot and Bengio 2010
                    weight.uniform_(-reach, reach, generator=generator)

    def inner(self, matrix: Matrix, turned: Matrix, weight: Tensor | None = None) -> Tensor:
        """What nodes' columns come to in the hidden layer: (nodes, members * hidden).

        matrix: (nodes, inputs), of SciPy or plain. weight: in place of ``first``.
        """
        own = self.first if weight is None else weight
        return times(matrix, turned, own) + self.first_bias

    def scores(self, inner: Tensor) -> Tensor:
        """(nodes, members * hidden) -> (members, nodes, outputs), before they spread."""
        shape = self.shape
        hidden = relu(inner).view(len(inner), shape.members, shape.hidden).transpose(0, 1)
        return hidden @ self.last + self.last_bias

    def spread(self, links: Matrix, scores: Tensor, fixed: Fixed | None = None) -> Tensor:
        """Scores along links: (…, nodes, outputs) both. fixed: in columns, members first."""
        shape = scores.shape
        flat = scores.reshape(-1, *shape[-2:]).transpose(0, 1).reshape(shape[-2], -1)
        found = spread(links, flat, self.shape.restart, self.shape.steps, fixed)
        return found.view(shape[-2], -1, shape[-1]).transpose(0, 1).view(shape)

    def drawn(
        self, matrix: Matrix, turned: Matrix, links: Matrix, shares: Shares, times_: int
    ) -> Tensor:
        """Scores in training, (times_, members, nodes, outputs): drawn so many times."""
        inner = self.inner(matrix, turned, dropout(self.first, shares.inputs))
        found = []
        for _ in range(times_):
            scores = self.scores(dropout(inner, shares.hidden))
            kept = torch.rand(*scores.shape[:2], 1) >= shares.nodes
            found.append(scores * (kept / (1 - shares.nodes)))
        return self.spread(links, torch.stack(found))

    def forward(
        self, matrix: Matrix, turned: Matrix, links: Matrix, fixed: Fixed | None = None
    ) -> Tensor:
        """Scores after training, (members, nodes, outputs).

        fixed: scores of nodes behind those of ``matrix``, which have no columns of their own.
        """
        scores = self.scores(self.inner(matrix, turned))
        lack = links.shape[0] - scores.shape[1]
        if lack:
            scores = torch.cat([scores, torch.zeros(len(scores), lack, scores.shape[2])], 1)
        return self.spread(links, scores, fixed)

"""Neighbourhood: a net that puts rows into few dimensions so that neighbours stay neighbours.

Contrastive neighbour embedding with the Cauchy kernel of t-SNE: InfoNC-t-SNE (Damrich et al. 2023,
arXiv 2206.01816), parametric as in Böhm, Berens and Kobak 2023 (arXiv 2210.09879).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from deeplode.nets.activation import he
from deeplode.nets.group import even
from deeplode.nets.members import Members
from deeplode.nets.products import steady


class Embedder(nn.Module):
    """A multi-layer perceptron from rows to their places.

    columns: of the rows. hidden: widths. dimensions: of the places. generator: draws the weights;
    None leaves them at zero, to be filled.
    """

    def __init__(
        self,
        columns: int,
        hidden: Sequence[int],
        dimensions: int,
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        widths = (columns, *hidden, dimensions)
        self.weights = nn.ParameterList(torch.zeros(a, b) for a, b in pairwise(widths))
        self.biases = nn.ParameterList(torch.zeros(b) for b in widths[1:])
        if generator is not None:
            with torch.no_grad():
                for weight in self.weights:
                    weight.normal_(0, he(*weight.shape), generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, columns) to (rows, dimensions)."""
        last = len(self.weights) - 1
        for at, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = steady(x, weight, bias)
            x = x if at == last else silu(x)
        return x


class Embedders(Members):
    """Embedders side by side, each of which draws a neighbour for every row it learns from.

    x: (all rows, columns), where neighbours are looked up.
    """

    modules: tuple[Embedder, ...]

    def __init__(
        self, modules: Sequence[Embedder], chances: Sequence[torch.Generator], x: Tensor
    ) -> None:
        super().__init__(modules, chances)
        self.x = x

    def scores(self, inputs: tuple[Tensor, ...], training: bool) -> Tensor:
        """Places of the rows and of a neighbour of each, (members, rows, 2, dimensions).

        inputs: the rows (members, rows, columns) and the positions of their neighbours (members,
        rows, neighbours), of which one is drawn, or the first is taken where nothing is learned.
        """
        rows, neighbours = inputs
        found = []
        for member, module in enumerate(self.modules):
            own, near = rows[member], neighbours[member]
            at = torch.zeros(len(own), dtype=torch.long)
            if training:
                at = torch.randint(near.shape[1], (len(own),), generator=self.chances[member])
            pairs = torch.cat([own, self.x[near.gather(1, at.unsqueeze(1)).squeeze(1)]])
            found.append(torch.stack(module(pairs).split(len(own)), 1))
        return torch.stack(found)

    def shares(self, threads: int) -> list[slice]:
        """Nearly as many members for each thread."""
        return even(len(self.modules), threads)

"""Next item: a recurrent net over what a user had, oldest first.

GRU4Rec (Hidasi et al. 2016, arXiv 1511.06939) with the full cross-entropy over all items at every
position.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from deeplode.nets.products import steady


class NextItem(nn.Module):
    """Embedded items, gated recurrent units, and the same embeddings to score items with.

    dim, width: multiples of 16. generator: draws the weights; None leaves them unset.
    """

    def __init__(self, items: int, dim: int, width: int, generator: torch.Generator | None) -> None:
        super().__init__()
        self.items = nn.Parameter(torch.empty(items + 1, dim))  # the last: a history begins
        self.bias = nn.Parameter(torch.zeros(items))
        self.recurrent = nn.GRU(dim, width, batch_first=True)
        self.out = nn.Parameter(torch.empty(width, dim))
        if generator is not None:
            with torch.no_grad():
                self.items.normal_(0, 0.1, generator=generator)
                self.out.normal_(0, (2 / (width + dim)) ** 0.5, generator=generator)
                for name, one in self.recurrent.named_parameters():
                    size = width**-0.5 if "weight" in name else 0.0
                    one.uniform_(-size, size, generator=generator)

    def embed(self, item: Tensor) -> Tensor:
        """(rows, length, dim). item: (rows, length) int64; ``items`` stands for the beginning."""
        return self.items[item]

    def forward(self, embedded: Tensor) -> Tensor:
        """The state after each item, (rows, length, width)."""
        states: Tensor = self.recurrent(embedded)[0]
        return states

    def logits(self, state: Tensor) -> Tensor:
        """(n, items) of states (n, width)."""
        return steady(steady(state, self.out), self.items[:-1].T, self.bias)

"""Towers: users and items as vectors of one space, items also by what is known of them.

Two-tower retrieval (Covington, Adams, Sargin 2016; Yi et al. 2019) with the full softmax.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from deeplode.nets.products import steady


class Towers(nn.Module):
    """Weights of both towers.

    items: those with a vector of their own. columns: what is known of an item. told: what is known
    of a user besides its history. dim, width: multiples of 16. generator: draws the weights; None
    leaves them unset.
    """

    def __init__(
        self,
        items: int,
        columns: int,
        told: int,
        sizes: tuple[int, int],
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        dim, width = sizes
        self.ids = nn.Parameter(torch.empty(items, dim))
        self.bias = nn.Parameter(torch.zeros(items))
        self.item_in = nn.Parameter(torch.empty(columns, width))
        self.item_out = nn.Parameter(torch.empty(width, dim))
        self.item_bias = nn.Parameter(torch.zeros(width))
        self.liked = nn.Parameter(torch.zeros(dim))
        self.user_in = nn.Parameter(torch.empty(dim + told, width))
        self.user_out = nn.Parameter(torch.empty(width, dim))
        self.user_bias = nn.Parameter(torch.zeros(width))
        if generator is not None:
            with torch.no_grad():
                self.ids.normal_(0, 0.1, generator=generator)
                for matrix in (self.item_in, self.item_out, self.user_in, self.user_out):
                    size = (2 / max(sum(matrix.shape), 1)) ** 0.5
                    matrix.normal_(0, size, generator=generator)

    def item(self, known: Tensor, keep: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Vectors of items, (items, dim), and how much each is liked by all, (items,).

        known: (items, columns); those beyond the ones with a vector of their own have none. keep:
        (items with vectors,) 1 or 0, whether an item's own vector counts.
        """
        own = self.ids if keep is None else self.ids * keep.unsqueeze(1)
        bias = self.bias if keep is None else self.bias * keep
        new = len(known) - len(own)
        hidden = silu(steady(known, self.item_in, self.item_bias))
        vectors = steady(hidden, self.item_out) + pad(own, (0, 0, 0, new))
        return vectors, pad(bias, (0, new)) + vectors @ self.liked

    def user(self, liked: Tensor, told: Tensor) -> Tensor:
        """Vectors of users, (users, dim). liked: (users, dim) the sum of their items' vectors over
        the root of how many there are; told: (users, columns)."""
        hidden = silu(steady(torch.cat([liked, told], 1), self.user_in, self.user_bias))
        return steady(hidden, self.user_out) + liked

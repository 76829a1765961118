"""Neighbour graph: which rows are nearest to each row."""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 512  # rows compared at once


@torch.no_grad()
def nearest(x: Tensor, k: int) -> Tensor:
    """(rows, k) int64: positions of the k nearest other rows, nearest first.

    x: (rows, columns) float32, more than k of them. Exact, in blocks: rows² distances.
    """
    squares = x.square().sum(1)
    found = torch.empty(len(x), k, dtype=torch.long)
    for start in range(0, len(x), BLOCK):
        block = x[start : start + BLOCK]
        distance = squares - 2 * block @ x.T  # the row's own square changes no order
        own = torch.arange(len(block))
        distance[own, own + start] = torch.inf
        found[start : start + BLOCK] = distance.topk(k, dim=1, largest=False).indices
    return found

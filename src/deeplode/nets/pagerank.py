"""Personalised PageRank: what nodes say, spread along links.

Gasteiger, Bojchevski and Günnemann, Predict then propagate: graph neural networks meet
personalized PageRank, 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.edges import Edges

Floats = NDArray[np.float32]
Matrix = Any  # of SciPy, by rows, or a plain array


@dataclass(frozen=True, eq=False)
class Fixed:
    """Nodes that do not listen: rows, (n,) int64, and what they say, (n, columns) float32."""

    rows: NDArray[np.int64]
    values: Floats


def normalised(edges: Edges, beyond: NDArray[np.float64] | None = None) -> Matrix:
    """(nodes, nodes) float32: the weights of links and of a loop at each node over the root of both
    ends' sums (Kipf and Welling, Semi-supervised classification with graph convolutional networks,
    2017).

    beyond: (nodes,) sums of the weights of links that are not among ``edges``.
    """
    from scipy import sparse

    begins, other, weight = edges.by_node
    loop = float(np.mean(edges.weight)) if len(edges) else 1.0
    links = sparse.csr_array((weight, other, begins), (edges.nodes, edges.nodes))
    sums = np.asarray(links.sum(1)) + loop + (0.0 if beyond is None else beyond)
    root = sparse.diags_array(sums**-0.5)
    loops = sparse.diags_array(np.full(edges.nodes, loop))
    return sparse.csr_array(root @ (links + loops) @ root).astype(np.float32)


class _Product(torch.autograd.Function):
    """A constant matrix times a tensor; SciPy's product took a tenth of the time of torch's."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, matrix: Matrix, turned: Matrix) -> Tensor:
        ctx.turned = turned
        return torch.from_numpy(matrix @ z.detach().numpy())

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        return torch.from_numpy(ctx.turned @ slopes[0].contiguous().numpy()), None, None


def times(matrix: Matrix, turned: Matrix, z: Tensor) -> Tensor:
    """matrix @ z. turned: the matrix transposed, for the way back. z: (columns, k) float32."""
    found: Tensor = _Product.apply(z, matrix, turned)  # type: ignore[no-untyped-call]
    return found


def spread(
    matrix: Matrix, z: Tensor, restart: float, steps: int, fixed: Fixed | None = None
) -> Tensor:
    """(nodes, columns): restart * z + (1 - restart) * matrix @ what it was, ``steps`` times over,
    beginning with z. matrix: as ``normalised`` makes it, which is symmetric."""
    held = z if fixed is None else _held(z, fixed)
    for _ in range(steps):
        held = restart * z + (1 - restart) * times(matrix, matrix, held)
        held = held if fixed is None else _held(held, fixed)
    return held


def _held(z: Tensor, fixed: Fixed) -> Tensor:
    return z.index_copy(0, torch.from_numpy(fixed.rows), torch.from_numpy(fixed.values))

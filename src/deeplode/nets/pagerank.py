"""Spread: what nodes say, along links: by personalised PageRank or as the mean of all distances."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]
Matrix = Any  # of SciPy, by rows, or a plain array


@dataclass(frozen=True, eq=False)
class Fixed:
    """Nodes that do not listen: rows, (n,) int64, and what they say, (n, columns) float32."""

    rows: NDArray[np.int64]
    values: Floats


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
    beginning with z. matrix: as ``normalised`` makes it, which is symmetric.

    Gasteiger, Bojchevski and Günnemann, Predict then propagate: graph neural networks meet
    personalized PageRank, 2019.
    """
    held = z if fixed is None else _held(z, fixed)
    for _ in range(steps):
        held = restart * z + (1 - restart) * times(matrix, matrix, held)
        held = held if fixed is None else _held(held, fixed)
    return held


def averaged(matrix: Matrix, z: Tensor, steps: int, fixed: Fixed | None = None) -> Tensor:
    """(nodes, columns): the mean of z, matrix @ z, … over 0 … ``steps`` products. matrix: as
    ``normalised`` makes it. fixed: nodes that say their mean over all distances at each.

    Feng et al., Graph random neural network for semi-supervised learning on graphs, 2020.
    """
    held = z if fixed is None else _held(z, fixed)
    total = held
    for _ in range(steps):
        held = times(matrix, matrix, held)
        held = held if fixed is None else _held(held, fixed)
        total = total + held
    return total / (steps + 1)


def step_seconds(matrix: Matrix, columns: int) -> float:
    """How long one product takes here and now. matrix: (nodes, nodes)."""
    z = np.ones((matrix.shape[1], columns), np.float32)
    began = time.monotonic()
    _ = matrix @ z
    return time.monotonic() - began


def _held(z: Tensor, fixed: Fixed) -> Tensor:
    return z.index_copy(0, torch.from_numpy(fixed.rows), torch.from_numpy(fixed.values))

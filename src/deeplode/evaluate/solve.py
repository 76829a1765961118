"""Solve: the coefficients of a penalised linear model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.evaluate.problem import Problem
from deeplode.runtime import Budget, configured

STEP = 5  # iterations between two looks at the clock
GOOD = 1e-4  # relative gain of so many iterations that is not worth more of them
WIDEST = 2_000  # columns up to which they are decorrelated first
BLOCK = 4096  # rows weighed at a time, so that the matrix is not held twice


def solve(
    data: tuple[Tensor, Tensor, Tensor],
    start: NDArray[np.float32],
    problem: Problem,
    most: int,
    budget: Budget,
    penalty: float = 1.0,
) -> tuple[NDArray[np.float32], int]:
    """The coefficients of least loss and how many iterations were taken.

    data: (rows, columns) float32 whose last column is 1; (rows,) classes or values; (rows,)
    weights. start: (columns, outputs). Loss: mean log loss or half squared error, plus ``penalty``
    (scikit-learn's 1 / C) times half the squared coefficients but the constant's, once for all.
    L-BFGS (Nocedal and Wright, Numerical Optimization, 2006, chapter 7) on decorrelated columns,
    where every direction curves alike and few iterations are enough.
    """
    with configured(1, problem.seed):  # the products are too small to be shared by threads
        return _solve(data, start, problem, most, budget, penalty)


def _solve(
    data: tuple[Tensor, Tensor, Tensor],
    start: NDArray[np.float32],
    problem: Problem,
    most: int,
    budget: Budget,
    penalty: float,
) -> tuple[NDArray[np.float32], int]:
    x, label, weight = data
    weight = weight if bool(weight.any()) else torch.ones_like(weight)
    share = weight / weight.sum()
    root = _root(x, share, penalty)
    loss = _loss((x, label, share), problem, penalty)
    moved = torch.from_numpy(start) if root is None else root.T @ torch.from_numpy(start)
    moved = moved.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS(
        [moved], max_iter=STEP, history_size=10, line_search_fn="strong_wolfe"
    )

    def back() -> Tensor:
        if root is None:
            return moved
        found: Tensor = torch.linalg.solve_triangular(root.T, moved, upper=True)
        return found

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(back())
        value.backward()  # type: ignore[no-untyped-call]
        return value.detach()

    taken, before = 0, float("inf")
    while taken < most:
        value = float(optimizer.step(closure))  # type: ignore[no-untyped-call]
        taken += STEP
        if before - value < GOOD * max(1e-3, abs(value)) or budget.stop():
            break
        before = value
    found = back().detach().numpy().astype(np.float32)
    return (found if np.isfinite(found).all() else start), taken


def _root(x: Tensor, share: Tensor, penalty: float) -> Tensor | None:
    """The lower Cholesky factor of the columns' second moments and the penalty."""
    if x.shape[1] > WIDEST:
        return None
    moments = torch.zeros(x.shape[1], x.shape[1])
    for first in range(0, len(x), BLOCK):
        rows = x[first : first + BLOCK]
        moments += (rows * share[first : first + BLOCK, None]).T @ rows
    # Rounding must not make it singular.
    moments.diagonal().add_(penalty / len(x) + 1e-6 * moments.diagonal().max())
    root, failed = torch.linalg.cholesky_ex(moments)
    return None if int(failed) else root


def _loss(
    data: tuple[Tensor, Tensor, Tensor], problem: Problem, penalty: float
) -> Callable[[Tensor], Tensor]:
    x, label, share = data

    def of(coefficients: Tensor) -> Tensor:
        scores = x @ coefficients
        if problem.classifies:
            each = torch.nn.functional.cross_entropy(scores, label, reduction="none")
        else:
            each = (scores[:, 0] - label.float()) ** 2 / 2
        return (share * each).sum() + penalty * (coefficients[:-1] ** 2).sum() / (2 * len(x))

    return of

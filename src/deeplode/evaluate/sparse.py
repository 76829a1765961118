"""Sparse: the linear model's columns where texts are among them, mostly zeros, and its fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding_bag

from deeplode.encode.bag import flat
from deeplode.encode.batch import Batch
from deeplode.evaluate.problem import Problem
from deeplode.runtime import Budget

GAIN = 3e-5  # of the loss in one iteration that is not worth another one
MEMORY = 10  # pairs of steps and gradients that L-BFGS looks back on

Floats = NDArray[np.float64]


def texts_of(batch: Batch) -> list[Tensor]:
    """The cells of each column of text, (rows, length) int32."""
    return [one.cells for one in batch.media if one.cells.dtype == torch.int32]


def widths_of(batch: Batch) -> list[int]:
    """Features that occur in each column of text, with number 0, which means none."""
    found = []
    for cells in texts_of(batch):
        ids = flat(cells)[0]
        found.append(1 + (int(ids.max()) if len(ids) else 0))
    return found


def scores_of(texts: Sequence[Tensor], tables: Sequence[NDArray[np.float32]]) -> Tensor | float:
    """(rows, classes) float32: what the features of texts add to a row's scores.

    tables: (features + 1, classes) coefficients of each column; features beyond count nothing.
    """
    total: Tensor | float = 0.0
    for cells, table in zip(texts, tables, strict=True):
        ids, offsets, weights = flat(cells)
        beyond = ids >= len(table)
        ids, weights = ids.where(~beyond, 0), weights.where(~beyond, 0.0)
        weight = torch.from_numpy(table)
        total = total + embedding_bag(ids, weight, offsets, mode="sum", per_sample_weights=weights)
    return total


def matrix_of(dense: Tensor, texts: Sequence[Tensor], widths: Sequence[int]) -> Any:
    """All columns of some rows as a SciPy matrix by rows: texts first, then ``dense``, whose last
    column is the constant."""
    from scipy import sparse

    parts = []
    for cells, width in zip(texts, widths, strict=True):
        ids, offsets, weights = flat(cells)
        ends = np.append(offsets.numpy(), len(ids))
        parts.append(sparse.csr_matrix((weights.numpy(), ids.numpy(), ends), (len(cells), width)))
    return sparse.hstack([*parts, sparse.csr_matrix(dense.numpy())], "csr", np.float32)


def solve(
    data: tuple[Any, NDArray[Any], Floats],
    start: Floats,
    problem: Problem,
    most: int,
    budget: Budget,
) -> tuple[Floats, int]:
    """The coefficients of least loss, (columns, outputs), and how many iterations were taken.

    data: (rows, columns) sparse, its last column 1; (rows,) classes or values; (rows,) weights.
    Loss: mean log loss or half squared error, plus half the squared coefficients but the
    constant's, once for all rows (scikit-learn's C = 1). L-BFGS (Liu and Nocedal 1989).
    """
    from scipy.optimize import minimize

    taken = 0

    def look(_: Floats) -> None:
        nonlocal taken
        taken += 1
        if budget.stop():
            raise StopIteration

    loss = _loss(data, problem, start.shape)
    limits = {"maxiter": most, "maxcor": MEMORY, "ftol": GAIN}
    end = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", callback=look, options=limits)
    found = end.x.reshape(start.shape)
    return (found if np.isfinite(found).all() else start), max(1, taken)


def _loss(
    data: tuple[Any, NDArray[Any], Floats], problem: Problem, shape: tuple[int, ...]
) -> Callable[[Floats], tuple[float, Floats]]:
    """Flat coefficients to the loss and its slope."""
    x, label, weight = data
    share = weight / weight.sum() if weight.any() else np.full(len(label), 1 / len(label))
    target = np.eye(problem.n_classes)[label] if problem.classifies else label[:, None]
    across = x.T.tocsr()

    def of(coefficients: Floats) -> tuple[float, Floats]:
        own = coefficients.reshape(shape)
        scores = x @ own
        if problem.classifies:
            scores = scores - scores.max(1, keepdims=True)
            logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
            value, slope = -float(share @ (logs * target).sum(1)), np.exp(logs) - target
        else:
            slope = scores - target
            value = float(share @ (slope**2).sum(1)) / 2
        held = own.copy()
        held[-1] = 0  # the constant is free
        value += float((held**2).sum()) / (2 * len(label))
        return value, (across @ (slope * share[:, None]) + held / len(label)).ravel()

    return of

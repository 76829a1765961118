"""Sparse: the linear model where texts are among its columns, whose features are mostly zeros."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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

# How strongly features of texts, whose weights are of length 1 in a row, come in beside columns of
# spread 1. The penalty of 1 / GAIN² on them was near the best on six sets of texts.
GAIN = 2.5
MOST_WEIGHTS = 1_000_000  # features x outputs; with more, the rarest features are left out
HISTORY = 6  # steps that L-BFGS remembers
GOOD = 1e-4  # relative gain of an iteration that is not worth more of them

Floats = NDArray[np.float32]
Losses = Callable[[Floats], tuple[NDArray[Any], NDArray[Any]]]


@dataclass(frozen=True, eq=False)
class Rows:
    """What is learned from.

    plain: (rows, columns) whose last column is 1. texts: (rows, features), sparse.
    label: (rows,) classes or values. weight: (rows,).
    """

    plain: Floats
    texts: Any
    label: NDArray[Any]
    weight: NDArray[np.float64]


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


def features_of(texts: Sequence[Tensor], widths: Sequence[int]) -> Any:
    """The features of all columns of text as one SciPy matrix, (rows, features of all).

    widths: of each column, number 0 too.
    """
    from scipy import sparse

    parts = []
    for cells, width in zip(texts, widths, strict=True):
        ids, offsets, weights = flat(cells)
        ends = np.append(offsets.numpy(), len(ids))
        parts.append(sparse.csr_array((weights.numpy(), ids.numpy(), ends), (len(cells), width)))
    return sparse.hstack(parts, "csr", np.float32)


def solve_sparse(
    rows: Rows, start: Floats, problem: Problem, most: int, budget: Budget, penalty: float = 1.0
) -> tuple[Floats, int]:
    """The coefficients of least loss, and how many iterations were taken.

    start: (columns + features, outputs). Loss: as ``solve`` has it, with scikit-learn's
    C = 1 / ``penalty`` for the columns and C = GAIN² for the features. L-BFGS (Nocedal and Wright,
    Numerical Optimization, 2006, chapter 7) on sparse products, which took a fifth of the time of
    ``embedding_bag``.
    most: iterations.
    """
    from scipy import optimize, sparse

    columns = rows.plain.shape[1]
    scale = np.full((len(start), 1), penalty**-0.5, np.float32)
    scale[columns - 1], scale[columns:] = 1.0, GAIN
    known = columns + _frequent(rows.texts, start.shape[1])
    used = np.concatenate([np.arange(columns), known])
    texts = sparse.csr_array(rows.texts[:, known - columns] * np.float32(GAIN))
    folded = problem.task == "binary"  # two outputs are one, of which each has half
    begin = start[used] / scale[used]
    begin = begin[:, 1:] - begin[:, :1] if folded else begin
    plain = rows.plain * scale[:columns, 0]
    loss = _loss(Rows(plain, texts, rows.label, rows.weight), begin.shape, problem)

    def look(_: NDArray[np.float64]) -> None:
        if budget.stop():
            raise StopIteration

    settings = {"maxiter": most, "maxcor": HISTORY, "ftol": GOOD, "gtol": 1e-6}
    first = begin.ravel().astype(np.float64)
    found = optimize.minimize(
        loss, first, jac=True, method="L-BFGS-B", options=settings, callback=look
    )
    solved = found.x.reshape(begin.shape).astype(np.float32)
    out = np.zeros_like(start)
    out[used] = scale[used] * (np.hstack([-solved / 2, solved / 2]) if folded else solved)
    return (out if np.isfinite(out).all() else start), int(found.nit)


def _frequent(texts: Any, outputs: int) -> NDArray[np.int64]:
    """The features that are in most rows, ascending, as many as MOST_WEIGHTS allows."""
    counts = np.bincount(texts.indices, minlength=texts.shape[1])
    most = max(1, MOST_WEIGHTS // outputs)
    first = np.argsort(-counts, kind="stable")[:most]
    return np.asarray(np.sort(first[counts[first] > 0]))


def _loss(
    rows: Rows, shape: tuple[int, ...], problem: Problem
) -> Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]:
    """Loss and slope by the coefficients, which come flat."""
    columns, count = rows.plain.shape[1], len(rows.label)
    weight = rows.weight if rows.weight.any() else np.ones(count)
    share = (weight / weight.sum()).astype(np.float32)[:, None]
    by_row, by_feature = rows.texts, rows.texts.T.tocsr()
    differ = _difference(rows.label, problem)
    penalty = (0.5 if problem.task == "binary" else 1.0) / count

    def of(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w = flat.reshape(shape).astype(np.float32)
        each, slope = differ(rows.plain @ w[:columns] + by_row @ w[columns:])
        slope = slope * share
        by = np.concatenate([rows.plain.T @ slope, by_feature @ slope]).astype(np.float64)
        held = flat.reshape(shape).copy()
        held[columns - 1] = 0
        by += penalty * held
        return float((share[:, 0] * each).sum() + penalty / 2 * (held**2).sum()), by.ravel()

    return of


def _difference(label: NDArray[Any], problem: Problem) -> Losses:
    """The loss of each row, (rows,), and its slope by the scores, (rows, outputs)."""
    from scipy import special

    if problem.task == "regression":
        value = label.astype(np.float32)[:, None]
        return lambda scores: ((scores - value)[:, 0] ** 2 / 2, scores - value)
    if problem.task == "binary":
        one = label.astype(np.float32)[:, None]
        return lambda scores: (
            (np.logaddexp(0, scores) - one * scores)[:, 0],
            special.expit(scores) - one,
        )
    index = np.arange(len(label))

    def several(scores: Floats) -> tuple[NDArray[Any], NDArray[Any]]:
        logs = scores - special.logsumexp(scores, axis=1, keepdims=True)
        slope = np.exp(logs)
        slope[index, label] -= 1
        return -logs[index, label], slope

    return several

"""The metrics of one candidate under many weightings of the rows at once.

A resample with replacement is a weighting: how often each row was drawn. Everything that does not
depend on the weights (losses, orders, ties) is found once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.metrics import FALSE_ALARMS, FLOOR, ROUNDING, frequent, unit
from deeplode.evaluate.problem import Problem

Floats = NDArray[np.float64]
Kernel = Callable[[Floats], dict[str, Floats]]
"""(resamples, rows) weights -> metric: (resamples,)"""


def kernel(
    problem: Problem, truth: NDArray[Any], outputs: Floats, threshold: float = 0.5
) -> Kernel:
    """The metrics of ``metrics.scores`` as a function of weights.

    truth: (rows,) int64 classes or float64 values; outputs: (rows, classes) or (rows,).
    roc_auc_ovr is to first order: each row keeps its place among all rows (DeLong et al., 1988).
    """
    if problem.task == "regression":
        return _values(truth, outputs)
    if problem.task == "binary":
        return _two_classes(truth, outputs[:, 1], threshold)
    return _classes(truth, outputs)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole; NaN where whole is 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _values(truth: Floats, values: Floats) -> Kernel:
    size = unit(truth, values)
    truth, values = truth / size, values / size
    error, center = truth - values, truth - truth.mean()
    columns = np.stack([np.ones_like(error), error**2, np.abs(error), center, center**2])

    def of(weights: Floats) -> dict[str, Floats]:
        total, squares, sizes, firsts, seconds = (weights @ columns.T).T
        spread = seconds - firsts * _ratio(firsts, total)
        return {
            "rmse": size * np.sqrt(squares / total),
            "mae": size * sizes / total,
            "r2": 1 - _ratio(squares, spread),
        }

    return of


def _two_classes(truth: NDArray[np.int64], positive: Floats, threshold: float) -> Kernel:
    called = positive >= threshold
    own = np.clip(np.where(truth == 1, positive, 1 - positive), FLOOR, 1)
    columns = np.stack(
        [
            np.ones_like(own),
            -np.log(own),
            called == truth,
            (truth - positive) ** 2,
            called & (truth == 1),
            called,
            truth,
        ]
    ).astype(np.float64)
    ranking = _ranking(truth, positive)

    def of(weights: Floats) -> dict[str, Floats]:
        total, loss, right, brier, hit, named, actual = (weights @ columns.T).T
        return {
            **ranking(weights),
            "log_loss": _ratio(loss, total),
            "accuracy": _ratio(right, total),
            "f1": np.nan_to_num(_ratio(2 * hit, named + actual)),
            "brier": _ratio(brier, total),
        }

    return of


def _ranking(truth: NDArray[np.int64], positive: Floats) -> Kernel:
    """Area under the ROC curve, average precision and sensitivity, ties counted as one step."""
    order = np.argsort(-positive, kind="stable")
    last = np.append(np.flatnonzero(np.diff(positive[order])), len(order) - 1)
    is_one = (truth[order] == 1).astype(np.float64)

    def of(weights: Floats) -> dict[str, Floats]:
        ranked = weights.take(order, axis=1)
        reached = np.cumsum(ranked, axis=1).take(last, axis=1)  # (resamples, distinct scores)
        ranked *= is_one
        ones_reached = np.cumsum(ranked, axis=1).take(last, axis=1)
        ones = np.diff(ones_reached, axis=1, prepend=0)
        zeros_reached = reached - ones_reached
        all_ones, all_zeros = ones_reached[:, -1], zeros_reached[:, -1]
        half = np.diff(zeros_reached, axis=1, prepend=0) / 2
        under = np.einsum("bn,bn->b", ones, zeros_reached - half)
        precision = ones_reached / np.maximum(reached, 1e-300)
        allowed = zeros_reached <= (FALSE_ALARMS + ROUNDING) * all_zeros[:, None]
        found = np.where(allowed, ones_reached, 0).max(axis=1)
        return {
            "roc_auc": 1 - _ratio(under, all_ones * all_zeros),
            "average_precision": _ratio(np.einsum("bn,bn->b", ones, precision), all_ones),
            "sensitivity_at_90": np.where(all_zeros > 0, _ratio(found, all_ones), np.nan),
        }

    return of


def _classes(truth: NDArray[np.int64], probabilities: Floats) -> Kernel:
    called = probabilities.argmax(axis=1)
    own = np.clip(probabilities[np.arange(len(truth)), truth], FLOOR, 1)
    columns = np.stack([np.ones_like(own), -np.log(own), called == truth]).astype(np.float64)
    f1, areas = _macro_f1(truth, called), _areas(truth, probabilities)

    def of(weights: Floats) -> dict[str, Floats]:
        total, loss, right = (weights @ columns.T).T
        return {
            "accuracy": _ratio(right, total),
            "log_loss": _ratio(loss, total),
            "macro_f1": f1(weights),
            "roc_auc_ovr": areas(weights),
        }

    return of


def _macro_f1(truth: NDArray[np.int64], called: NDArray[np.int64]) -> Callable[[Floats], Floats]:
    """Mean F1 of the classes that a resample has."""
    n_classes = int(max(truth.max(), called.max())) + 1
    by_truth, by_call = _sums_by(truth, n_classes), _sums_by(called, n_classes)
    hit = called == truth

    def of(weights: Floats) -> Floats:
        actual, named, hits = by_truth(weights), by_call(weights), by_truth(weights * hit)
        there = actual > 0
        f1 = np.divide(2 * hits, actual + named, out=np.zeros_like(hits), where=there)
        return _ratio(f1.sum(axis=1), there.sum(axis=1).astype(np.float64))

    return of


def _sums_by(codes: NDArray[np.int64], n_codes: int) -> Callable[[Floats], Floats]:
    """(resamples, rows) -> (resamples, codes) sums of the rows of each code."""
    order = np.argsort(codes, kind="stable")
    present, starts = np.unique(codes[order], return_index=True)

    def of(weights: Floats) -> Floats:
        sums = np.zeros((len(weights), n_codes))
        sums[:, present] = np.add.reduceat(weights.take(order, axis=1), starts, axis=1)
        return sums

    return of


def _areas(truth: NDArray[np.int64], probabilities: Floats) -> Callable[[Floats], Floats]:
    """Mean area under the curve of each class against the others, to first order."""
    classes = frequent(truth)
    if len(np.unique(truth)) < 2:
        return lambda weights: np.full(len(weights), np.nan)
    # (classes, rows): a product with few columns is far quicker from the right.
    others = np.empty((len(classes), len(truth)), np.float32)
    own, area = np.zeros(len(truth)), np.empty(len(classes))
    for at, one in enumerate(classes):
        inside = truth == one
        places = _places(inside, probabilities[:, one])
        own[inside], area[at] = places[inside], places[inside].mean()
        others[at] = np.where(inside, 0, places)
    by_truth = _sums_by(truth, int(truth.max()) + 1)

    def of(weights: Floats) -> Floats:
        size, ones = by_truth(weights)[:, classes], by_truth(weights * own)[:, classes]
        rest = weights.sum(axis=1, keepdims=True) - size
        zeros = (weights.astype(np.float32) @ others.T).astype(np.float64)
        each = _ratio(ones, size) + _ratio(zeros, rest) - area
        there = np.isfinite(each)
        total = np.where(there, each, 0).sum(axis=1)
        return _ratio(total, there.sum(axis=1).astype(np.float64))

    return of


def _places(is_one: NDArray[np.bool_], score: Floats) -> Floats:
    """(rows,) share of the other side's rows that a row is on the right side of; ties are 1/2."""
    ones, zeros = np.sort(score[is_one]), np.sort(score[~is_one])

    def share_below(sorted_: Floats, at: Floats) -> Floats:
        below = np.searchsorted(sorted_, at, "left") + np.searchsorted(sorted_, at, "right")
        return below / (2 * len(sorted_))

    places = np.empty_like(score)
    places[is_one] = share_below(zeros, score[is_one])
    places[~is_one] = 1 - share_below(ones, score[~is_one])
    return places

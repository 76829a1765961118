"""Facts behind the report's charts: plain dicts, ready for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.metrics import frequent

MOST_CLASSES = 20  # shown one by one; the others are one
MOST_POINTS = 500
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def confusion(
    truth: NDArray[np.int64], called: NDArray[np.int64], classes: Sequence[Any]
) -> dict[str, Any]:
    """How often each class was called what.

    truth, called: (rows,) codes of ``classes``. Returns classes, as text, the most frequent ones
    in their order, and matrix: rows of truth, columns of calls. Where there are more than
    MOST_CLASSES, the last row and column are all others together, and others is how many.
    """
    shown = np.arange(len(classes))
    if len(classes) > MOST_CLASSES:
        shown = frequent(truth, MOST_CLASSES)
    others = len(classes) - len(shown)
    place = np.full(len(classes), len(shown))
    place[shown] = np.arange(len(shown))
    size = len(shown) + (others > 0)
    matrix = np.zeros((size, size), np.int64)
    np.add.at(matrix, (place[truth], place[called]), 1)
    names = [str(classes[int(code)]) for code in shown]
    return {"classes": names, "others": others, "matrix": matrix.tolist()}


def residuals(
    truth: NDArray[np.float64], values: NDArray[np.float64], seed: int = 0
) -> dict[str, Any]:
    """What was predicted against what came, in the target's unit.

    Returns points [[predicted, truth], …], at most MOST_POINTS drawn at random, and quantiles
    {share: error}, where an error is truth - predicted.
    """
    rows = np.arange(len(truth))
    if len(rows) > MOST_POINTS:
        drawn = np.random.default_rng(seed).choice(rows, MOST_POINTS, replace=False)
        rows = np.sort(drawn)
    points = np.stack([values[rows], truth[rows]], axis=1)
    errors = np.quantile(truth - values, QUANTILES) if len(truth) else np.zeros(len(QUANTILES))
    quantiles = {f"{share:g}": float(error) for share, error in zip(QUANTILES, errors, strict=True)}
    return {"points": points.tolist(), "quantiles": quantiles}


def distribution(target: NDArray[np.int64], classes: Sequence[Any]) -> dict[str, Any]:
    """How many rows each class has; the most frequent MOST_CLASSES, then all others together."""
    counts = np.bincount(target, minlength=len(classes))
    order = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    shown = [{"class": str(classes[int(code)]), "rows": int(counts[code])} for code in order]
    others = len(classes) - len(order)
    return {
        "classes": shown,
        "others": others,
        "others_rows": int(counts.sum() - counts[order].sum()),
    }

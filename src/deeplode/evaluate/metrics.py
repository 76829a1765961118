"""The scores of a leaderboard, by the names that result.json uses.

Binary: roc_auc, average_precision, log_loss, accuracy, f1, brier, sensitivity_at_90 (share of the
second class that is found where nine in ten of the first are left in peace). Multiclass:
accuracy, log_loss, macro_f1, roc_auc_ovr. Regression: rmse, mae, r2. They are scikit-learn's, and
add what to do where a class is absent from the rows: it is left out of averages over classes, and
a score that needs two classes is NaN where there is one. They are imported when scores are asked
for: predicting does without.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.problem import Problem

METRICS = {
    "binary": (
        "roc_auc",
        "average_precision",
        "log_loss",
        "accuracy",
        "f1",
        "brier",
        "sensitivity_at_90",
    ),
    "multiclass": ("accuracy", "log_loss", "macro_f1", "roc_auc_ovr"),
    "regression": ("rmse", "mae", "r2"),
}
MAIN = {task: names[0] for task, names in METRICS.items()}
# What decides between candidates: as MAIN, but finer than accuracy, and fair to rare classes.
DECIDES = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae"})
FALSE_ALARMS = 0.1  # 1 - the specificity at which sensitivity is told
ROUNDING = 1e-9  # a share of so little more counts as equal
FLOOR = 1e-15  # least probability that a log loss sees
MOST_CLASSES = 100  # roc_auc_ovr of more classes is taken over the most frequent ones


def sign(metric: str) -> int:
    """1 where more is better, -1 where less is."""
    return -1 if metric in LOWER_IS_BETTER else 1


def scores(
    problem: Problem,
    truth: NDArray[Any],
    outputs: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
    threshold: float = 0.5,
) -> dict[str, float]:
    """Every metric of the task on some rows.

    truth: (rows,) int64 classes or float64 values; outputs: (rows, classes) probabilities or
    (rows,) values; weights: (rows,) or None.
    threshold: a binary row is called class 1 from this probability on, in accuracy and f1.
    """
    if problem.task == "regression":
        return _of_values(truth, outputs, weights)
    if problem.task == "binary":
        return _of_two_classes(truth, outputs[:, 1], weights, threshold)
    return _of_classes(truth, outputs, weights)


def _of_values(
    truth: NDArray[np.float64], values: NDArray[np.float64], weights: NDArray[np.float64] | None
) -> dict[str, float]:
    from sklearn import metrics as of

    size = unit(truth, values)
    truth, values = truth / size, values / size
    return {
        "rmse": size * float(of.root_mean_squared_error(truth, values, sample_weight=weights)),
        "mae": size * float(of.mean_absolute_error(truth, values, sample_weight=weights)),
        "r2": float(of.r2_score(truth, values, sample_weight=weights))
        if len(truth) > 1
        else float("nan"),
    }


def unit(truth: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """What to divide values by before they are squared: 1 but for those of extreme size."""
    size = float(max(np.abs(truth).max(), np.abs(values).max()))
    return 1.0 if 1e-100 < size < 1e100 or size == 0 else size


def _of_two_classes(
    truth: NDArray[np.int64],
    positive: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    threshold: float,
) -> dict[str, float]:
    from sklearn import metrics as of

    called = (positive >= threshold).astype(np.int64)
    nan = float("nan")
    both = 0 < truth.sum() < len(truth)
    weight: dict[str, Any] = {"sample_weight": weights}
    return {
        "roc_auc": float(of.roc_auc_score(truth, positive, **weight)) if both else nan,
        "average_precision": float(of.average_precision_score(truth, positive, **weight))
        if truth.any()
        else nan,
        "log_loss": log_loss(truth, np.stack([1 - positive, positive], axis=1), weights),
        "accuracy": float(of.accuracy_score(truth, called, **weight)),
        "f1": float(of.f1_score(truth, called, zero_division=0.0, **weight)),
        "brier": float(np.average((truth - positive) ** 2, weights=weights)),
        "sensitivity_at_90": _sensitivity(truth, positive, weights) if both else nan,
    }


def _sensitivity(
    truth: NDArray[np.int64], positive: NDArray[np.float64], weights: NDArray[np.float64] | None
) -> float:
    """The highest true positive rate whose false positive rate is at most FALSE_ALARMS."""
    from sklearn import metrics as of

    if weights is not None and not (weights[truth == 0].any() and weights[truth == 1].any()):
        return float("nan")
    false, true, _ = of.roc_curve(truth, positive, sample_weight=weights, drop_intermediate=False)
    return float(true[false <= FALSE_ALARMS + ROUNDING].max())


def _of_classes(
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
) -> dict[str, float]:
    from sklearn import metrics as of

    called = probabilities.argmax(axis=1)
    present = np.unique(truth)
    f1 = of.f1_score(
        truth, called, labels=present, average="macro", sample_weight=weights, zero_division=0.0
    )
    return {
        "accuracy": float(of.accuracy_score(truth, called, sample_weight=weights)),
        "log_loss": log_loss(truth, probabilities, weights),
        "macro_f1": float(f1),
        "roc_auc_ovr": _auc_one_against_rest(truth, probabilities, weights),
    }


def log_loss(
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> float:
    """Mean of -log p(true class), p at least FLOOR. In nats."""
    own = np.clip(probabilities[np.arange(len(truth)), truth], FLOOR, 1.0)
    return float(np.average(-np.log(own), weights=weights))


def frequent(truth: NDArray[np.int64], most: int = MOST_CLASSES) -> NDArray[np.int64]:
    """The classes that occur, at most so many, the most frequent ones; in rising order."""
    present, count = np.unique(truth, return_counts=True)
    return np.sort(present[np.argsort(-count, kind="stable")[:most]])


def _auc_one_against_rest(
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
) -> float:
    """Mean over the classes of the area under the curve of each against the others."""
    from sklearn import metrics as of

    if weights is not None:  # rows of no weight have no class to tell apart
        truth, probabilities = truth[weights > 0], probabilities[weights > 0]
        weights = weights[weights > 0]
    classes = frequent(truth)
    if len(classes) < 2:
        return float("nan")
    areas = [
        of.roc_auc_score(truth == one, probabilities[:, one], sample_weight=weights)
        for one in classes
    ]
    return float(np.mean(areas))

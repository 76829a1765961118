"""Groups: how apart they are, and how far they are those known before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import (
    adjusted_rand_score,
    normalized_mutual_info_score,
    silhouette_samples,
)

DRAWS = 200  # of rows, for intervals
MOST = 2_000  # rows that silhouettes are of
CERTAINTY = (0.025, 0.975)

Ints = NDArray[np.int64]
Figures = dict[str, dict[str, float | None]]


def accuracy(truth: Ints, labels: Ints) -> float:
    """Share of rows in the group that stands for their class, each group for one class at most
    (Kuhn 1955). truth, labels: (rows,) 0 …."""
    size = int(max(truth.max(), labels.max())) + 1
    counts = np.zeros((size, size), np.int64)
    np.add.at(counts, (truth, labels), 1)
    rows, columns = linear_sum_assignment(-counts)
    return float(counts[rows, columns].sum() / len(truth))


SCORES = {"acc": accuracy, "nmi": normalized_mutual_info_score, "ari": adjusted_rand_score}


def agreement(truth: Ints, labels: Ints, seed: int) -> Figures:
    """acc, nmi and ari with their 95 % intervals by resampled rows. At least one row."""
    chance = np.random.default_rng(seed)
    draws = [chance.integers(len(truth), size=len(truth)) for _ in range(DRAWS)]
    found: Figures = {}
    for name, score in SCORES.items():
        low, high = np.quantile([score(truth[own], labels[own]) for own in draws], CERTAINTY)
        found[name] = {"value": float(score(truth, labels)), "low": float(low), "high": float(high)}
    return found


def silhouette(x: NDArray[np.float32], labels: Ints, seed: int) -> Figures:
    """Mean silhouette (Rousseeuw 1987), -1 … 1, of at most MOST rows; {} for fewer than two groups
    or more than rows. x: (rows, dimensions)."""
    at = np.random.default_rng(seed).permutation(len(x))[:MOST]
    own = labels[at]
    if not 2 <= len(np.unique(own)) < len(own):
        return {}
    each = silhouette_samples(x[at], own)
    error = float(each.std(ddof=1) / np.sqrt(len(each)))
    mean = float(each.mean())
    return {"silhouette": {"value": mean, "low": mean - 1.96 * error, "high": mean + 1.96 * error}}

"""Groups: how apart they are, and how far they are those known before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import silhouette_samples

DRAWS = 200  # of rows, for intervals
CELLS = 1_000_000  # classes x groups that are matched
MOST = 2_000  # rows that silhouettes are of
CERTAINTY = (0.025, 0.975)

Ints = NDArray[np.int64]
Figures = dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class Meetings:
    """How many rows of each class are in each group, where there are any.

    truth, label: (pairs,) class and group from 0. rows: (pairs,) of each pair.
    """

    truth: Ints
    label: Ints
    rows: Ints

    @classmethod
    def of(cls, truth: Ints, labels: Ints) -> Self:
        """truth, labels: (rows,) of any whole numbers."""
        first, other = (np.unique(one, return_inverse=True)[1] for one in (truth, labels))
        width = int(other.max()) + 1
        pairs, rows = np.unique(first * width + other, return_counts=True)
        return cls(pairs // width, pairs % width, rows)

    def drawn(self, chance: np.random.Generator) -> Meetings:
        """The same with as many rows drawn anew."""
        total = int(self.rows.sum())
        return replace(self, rows=chance.multinomial(total, self.rows / total))

    @property
    def sums(self) -> tuple[Ints, Ints]:
        """Rows of each class, and of each group."""
        both = (np.bincount(one, self.rows) for one in (self.truth, self.label))
        first, other = (np.rint(one).astype(np.int64) for one in both)
        return first, other


def accuracy(met: Meetings) -> float:
    """Share of rows in the group that stands for their class, each group for one class at most
    (Kuhn 1955)."""
    counts = np.zeros((int(met.truth.max()) + 1, int(met.label.max()) + 1), np.int64)
    counts[met.truth, met.label] = met.rows
    rows, columns = linear_sum_assignment(-counts)
    return float(counts[rows, columns].sum() / met.rows.sum())


def mutual_information(met: Meetings) -> float:
    """What groups tell of classes, over the mean of what there is to tell of either, 0 … 1
    (Strehl and Ghosh 2002); 1 where there is one of each."""
    total, kept = float(met.rows.sum()), met.rows > 0
    first, other = (one / total for one in met.sums)
    share, by_chance = met.rows[kept] / total, (first[met.truth] * other[met.label])[kept]
    told = float((share * np.log(share / by_chance)).sum())
    entropies = [-float((one[one > 0] * np.log(one[one > 0])).sum()) for one in (first, other)]
    mean = sum(entropies) / 2
    return max(0.0, told) / mean if mean > 0 else 1.0


def rand_index(met: Meetings) -> float:
    """Agreement on which pairs of rows are together, less that by chance (Hubert and Arabie
    1985)."""
    total = int(met.rows.sum())
    both, first, other = (float((one * (one - 1.0)).sum()) for one in (met.rows, *met.sums))
    by_chance = first * other / max(1, total * (total - 1))
    most = (first + other) / 2
    return (both - by_chance) / (most - by_chance) if most > by_chance else 1.0


SCORES = {"acc": accuracy, "nmi": mutual_information, "ari": rand_index}


def agreement(truth: Ints, labels: Ints, seed: int) -> Figures:
    """acc, nmi and ari with their 95 % intervals by resampled rows; no acc of more than CELLS pairs
    of class and group. truth, labels: (rows,) at least one, 0 …."""
    met, chance = Meetings.of(truth, labels), np.random.default_rng(seed)
    draws = [met.drawn(chance) for _ in range(DRAWS)]
    few = len(met.sums[0]) * len(met.sums[1]) <= CELLS
    found: Figures = {}
    for name, score in SCORES.items():
        if name != "acc" or few:
            low, high = np.quantile([score(own) for own in draws], CERTAINTY)
            found[name] = {"value": score(met), "low": float(low), "high": float(high)}
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

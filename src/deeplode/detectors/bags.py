"""Bags: known anomalies against random halves of the other rows, by trees and a linear model.

The other rows are unlabelled and may hold further anomalies: each bag takes half of them for
normal, so that an odd one among them is learned as normal by half of the bags only (Mordelet and
Vert 2014). Trees are boosted and cut at random (extremely randomized trees, Geurts, Ernst and
Wehenkel 2006), which does not hang on the one cut that happens to part a handful of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import lightgbm
import numpy as np
import torch
from numpy.typing import NDArray

from deeplode.detectors.detector import Arrays, kept
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.solve import solve
from deeplode.parts import below, under
from deeplode.runtime import Budget
from deeplode.trees.forest import Forest
from deeplode.trees.grown import forest_of
from deeplode.trees.scorer import Scorer

PAIRS = 5  # of bags: a random half, and the other one
MOST = 8192  # unlabelled rows of a bag, at most
FEW = 8  # unlabelled rows below which a half says nothing and every bag takes all
ROUNDS = 60
RIDGE = 20.0  # penalty of the linear model, a column
FAR = 10.0  # spreads up to which the linear model follows a feature
ITERATIONS = 60
BLOCK = 4096  # rows that the linear model multiplies at once
SHAPE: Mapping[str, Any] = {
    "objective": "binary", "learning_rate": 0.1, "num_leaves": 8, "extra_trees": True,
    "feature_fraction_bynode": 0.5, "lambda_l2": 10.0, "min_data_in_leaf": 1,
    "min_sum_hessian_in_leaf": 1e-3, "min_data_in_bin": 1, "deterministic": True,
    "force_row_wise": True, "feature_pre_filter": False, "verbosity": -1,
}  # fmt: skip

Floats = NDArray[np.float64]
Features = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Bags:
    """What all bags learned.

    forest: one output a bag. center, width: (features,) float64. linear: (features + 1,) float64,
    mean coefficients over bags, of features scaled by these; the constant last.
    """

    forest: Forest
    center: Floats
    width: Floats
    linear: Floats

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self.forest)

    def trees(self, features: Features, threads: int = 1) -> Floats:
        """(rows, bags) log odds that a row is like the known ones, were these half of all.
        features: (rows, features)."""
        return self._scorer(features, np.empty((len(features), 0), np.int32), threads)

    def said(self, features: Features) -> Floats:
        """(rows, 2) the same by all trees, and by all linear models: means over bags."""
        line = product(scaled(features, self.center, self.width), self.linear)
        return np.column_stack([self.trees(features).mean(axis=1), line])

    def facts(self) -> dict[str, Any]:
        """Sizes of the forest."""
        return self.forest.facts()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""
        own = {"center": self.center, "width": self.width, "linear": self.linear}
        return {**own, **under({"forest": self.forest.arrays()})}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what could not be."""
        forest = Forest.restore(facts, below(arrays, "forest"))
        features = forest.n_numbers
        center, width = (kept(arrays, name, "float64", features) for name in ("center", "width"))
        if forest.slots or (width <= 0).any():
            raise ValueError("These are no bags.")
        return cls(forest, center, width, kept(arrays, "linear", "float64", features + 1))


def scaled(features: Features, center: Floats, width: Floats) -> Floats:
    """(rows, features): in spreads, FAR at most."""
    return np.asarray(np.clip((features - center) / width, -FAR, FAR), np.float64)


def product(scaled: Floats, coefficients: Floats) -> Floats:
    """(rows,) weighted sums. Not by a matrix product, whose bits depend on the rows beside."""
    parts = [
        (scaled[first : first + BLOCK] * coefficients[:-1]).sum(axis=1)
        for first in range(0, len(scaled), BLOCK)
    ]
    whole: Floats = np.concatenate([*parts, np.empty(0)]) + coefficients[-1]
    return whole


def fit_bags(
    features: Features,
    known: NDArray[np.bool_],
    chance: int,
    budget: Budget,
    threads: int,
    pairs: int = PAIRS,
) -> tuple[Bags, Floats]:
    """Learn the known rows. known: (rows,), at least one of either sort.

    Returns the bags, and (rows, 2) what trees and linear models say of each row: of unlabelled ones
    those that did not see it. At least one pair is made, however little time is left.
    Settings were chosen on development data (benchmarks/oddsets.py): there half or a fifth of the
    rows, 4 or 8 leaves, 30 to 100 rounds made little difference; random cuts gained half a point
    of AUROC and six of average precision with 5 known rows, features of the detectors six points.
    """
    center = features.mean(axis=0, dtype=np.float64)
    width = np.maximum(features.std(axis=0, dtype=np.float64), 1e-6)
    near = scaled(features, center, width)
    generator = np.random.default_rng(chance)
    boosters: list[Any] = []
    lines, outside = [], []
    for _ in range(pairs):
        if boosters and budget.stop():
            break
        for rows in _halves(known, generator):
            seed = int(generator.integers(1 << 31))
            boosters.append(_grown(features[rows], known[rows], seed, threads))
            lines.append(_line(near[rows], known[rows], budget))
            outside.append(~np.isin(np.arange(len(known)), rows))
    forest = forest_of(boosters, [ROUNDS] * len(boosters), features.shape[1], ())
    made = Bags(forest, center, width, np.mean(lines, axis=0))
    each = np.stack(outside, axis=1) | known[:, None]
    each |= ~each.any(axis=1, keepdims=True)  # too few rows for halves: all have seen it
    said = np.stack([product(near, one) for one in lines], axis=1)
    both = [np.average(one, axis=1, weights=each) for one in (made.trees(features, threads), said)]
    return made, np.stack(both, axis=1)


def _halves(
    known: NDArray[np.bool_], chance: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The known rows and half of the others, and the known ones and the other half."""
    others = chance.permutation(np.flatnonzero(~known))
    own, middle = np.flatnonzero(known), len(others) // 2
    pair = (others, others) if len(others) < FEW else (others[:middle], others[middle:])
    first, second = (np.sort(np.concatenate([own, half[:MOST]])) for half in pair)
    return first, second


def _balance(known: NDArray[np.bool_]) -> Floats:
    """(rows,) weights by which known and other rows count alike, 1 on average."""
    few = int(known.sum())
    return np.where(known, 0.5 * len(known) / few, 0.5 * len(known) / (len(known) - few))


def _grown(x: Features, known: NDArray[np.bool_], seed: int, threads: int) -> Any:
    """LightGBM's model of one bag."""
    params = {**SHAPE, "seed": seed, "num_threads": threads}
    data = lightgbm.Dataset(x, known.astype(float), weight=_balance(known), params=params)
    return lightgbm.train(params, data, ROUNDS)


def _line(scaled: Floats, known: NDArray[np.bool_], budget: Budget) -> Floats:
    """Coefficients of a logistic regression, the constant last; the penalty grows with the
    columns, of which there are more than known rows."""
    shrunk = 1 / np.sqrt(RIDGE * scaled.shape[1])
    x = np.concatenate([scaled * shrunk, np.ones((len(scaled), 1))], axis=1)
    data = (
        torch.from_numpy(x).float(),
        torch.from_numpy(known.astype(np.int64)),
        torch.from_numpy(_balance(known)).float(),
    )
    start = np.zeros((x.shape[1], 2), np.float32)
    both = solve(data, start, Problem("binary", 2), ITERATIONS, budget)[0].astype(np.float64)
    found = both[:, 1] - both[:, 0]
    return np.asarray(np.append(found[:-1] * shrunk, found[-1]))

"""Semi-supervised: the detectors, and what a few known anomalies teach beyond them.

In the manner of XGBOD (Zhao and Hryniewicki 2018): the detectors' scores stand beside the columns
as features of what learns the known rows (``bags.py``). The answer is the weighted mean of
trees, linear model and the detectors' own score, each in its spreads over the unlabelled rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from deeplode.detectors.bags import Bags, Features, Floats, fit_bags
from deeplode.detectors.detector import Arrays, checked, kept
from deeplode.detectors.ranks import SAME, Ranks, surprise
from deeplode.parts import below, under
from deeplode.runtime import Budget

LINE = 0.25  # weight of the linear model; that of the trees is 1 …
OWN = 0.5  # … and of the detectors' own score, over the root of the known rows
FOLDS = 5  # of the known rows, each scored by what did not learn it
FOLD_PAIRS = 1  # of bags a fold

Fit = Callable[[], tuple[Bags, Floats]]
Run = Callable[[str, Fit], tuple[Bags, Floats]]
"""Does a step of that name, or knows what came of it before."""


def at_once(name: str, fit: Fit) -> tuple[Bags, Floats]:
    """Do a step and keep nothing of it."""
    return fit()


@dataclass(frozen=True, eq=False)
class SemiSupervised:
    """Detectors and bags.

    weights, middle, spread: (3,) float64 of trees, linear model and detectors: weights sum up
    to 1, middle and spread are of their scores over unlabelled rows. usual: (columns,) float32,
    medians of the training rows. held: as ``Ranks.held``, of this score.
    """

    ranks: Ranks
    bags: Bags
    weights: Floats
    middle: Floats
    spread: Floats
    usual: Features
    held: Floats
    name: ClassVar[str] = "semi_supervised"

    def score(self, x: Tensor) -> Floats:
        """(rows,): weighted mean of the three, in spreads."""
        return combined(self._parts(x), self.weights, self.middle, self.spread)

    def _parts(self, x: Tensor) -> Floats:
        """(rows, 3)"""
        scores = {name: one.score(x) for name, one in self.ranks.members.items()}
        features = beside(self.ranks, x, scores)
        return np.column_stack([self.bags.said(features), self.ranks.combined(scores)])

    def blame(self, x: Tensor) -> Floats:
        """(rows, columns): what of the log odds goes away with a usual value in the column, of
        which the detectors' scores have a part; that part and their own goes by their blame."""
        x = checked(x, len(self.usual))
        scores = {name: one.score(x) for name, one in self.ranks.members.items()}
        features, columns = beside(self.ranks, x, scores), x.shape[1]
        usual = np.append(self.usual, self.bags.center[columns:])
        whole, found = self._learned(features), np.zeros(tuple(x.shape))

        def gone(at: int | slice) -> Floats:
            changed = features.copy()
            changed[:, at] = usual[at]
            return np.maximum(whole - self._learned(changed), 0)

        for at in range(columns):
            found[:, at] = gone(at)
        own = self.ranks.blame(x)
        own /= np.maximum(own.sum(axis=1, keepdims=True), 1e-12)
        gain = (self.ranks.combined(scores) - self.middle[2]) / self.spread[2] * self.weights[2]
        odd = gone(slice(columns, None)) + np.maximum(gain, 0)
        return np.asarray(found + own * odd[:, None])

    def _learned(self, features: Features) -> Floats:
        """(rows,) trees and linear model alone."""
        weights, middle, spread = (one[:2] for one in (self.weights, self.middle, self.spread))
        return combined(self.bags.said(features), weights, middle, spread)

    def facts(self) -> dict[str, Any]:
        """Of the detectors and the bags."""
        return {"ranks": self.ranks.facts(), "bags": self.bags.facts()}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Of both, under ``ranks.`` and ``bags.``, and what weighs them."""
        both = under({"ranks": self.ranks.arrays(), "bags": self.bags.arrays()})
        names = ("weights", "middle", "spread", "usual", "held")
        return {**both, **{name: getattr(self, name) for name in names}}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what could not be."""
        ranks = Ranks.restore(facts["ranks"], below(arrays, "ranks"))
        bags = Bags.restore(facts["bags"], below(arrays, "bags"))
        names = ("weights", "middle", "spread")
        weights, middle, spread = (kept(arrays, name, "float64", 3) for name in names)
        usual = kept(arrays, "usual", "float32", bags.forest.n_numbers - len(ranks.members))
        if (weights < 0).any() or abs(weights.sum() - 1) > 1e-6 or (spread <= 0).any():
            raise ValueError("These are no weights.")
        held = kept(arrays, "held", "float64", -1)
        return cls(ranks, bags, weights, middle, spread, usual, held)


def beside(ranks: Ranks, x: Tensor, scores: Mapping[str, Floats]) -> Features:
    """(rows, columns + members): the columns, and each member's score as -ln tail probability."""
    own = [surprise(ranks.bulks[name].out(scores[name])) for name in sorted(ranks.members)]
    return np.concatenate([x.numpy(), np.stack(own, axis=1)], axis=1).astype(np.float32)


def combined(parts: Floats, weights: Floats, middle: Floats, spread: Floats) -> Floats:
    """(rows,) weighted sum of scores in their spreads. parts: (rows, scores)."""
    return np.asarray(((parts - middle) / spread * weights).sum(axis=1))


def weigh(known: int) -> Floats:
    """(3,) of trees, linear model and detectors, which count the less the more is known: as the
    standard error of what so many rows say.

    On development data (benchmarks/oddsets.py; 1, 2, 5, 10 and 20 known rows) LINE from 0 to 1 and
    OWN from 0.5 to 1 were level within a point of AUROC from 5 rows on; without the detectors two
    points were lost at 1 and 2 rows, and with OWN = 2 five points of average precision at 5. To
    weigh the detectors by how high they rank the known rows was no better.
    """
    raw = np.array([1.0, LINE, OWN / np.sqrt(known)])
    return np.asarray(raw / raw.sum())


@dataclass(frozen=True)
class _Said:
    """Scores of all rows by what did not learn them, and how they are weighed."""

    parts: Floats
    middle: Floats
    spread: Floats

    @classmethod
    def of(cls, parts: Floats, known: NDArray[np.bool_]) -> _Said:
        """parts: (rows, 3)."""
        others = parts[~known]
        return cls(parts, others.mean(axis=0), np.maximum(others.std(axis=0), 1e-6))

    def score(self, rows: NDArray[Any], weights: Floats) -> Floats:
        """(rows,) of some of them."""
        return combined(self.parts[rows], weights, self.middle, self.spread)


def fit_semisupervised(
    ranks: Ranks,
    x: Tensor,
    known: NDArray[np.bool_],
    chance: int,
    budget: Budget,
    threads: int,
    scores: Mapping[str, Floats] | None = None,
    run: Run = at_once,
) -> tuple[SemiSupervised, Floats]:
    """Learn the known rows. x: (rows, columns) float32, those that ``ranks`` was fitted on. known:
    (rows,), at least one of either sort. scores: of ``ranks``' members, if they are there. run: by
    which the steps ``bags`` and ``fold 1`` … ``fold 5`` are kept, so that a killed run goes on.

    Returns the detector and each row's score by what had not seen it, or had not learned that it is
    known: halves of the unlabelled rows, folds of the known ones. A single known row, and those
    for whose fold no time was left, are scored by the detectors alone.
    """
    scores = scores or {name: one.score(x) for name, one in ranks.members.items()}
    features, plain = beside(ranks, x, scores), ranks.combined(scores)
    bags, out = run("bags", lambda: fit_bags(features, known, chance, budget, threads))
    whole = _Said.of(np.column_stack([out, plain]), known)
    weights = weigh(int(known.sum()))
    honest = whole.score(np.arange(len(known)), weights)
    order = np.random.default_rng(chance).permutation(np.flatnonzero(known))
    alone = _Said.of(np.column_stack([plain, plain, plain]), known)
    honest[order] = alone.score(order, weights)
    for fold in range(FOLDS if len(order) > 1 else 0):
        rows = order[fold::FOLDS]
        if not len(rows) or budget.stop():
            break
        rest = np.setdiff1d(np.arange(len(known)), rows)
        told = (features[rest], known[rest], chance + 1 + fold, budget, threads, FOLD_PAIRS)
        one, out = run(f"fold {fold + 1}", partial(fit_bags, *told))
        said = _Said.of(np.column_stack([out, plain[rest]]), known[rest])
        parts = np.column_stack([one.said(features[rows]), plain[rows]])
        honest[rows] = combined(parts, weights, said.middle, said.spread)
    usual = np.median(x.numpy(), axis=0).astype(np.float32)
    some = np.random.default_rng(chance).permutation(len(known))[:SAME]
    held = honest[np.sort(some)]
    return SemiSupervised(ranks, bags, weights, whole.middle, whole.spread, usual, held), honest

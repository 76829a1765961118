"""Blend: several scorers' answers as one, weighted by what validation users took next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from deeplode.recommenders.histories import Histories
from deeplode.recommenders.question import Question
from deeplode.recommenders.scorer import Scorer

PENALTY = 1e-3  # on squared weights, so that scorers that say the same share them
MOST_SCORES = 60_000_000  # scores of all scorers together that weights are found by
LEAST = 0.02  # share of the largest weight below which a scorer is left out

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Blend:
    """scorers: by name. weights: of each; above 0."""

    scorers: Mapping[str, Scorer]
    weights: Mapping[str, float]

    def scores(self, histories: Histories) -> Floats:
        """(users, items): the weighted sum of standardised scores."""
        total = np.zeros((len(histories), histories.items), np.float32)
        for name, weight in self.weights.items():
            total += np.float32(weight) * standard(self.scorers[name].scores(histories))
        return total


def standard(scores: Floats) -> Floats:
    """Each user's scores with mean 0 and spread 1 over the items; 0 where all are equal."""
    mean = scores.mean(1, keepdims=True, dtype=np.float64)
    spread = scores.std(1, keepdims=True, dtype=np.float64)
    safe = np.where(spread > 1e-12, spread, np.inf)
    return ((scores - mean) / safe).astype(np.float32)


def fit_blend(scorers: Mapping[str, Scorer], question: Question, seed: int) -> Blend:
    """The weights that make what validation users took likeliest.

    P(item) = softmax over unseen items of the weighted sum of standardised scores (conditional
    logit, McFadden 1974), weights >= 0; each user counts alike.
    """
    items = question.wanted.items
    own = question.few(max(50, MOST_SCORES // max(items * len(scorers), 1)), seed)
    z = np.stack([standard(one.scores(own.histories)) for one in scorers.values()])
    z[:, own.seen.user, own.seen.item] = 0.0
    open_ = np.ones(z.shape[1:], bool)
    open_[own.seen.user, own.seen.item] = False
    share = (1.0 / own.wanted.length)[own.wanted.user]
    taken = np.einsum("mn,n->m", z[:, own.wanted.user, own.wanted.item], share) / len(own)
    found = minimize(
        _loss, np.full(len(z), 1.0 / len(z)), (z, open_, taken), jac=True, method="L-BFGS-B",
        bounds=[(0.0, None)] * len(z), options={"maxiter": 60},
    )  # fmt: skip
    weights = np.where(found.x >= LEAST * found.x.max(), found.x, 0.0)
    named = {name: float(one) for name, one in zip(scorers, weights, strict=True) if one > 0}
    return Blend({name: scorers[name] for name in named}, named)


def _loss(
    weights: NDArray[np.float64], z: Floats, open_: NDArray[np.bool_], taken: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Mean negative log likelihood, and its gradient. z: (scorers, users, items)."""
    logits = np.tensordot(weights.astype(np.float32), z, 1)
    logits[~open_] = -np.inf
    peak = logits.max(1, keepdims=True)
    chance = np.exp(logits - peak)
    size = chance.sum(1, keepdims=True, dtype=np.float64)
    chance /= size.astype(np.float32)
    expected = np.einsum("ui,mui->m", chance, z, optimize=True) / len(chance)
    total = float((np.log(size) + peak).mean())
    value = total - float(weights @ taken) + 0.5 * PENALTY * float(weights @ weights)
    return value, expected - taken + PENALTY * weights

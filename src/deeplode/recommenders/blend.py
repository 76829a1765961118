"""Blend: several scorers' answers as one, weighted by what validation users took next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.ranking import by_user, hits, top
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.question import AT, Question, blocks, without
from deeplode.recommenders.scorer import Scorer

DEPTH = 50  # best items of each scorer among which those of the blend are sought
ROUNDS = 20  # times that a scorer is added
BAGS = 8  # halves of the users that weights are found on
MOST_USERS = 2_000  # that weights are found by
LEAST = 0.03  # share of all weight below which a scorer is left out

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Blend:
    """scorers: by name. weights: of each; above 0."""

    scorers: Mapping[str, Scorer]
    weights: Mapping[str, float]

    def scores(self, histories: Histories) -> Floats:
        """(users, items): the weighted sum of standardised scores."""
        total: Floats = np.zeros((len(histories), histories.items), np.float32)
        for name in sorted(self.weights):  # sums must not depend on how a file orders names
            weight = np.float32(self.weights[name])
            total += weight * standard(self.scorers[name].scores(histories))
        return total


def standard(scores: Floats) -> Floats:
    """Each user's scores with mean 0 and spread 1 over the items; 0 where all are equal."""
    gap = scores - scores.mean(1, keepdims=True, dtype=np.float64)
    spread = np.sqrt(np.square(gap).mean(1, keepdims=True))
    safe = np.where(spread > 1e-12, spread, np.inf)
    return np.asarray(gap / safe, np.float32)


def fit_blend(scorers: Mapping[str, Scorer], question: Question, seed: int) -> Blend:
    """The weights with which validation users find most of what they took next (mean NDCG@10).

    Scorers are added one by one, with replacement, the one that helps most first, on halves of the
    users; the mean of what the halves chose is the answer (Caruana et al. 2004).
    """
    own = question.few(MOST_USERS, seed)
    z, hit = _candidates(list(scorers.values()), own)
    chance = np.random.default_rng(seed)
    total = np.zeros(len(scorers))
    for _ in range(BAGS if len(scorers) > 1 else 1):
        half = np.sort(chance.permutation(len(own))[: max(1, len(own) // 2)])
        total += _added(z[:, half], hit[half], own.wanted.length[half])
    shares = np.where(total >= LEAST * total.sum(), total, 0.0)
    named = {name: float(one) for name, one in zip(scorers, shares / shares.sum(), strict=True)}
    kept = {name: one for name, one in named.items() if one > 0}
    return Blend({name: scorers[name] for name in kept}, kept)


def _candidates(scorers: list[Scorer], question: Question) -> tuple[Floats, NDArray[np.bool_]]:
    """(scorers, users, n) standardised scores of the items that any scorer puts among its first,
    -inf behind the last, and (users, n) whether the user took each."""
    users, width = len(question), DEPTH * len(scorers)
    z = np.full((len(scorers), users, width), -np.inf, np.float32)
    hit, widest = np.zeros((users, width), bool), 0
    for rows in blocks(users, question.wanted.items):
        own = question.rows(rows)
        every = [standard(one.scores(own.histories)) for one in scorers]
        first = np.concatenate([_first(one, own) for one in every], 1)
        first = _once(first, question.wanted.items)
        widest, real = max(widest, first.shape[1]), first >= 0
        for at, one in enumerate(every):
            taken = np.take_along_axis(one, np.maximum(first, 0), 1)
            z[at, rows, : first.shape[1]] = np.where(real, taken, -np.inf)
        hit[rows, : first.shape[1]] = hits(first, own.wanted.start, own.wanted.item)
    return z[:, :, :widest], hit[:, :widest]


def _once(found: Ints, items: int) -> Ints:
    """(users, n) different items of each row, in order; -1 behind the last."""
    ordered = np.sort(np.where(found < 0, items, found), axis=1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = items
    ordered = np.sort(ordered, axis=1)[:, : int((ordered < items).sum(1).max(initial=0))]
    return np.where(ordered < items, ordered, -1)


def _first(scores: Floats, question: Question) -> Ints:
    """(users, at most DEPTH) unseen items with the highest scores, in no order; -1 = none."""
    open_ = without(scores.copy(), question.seen)
    depth = min(DEPTH, open_.shape[1])
    best = np.argpartition(-open_, depth - 1, axis=1)[:, :depth]
    return np.where(np.isneginf(np.take_along_axis(open_, best, 1)), -1, best)


def _added(z: Floats, hit: NDArray[np.bool_], wanted: Ints) -> NDArray[np.float64]:
    """(scorers,) how often each was added, until the best mean NDCG was reached; shares."""
    count = np.zeros(len(z))
    total = np.zeros_like(z[0])
    best, answer = -1.0, count
    for _ in range(ROUNDS):
        values = [_quality(total + one, hit, wanted) for one in z]
        at = int(np.argmax(values))
        count = count + (np.arange(len(z)) == at)
        total = total + z[at]
        if values[at] > best:
            best, answer = values[at], count
    return np.asarray(answer / answer.sum())


def _quality(scores: Floats, hit: NDArray[np.bool_], wanted: Ints) -> float:
    """Mean NDCG@10 of candidates by their scores."""
    best = top(scores, AT)
    found = np.take_along_axis(hit, np.maximum(best, 0), 1) & (best >= 0)
    return float(by_user(found, wanted, AT)["ndcg"].mean())

"""Ranking: how far up the items stand that users took next."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
CERTAIN = 1.96  # standard errors each way that hold 95 %
METRICS = ("ndcg", "recall", "mrr", "hit", "precision")


def top(scores: NDArray[np.float32], k: int) -> Ints:
    """(users, at most k) int64 items with the highest scores, the best first; of equals the first
    item. scores: (users, items); -inf = out of the question, and never among them but as -1."""
    k = min(k, scores.shape[1])
    if not k:
        return np.zeros((len(scores), 0), np.int64)
    # The value of the last place is found without putting all in order, and ties are settled after.
    least = torch.topk(torch.from_numpy(np.ascontiguousarray(scores)), k).values[:, -1:].numpy()
    chosen = scores >= least
    tied = np.flatnonzero(chosen.sum(1) > k)
    if len(tied):
        above, equal = scores[tied] > least[tied], scores[tied] == least[tied]
        lack = k - above.sum(1, keepdims=True)
        chosen[tied] = above | (equal & (np.cumsum(equal, axis=1, dtype=np.int32) <= lack))
    best = np.nonzero(chosen)[1].reshape(len(scores), k)
    own = np.take_along_axis(scores, best, 1)
    order = np.argsort(-own, axis=1, kind="stable")
    rank, own = np.take_along_axis(best, order, 1), np.take_along_axis(own, order, 1)
    return np.where(np.isneginf(own), -1, rank)


def hits(ranked: Ints, start: Ints, item: Ints) -> NDArray[np.bool_]:
    """(users, k): whether a user took each ranked item. start, item: what users took next, as
    Histories has them."""
    span = int(max(ranked.max(initial=0), item.max(initial=0))) + 2
    owner = np.repeat(np.arange(len(ranked)), np.diff(start))
    taken = np.unique(owner * span + item)
    asked = np.arange(len(ranked))[:, None] * span + ranked
    found = np.isin(asked, taken, kind="sort")
    return found & (ranked >= 0)


def by_user(hit: NDArray[np.bool_], wanted: Ints, k: int) -> dict[str, Floats]:
    """(users,) of each metric at k. hit: (users, at most k). wanted: (users,) different items that
    each took, at least 1.

    ndcg: gain 1 for a hit, discount log2(rank + 1), over the best that is possible (Järvelin,
    Kekäläinen 2002). recall: over all wanted. mrr: 1 / rank of the first hit (Voorhees 1999).
    """
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    best = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(wanted, k)]
    count = hit.sum(1)
    first = np.where(count > 0, 1.0 / (hit.argmax(1) + 1.0), 0.0) if hit.shape[1] else count * 0.0
    return {
        "ndcg": hit @ discount[: hit.shape[1]] / best,
        "recall": count / wanted,
        "mrr": first,
        "hit": (count > 0).astype(np.float64),
        "precision": count / k,
    }


def mean(values: Floats) -> dict[str, float | None]:
    """A mean over users with its 95 % interval, by the normal law; none for fewer than two."""
    value = float(values.mean())
    if len(values) < 2:
        return {"value": value, "low": None, "high": None}
    error = CERTAIN * float(values.std(ddof=1)) / math.sqrt(len(values))
    return {"value": value, "low": value - error, "high": value + error}


def table(values: Mapping[str, Floats], k: int) -> dict[str, dict[str, float | None]]:
    """``metrics`` of result.json: {``ndcg@10``: {value, low, high}, …}."""
    return {f"{name}@{k}": mean(values[name]) for name in METRICS}


def gini(counts: Ints) -> float:
    """How unevenly recommendations fall on items: 0 = all alike, 1 = all on one. counts: (items,)
    how often each is recommended (Gini 1912)."""
    if not counts.sum():
        return 0.0
    rising = np.sort(counts).astype(np.float64)
    n = len(rising)
    return float((2 * np.arange(1, n + 1) - n - 1) @ rising / (n * rising.sum()))


def novelty(ranked: Ints, popularity: Ints, users: int) -> float:
    """Mean surprise of what is recommended, in bits: -log2 of the share of users that had an item
    (Zhou et al. 2010). popularity: (items,) users of each, unseen ones count as half a user."""
    shares = np.maximum(popularity, 0.5) / max(users, 1)
    own = ranked[ranked >= 0]
    return float(-np.log2(shares[own]).mean()) if len(own) else 0.0

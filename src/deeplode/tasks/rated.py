"""Rated: every way of recommending, on what test users took next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.ranking import gini, mean, novelty, table
from deeplode.messages import Notice
from deeplode.recommenders.question import AT, Question, judged, ranked
from deeplode.recommenders.ways import WAYS
from deeplode.tasks.recommend import FALLBACK, Learned

BLEND = "blend"
HEAD = 0.1  # share of the items that are the most popular ones

Ints = NDArray[np.int64]
Figures = dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class Rated:
    """How good lists were. found: (users, 10) items of each way, by name. values: (users,) of each
    metric. seconds: that the lists took."""

    found: Mapping[str, Ints]
    values: Mapping[str, Mapping[str, NDArray[np.float64]]]
    seconds: Mapping[str, float]

    def metrics(self, name: str) -> Figures:
        """Of a way, with intervals over users."""
        return table(self.values[name], AT)

    def gain(self, name: str, other: str) -> dict[str, float | None]:
        """By how much the NDCG of one is above that of another, user by user, with its interval."""
        return mean(self.values[name]["ndcg"] - self.values[other]["ndcg"])


@dataclass(frozen=True)
class Lead:
    """The way that did best on the test and the next after it. gain: by how much NDCG is above that
    of the second, user by user, with its interval."""

    first: str
    second: str
    gain: Mapping[str, float | None]

    @property
    def real(self) -> bool:
        """Whether it is more than chance."""
        return self.gain["low"] is not None and self.gain["low"] > 0


def rate(learned: Learned, question: Question) -> Rated:
    """Lists of every way and of the blend, for all users asked."""
    found, values, seconds = {}, {}, {}
    scorers: dict[str, Any] = {**learned.scorers, BLEND: learned.blend}
    for name, one in scorers.items():
        began = monotonic()
        found[name] = ranked(one.scores, question)
        seconds[name] = monotonic() - began
        values[name] = judged(found[name], question.wanted)
    return Rated(found, values, seconds)


def spread(found: Ints, popularity: Ints, users: int) -> dict[str, float]:
    """What lists are like. coverage: share of all items that anybody is recommended. gini: how
    unevenly. novelty: in bits. head: share of recommendations that are among the most popular
    tenth. popularity: (items,) users of each, of ``users``."""
    own = found[found >= 0]
    counts = np.bincount(own, minlength=len(popularity))
    return {
        "coverage": float((counts > 0).mean()),
        "gini": gini(counts),
        "novelty": novelty(found, popularity, users),
        "head": float(counts[most_popular(popularity)].sum() / max(1, counts.sum())),
    }


def most_popular(popularity: Ints) -> Ints:
    """The items of the most popular tenth, at least one."""
    count = max(1, round(HEAD * len(popularity)))
    return np.argsort(-popularity, kind="stable")[:count]


def best(learned: Learned, deep: bool) -> str | None:
    """The way, net or not, that served validation users best; of equals the first."""
    own = [name for name in learned.scorers if WAYS[name].deep == deep and name != FALLBACK]
    return max(own, key=lambda name: max(learned.tried[name]), default=None)


def rival(learned: Learned, rated: Rated) -> str:
    """The way without a net that did best on the test: who says that nets pay must beat it."""
    plain = [name for name in learned.scorers if not WAYS[name].deep]
    return max(plain, key=lambda name: float(rated.values[name]["ndcg"].mean()), default=FALLBACK)


def lead(learned: Learned, rated: Rated) -> Lead | None:
    """Who did best; a blend of one way is that way. None where there is one alone."""
    several = len(learned.blend.weights) > 1
    names = [*([BLEND] if several else []), *learned.scorers]
    if len(names) < 2:
        return None
    value = {name: float(rated.values[name]["ndcg"].mean()) for name in names}
    first, second = sorted(names, key=lambda name: -value[name])[:2]
    return Lead(first, second, rated.gain(first, second))


def taste(rated: Rated | None) -> bool | None:
    """Whether the blend is better than what is popular, beyond chance; None where too few were
    asked to tell."""
    gain = None if rated is None else rated.gain(BLEND, FALLBACK)
    return None if gain is None or gain["low"] is None else gain["low"] > 0


def doubts(rated: Rated | None) -> tuple[Notice, ...]:
    """What to tell where the gain over what is popular may be chance."""
    if rated is None or taste(rated) is not False:
        return ()
    gain = rated.gain(BLEND, FALLBACK)
    return (Notice("W-REC-014", None, {**gain, "users": len(rated.values[BLEND]["ndcg"])}),)


def pays(learned: Learned, rated: Rated) -> bool | str:
    """Whether nets pay: the blend that holds some is better than the best way that is no net."""
    plain = rival(learned, rated)
    if best(learned, deep=True) is None:
        return "unclear"
    if not any(WAYS[name].deep for name in learned.blend.weights):
        return False
    gain = rated.gain(BLEND, plain)
    if gain["low"] is None or gain["high"] is None or gain["low"] <= 0 <= gain["high"]:
        return "unclear"
    return gain["low"] > 0

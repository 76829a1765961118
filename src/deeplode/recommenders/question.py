"""Question: what users took next, and how far up a scorer puts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.ranking import by_user, hits, top
from deeplode.recommenders.histories import Histories

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Score = Callable[[Histories], Floats]  # (users, items)

CELLS = 4_000_000  # users times items that are scored at once
AT = 10  # length of the lists that are judged


@dataclass(frozen=True, eq=False)
class Question:
    """Histories, and what their users took after.

    histories: what scorers are told. seen: what is out of the question. wanted: what users took
    next, each once, none of it seen; everybody has at least one. All of the same users.
    """

    histories: Histories
    seen: Histories
    wanted: Histories

    def __len__(self) -> int:
        return len(self.wanted)

    def rows(self, index: Ints) -> Question:
        """That of some users."""
        return Question(*(one.rows(index) for one in (self.histories, self.seen, self.wanted)))

    def few(self, most: int, seed: int) -> Question:
        """That of at most so many users, drawn by chance."""
        if len(self) <= most:
            return self
        return self.rows(np.sort(np.random.default_rng(seed).permutation(len(self))[:most]))


def ask(histories: Histories, seen: Histories, next_: Histories) -> tuple[Question, Ints]:
    """What users took of ``next_`` that they had not seen, and (asked,) which users those are."""
    cells = np.unique(next_.user * next_.items + next_.item)
    before = seen.user * seen.items + seen.item
    user, item = np.divmod(cells[~np.isin(cells, before)], max(next_.items, 1))
    asked, owner = np.unique(user, return_inverse=True)
    wanted = Histories.of(len(asked), next_.items, owner, item)
    return Question(histories.rows(asked), seen.rows(asked), wanted), asked


def blocks(users: int, items: int) -> Iterator[Ints]:
    """Users in blocks that are scored at once."""
    size = max(1, CELLS // max(items, 1))
    for start in range(0, users, size):
        yield np.arange(start, min(start + size, users))


def without(scores: Floats, seen: Histories) -> Floats:
    """The scores with -inf where an item was seen. Changes them. scores: (users, items)."""
    scores[seen.user, seen.item] = -np.inf
    return scores


def ranked(score: Score, question: Question, k: int = AT) -> Ints:
    """(users, k) int64 items from the likeliest on, -1 behind the last."""
    found = np.full((len(question), k), -1)
    for rows in blocks(len(question), question.wanted.items):
        own = question.rows(rows)
        best = top(without(score(own.histories), own.seen), k)
        found[rows, : best.shape[1]] = best
    return found


def judged(found: Ints, wanted: Histories) -> dict[str, NDArray[np.float64]]:
    """(users,) of each metric. found: (users, k) as ``ranked`` gives them."""
    hit = hits(found, wanted.start, wanted.item)
    return by_user(hit, wanted.length, found.shape[1])


def quality(score: Score, question: Question) -> float:
    """Mean NDCG@10; 0 where nobody is asked."""
    if not len(question):
        return 0.0
    return float(judged(ranked(score, question), question.wanted)["ndcg"].mean())


def ranks(score: Score, question: Question) -> tuple[Ints, Floats]:
    """(wanted,) the place of each wanted item among the unseen, from 1 on, and its score."""
    place = np.empty(len(question.wanted.item), np.int64)
    value = np.empty(len(question.wanted.item), np.float32)
    for rows in blocks(len(question), question.wanted.items):
        own = question.rows(rows)
        scores = without(score(own.histories), own.seen)
        user, item = own.wanted.user, own.wanted.item
        mine = scores[user, item]
        above = np.array(
            [int((scores[u] > m).sum() + (scores[u, :i] == m).sum())
             for u, i, m in zip(user, item, mine, strict=True)], np.int64
        )  # fmt: skip
        at = slice(question.wanted.start[rows[0]], question.wanted.start[rows[-1] + 1])
        place[at], value[at] = above + 1, mine
    return place, value

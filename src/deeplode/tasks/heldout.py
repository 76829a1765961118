"""Held out: what is learned from, what settings are chosen by, and what is tested on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deeplode.data.holdout import (
    FEWEST,
    TEST,
    TRAIN,
    VALID,
    by_chance,
    by_column,
    by_last,
    by_time,
)
from deeplode.data.role import serving
from deeplode.data.table import Table
from deeplode.messages import Notice
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.question import Question, ask
from deeplode.tasks.gathered import Gathered, with_features

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """how: time, last, random or column. part: (interactions,) TRAIN, VALID or TEST. train:
    histories of all users to learn from. before: those with what settings are chosen by. valid,
    test: questions to users that have a history. asked: (test users,) their places. new: users of
    the test without any history.
    """

    how: str
    part: Ints
    train: Histories
    before: Histories
    valid: Question
    test: Question
    asked: Ints
    new: int
    notices: tuple[Notice, ...] = ()

    def few(self, most: int, seed: int) -> HeldOut:
        """The same with a test of at most so many users, drawn by chance, and a notice of it."""
        users = len(self.test)
        if users <= most:
            return self
        rows = np.sort(np.random.default_rng(seed).permutation(users)[:most])
        notice = Notice("W-REC-013", None, {"count": most, "users": users})
        return replace(self, test=self.test.rows(rows), asked=self.asked[rows],
                       notices=(*self.notices, notice))  # fmt: skip


def hold_out(
    gathered: Gathered,
    table: Table,
    how: str | None,
    column: str | None,
    seed: int,
    features: NDArray[np.float32] | None = None,
    published: bool = False,
) -> HeldOut:
    """Split interactions. how: time, last or random; None = by time where times are known, each
    user's last ones where that leaves too few users to test on, else by chance. column: that says
    the part of each row. published: the test is told what was learned from, not the validation
    part. Raises DataError where a column holds other words.
    """
    liked = gathered.liked
    if column is not None:
        serving(table, "split_column", column)
        return _of("column", gathered, by_column(liked, table, column, seed), features, published)
    if how == "last":
        return _of("last", gathered, by_last(liked), features, published)
    if how == "random" or liked.time is None:
        return _of("random", gathered, by_chance(liked, seed), features, published)
    made = _of("time", gathered, by_time(liked), features, published)
    if how == "time" or min(len(made.test), len(made.valid)) >= FEWEST:
        return made
    last = _of("last", gathered, by_last(liked), features, published)
    if min(len(last.test), len(last.valid)) <= min(len(made.test), len(made.valid)):
        return made
    told = {"users": min(len(made.test), len(made.valid))}
    return replace(last, notices=(Notice("W-REC-007", None, told),))


def _of(
    how: str,
    gathered: Gathered,
    part: Ints,
    features: NDArray[np.float32] | None,
    published: bool,
) -> HeldOut:
    train = with_features(gathered.histories(part == TRAIN), features)
    before = with_features(gathered.histories(part != TEST), features)
    valid, _, _ = _asked(train, train, gathered.histories(part == VALID))
    told = train if published else before
    test, asked, new = _asked(told, before, gathered.histories(part == TEST))
    return HeldOut(how, part, train, before, valid, test, asked, new)


def _asked(histories: Histories, seen: Histories, next_: Histories) -> tuple[Question, Ints, int]:
    """A question to those with a history, their places, and how many have none."""
    question, asked = ask(histories, seen, next_)
    known = np.flatnonzero(question.histories.length > 0)
    return question.rows(known), asked[known], len(asked) - len(known)

"""Scoring time: how long blending and scoring will take, so that learning ends in time for them."""

from __future__ import annotations

from time import monotonic

import numpy as np

from deeplode.recommenders.blend import MOST_USERS
from deeplode.recommenders.question import Question, ranked
from deeplode.recommenders.scorer import Scorer
from deeplode.runtime import Budget

PROBED = 64  # users that are ranked to see how long it takes
BLENDED = 4.0  # rankings' time that a user takes in the blend
JUDGED = 4.0  # rankings' time that a test user takes: by each way, by the blend, and its places
MOST_SHARE = 0.3  # of the time limit that is kept for both
FEWEST = 200  # users that are scored however short the time
MOST = 50_000  # users whose scores are as sure as anybody needs


def seconds_each(scorer: Scorer, question: Question) -> float:
    """Seconds that a user's ranking takes."""
    if not len(question):
        return 0.0
    few = question.rows(np.arange(min(PROBED, len(question))))
    began = monotonic()
    ranked(scorer.scores, few)
    return (monotonic() - began) / len(few)


def kept_for_scores(each: list[float], valid: int, tests: int, budget: Budget) -> float:
    """Seconds to keep for what comes after learning. each: of every way so far; one more is taken
    to be like them. valid, tests: users."""
    if not each or budget.deadline == float("inf"):
        return 0.0
    users = BLENDED * min(valid, MOST_USERS) + JUDGED * min(tests, MOST)
    return min(sum(each) * (1 + 1 / len(each)) * users, MOST_SHARE * budget.seconds)


def seconds_to_score(each: float, tests: int, budget: Budget) -> float:
    """Seconds to keep for the lists of test users. each: seconds that all ways take."""
    if budget.deadline == float("inf"):
        return 0.0
    return min(JUDGED * each * min(tests, MOST), MOST_SHARE * budget.seconds)


def users_to_score(users: int, each: float, budget: Budget) -> int:
    """How many of the test users there is time to score. each: seconds that all ways take."""
    if budget.deadline == float("inf") or not each:
        return min(users, MOST)
    return min(users, MOST, max(FEWEST, int(budget.left() / (JUDGED * each))))

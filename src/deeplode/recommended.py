"""Recommended: from tables of interactions, items and users to a model and its facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.holdout import TEST
from deeplode.data.interactions import InteractionColumns
from deeplode.data.table import Table
from deeplode.errors import OptionError
from deeplode.messages import Notice
from deeplode.progress import Listen, silent
from deeplode.recommenders.blend import Blend
from deeplode.recommenders.question import ranks
from deeplode.recommendfacts import Told, facts_of
from deeplode.recommendoptions import PUBLISHED_COUNT, PUBLISHED_RATING, RecommendOptions
from deeplode.runtime import Budget
from deeplode.tasks.catalogue import NO_HISTORY, Catalogue
from deeplode.tasks.gathered import Gathered, Wish, gather, with_features
from deeplode.tasks.heldout import HeldOut, hold_out
from deeplode.tasks.listed import opened
from deeplode.tasks.rated import doubts, rate
from deeplode.tasks.recommend import COLUMNS, FALLBACK, REASONS, Learned, Settings, again, learn
from deeplode.tasks.recommendmodel import RecommendModel
from deeplode.tasks.recommendroom import planned, room, scorer_room
from deeplode.tasks.scoringtime import seconds_to_score, users_to_score
from deeplode.tasks.things import Beside, Things, of_items, of_users

AGAIN = 0.4  # share of the time that is kept for learning again with the validation part

Tables = Mapping[str, Table]


@dataclass(frozen=True, eq=False)
class Made:
    """A model and what to tell of it.

    tests: each test interaction with the place that the model gave it. stock: (items,) what is
    there to be recommended now; None = everything. planned: bytes.
    """

    model: RecommendModel
    facts: dict[str, Any]
    tests: pl.DataFrame
    stock: NDArray[np.bool_] | None
    planned: int
    notices: tuple[Notice, ...]


def make(
    table: Table,
    beside: Tables,
    told: RecommendOptions,
    budget: Budget,
    threads: int,
    checkpoint: Path | None = None,
    listen: Listen = silent,
) -> Made:
    """Learn from interactions, and score what was learned on those held out.

    beside: tables by name: items, users, only, exclude. Raises DataError for data that cannot be
    learned from, LimitError where the budget is too small for any model.
    """
    columns = columns_of(told, table)
    gathered = gather(table, columns, wish_of(told))
    if "items" in beside and told.protocol is None and columns.item in beside["items"].names:
        gathered = gathered.with_items(beside["items"].frame[columns.item])
    liked = gathered.liked
    size = int(table.frame.estimated_size())
    sizes = size, len(liked), len(liked.users), len(liked.items)
    memory = scorer_room(told.memory_bytes, room(*sizes), len(liked))
    known = things(gathered, beside, columns, told)
    how = told.split or (None if told.protocol is None else "random")
    held = hold_out(gathered, table, how, told.split_column, told.seed,
                    known.user_features, told.protocol is not None and how == "random")  # fmt: skip
    settings = Settings(told.seed, threads, liked.time is not None, memory,
                        known.item_features, checkpoint, len(held.test))  # fmt: skip
    every = with_features(gathered.histories(), known.user_features)
    catalogue = Catalogue(columns, liked.users, liked.items, known.titles, every,
                          gathered.disliked, gathered.least)  # fmt: skip
    opened(catalogue, beside, known.stock)  # what is wrong with the lists is said before learning
    learned = _learned(held, told, settings, budget, listen)
    listen("stage", name="score")
    held = held.few(users_to_score(len(held.test), learned.each, budget), told.seed)
    rated = rate(learned, held.test) if len(held.test) else None
    model = model_of(learned, catalogue, told.top, known)
    facts = facts_of(Told(table, gathered, held, learned, rated, model, told))
    tests = test_rows(model, held, gathered)
    if told.refit:
        learned = again(learned, every, "every", settings, budget, listen)
        model = model_of(learned, catalogue, told.top, known)
    notices = (*gathered.notices, *known.notices, *held.notices, *learned.notices,
               *doubts(rated))  # fmt: skip
    return Made(model, facts, tests, known.stock, planned(*sizes, memory), notices)


def _learned(
    held: HeldOut, told: RecommendOptions, settings: Settings, budget: Budget, listen: Listen
) -> Learned:
    """Settings and weights by the validation part, and then, but in published protocols, everything
    learned again with it."""
    if told.protocol is not None or not len(held.valid):
        return learn(held.train, held.valid, settings, budget, listen)
    limited = budget.deadline < float("inf")
    first = budget.until(AGAIN * budget.left()) if limited else budget
    learned = learn(held.train, held.valid, settings, first, listen)
    left = budget.until(seconds_to_score(learned.each, len(held.test), budget))
    return again(learned, held.before, "before", settings, left, listen)


def columns_of(told: RecommendOptions, table: Table) -> InteractionColumns:
    """Which column says what. Raises OptionError where the user or item column is not named."""
    if told.user is None or told.item is None:
        missing = "user" if told.user is None else "item"
        raise OptionError("E-OPT-243", option=missing, columns=", ".join(table.names[:20]))
    return InteractionColumns(told.user, told.item, told.rating, told.timestamp)


def wish_of(told: RecommendOptions) -> Wish:
    """What to learn from. A published protocol has its own answers."""
    wish = Wish(told.min_rating, told.min_count, told.duplicates, told.most_bad)
    if told.protocol is None:
        return wish
    least = PUBLISHED_RATING if told.rating is not None else None
    return replace(wish, min_rating=least, min_count=PUBLISHED_COUNT)


def things(
    gathered: Gathered, beside: Tables, columns: InteractionColumns, told: RecommendOptions
) -> Things:
    """What the tables beside the interactions tell of items and users."""

    def of(name: str, key: str) -> Beside:
        return Beside(beside[name], key, kinds_of(name, beside, told.kinds or {}),
                      told.drop, told.seed, told.most_bad)  # fmt: skip

    found = Things()
    if "items" in beside:
        found = of_items(of("items", columns.item), gathered.liked.items, told.in_stock)
    if "users" in beside:
        users = of_users(of("users", columns.user), gathered.liked.users)
        notices = found.notices + users.notices
        found = replace(found, user_features=users.user_features, of_users=users.of_users,
                        notices=notices)  # fmt: skip
    return found


def kinds_of(name: str, beside: Tables, kinds: Mapping[str, str]) -> dict[str, str]:
    """The kinds given for columns of one table; those that no table has are of every one."""
    others = {column for other in ("items", "users") if other in beside and other != name
              for column in beside[other].names}  # fmt: skip
    own = beside[name].names
    return {column: kind for column, kind in kinds.items() if column in own or column not in others}


def model_of(learned: Learned, catalogue: Catalogue, top: int, known: Things) -> RecommendModel:
    """The model with the scorers that it needs."""
    needed = {FALLBACK, REASONS, COLUMNS, learned.alone, *learned.blend.weights}
    scorers = {name: one for name, one in learned.scorers.items() if name in needed}
    blend = Blend(scorers, learned.blend.weights)
    return RecommendModel(catalogue, blend, top, learned.alone, known.of_items, known.of_users)


def test_rows(model: RecommendModel, held: HeldOut, gathered: Gathered) -> pl.DataFrame:
    """Each test interaction with the place that the model gave it among all unseen items: id,
    user, item, rank, score, flags: ``seen`` where the user had it before, ``no_history`` where
    there was nothing to go by, ``not_scored`` of users there was no time for. In the order of the
    source."""
    liked, at = gathered.liked, held.test.wanted
    rank, score = ranks(model.scores, held.test)
    asked = pl.DataFrame(
        {"user": held.asked[at.user], "item": at.item, "rank": rank, "score": score.astype(float)}
    )
    tests = np.flatnonzero(held.part == TEST)
    tests = tests[np.argsort(liked.row[tests], kind="stable")]
    pair = pl.DataFrame({"id": liked.row, "user": liked.user, "item": liked.item})
    before = pair.filter(held.part != TEST).select("user", "item", again=True).unique()
    made = pair[tests]
    for more in (asked, before):
        made = made.join(more, on=["user", "item"], how="left", maintain_order="left")
    told = pl.col("user").is_in(before["user"].unique().to_list())
    unseen = pl.when(told).then(pl.lit("not_scored")).otherwise(pl.lit(NO_HISTORY))
    missed = pl.when("again").then(pl.lit("seen")).otherwise(unseen)
    flags = pl.when(pl.col("rank").is_null()).then(missed).otherwise(pl.lit(""))
    user, item = liked.users.gather(made["user"]), liked.items.gather(made["item"])
    made = made.with_columns(flags.alias("flags"), user.alias("user"), item.alias("item"))
    return made.drop("again")

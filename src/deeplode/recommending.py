"""Recommending: read, split, learn, score, save, report, and a list for every user."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray

from deeplode.data.holdout import TEST
from deeplode.data.interactions import InteractionColumns
from deeplode.data.measure import fingerprint
from deeplode.data.table import Table
from deeplode.errors import OptionError
from deeplode.keeping import Keeping
from deeplode.machine import usable_threads
from deeplode.messages import Notice
from deeplode.output import replacing
from deeplode.progress import Listen, silent
from deeplode.recommendfacts import Told, facts_of
from deeplode.recommenders.blend import Blend
from deeplode.recommenders.question import ranks
from deeplode.recommendoptions import PUBLISHED, RecommendOptions
from deeplode.runfacts import TAIL_SECONDS, TAIL_SHARE, source_name
from deeplode.runfolder import RunFolder
from deeplode.running import running
from deeplode.runtime import Budget, configured
from deeplode.saved import PROBE_ROWS, AnyModel
from deeplode.tasks.catalogue import Asked, Catalogue
from deeplode.tasks.gathered import Gathered, Wish, gather, with_features
from deeplode.tasks.heldout import HeldOut, hold_out
from deeplode.tasks.listed import excluded, only
from deeplode.tasks.rated import rate
from deeplode.tasks.recommend import FALLBACK, REASONS, Learned, Settings, again, learn
from deeplode.tasks.recommendmodel import RecommendModel
from deeplode.tasks.recommendroom import room, scorer_room
from deeplode.tasks.things import Beside, Things, of_items, of_users
from deeplode.verbs import RunResult, Source, read_table, tell

# Facts that stay out of a model file: they name users.
OF_USERS = ("samples",)
Bools = NDArray[np.bool_]


def run(
    source: Source,
    options: RecommendOptions,
    listen: Listen = silent,
    budget: Budget | None = None,
) -> RunResult:
    """Learn what users will want next and leave a run folder.

    budget: what the run may use; from the options and the start of the process if not given.
    Raises DeeplodeError, with nothing left behind, when no model can be made.
    """
    budget = budget or Budget.begin(options.seconds, options.memory_bytes, whole_process=True)
    threads = options.threads or usable_threads()
    begun = running(options, source_name(source), "recommend", budget, listen)
    with begun as made, configured(threads, options.seed):
        facts = _Run(source, options, made.folder, budget, made.log, threads).all()
    return RunResult(made.folder.path, facts, budget.stop() == "interrupt")


@dataclass(frozen=True)
class _Run:
    """One run, step by step."""

    source: Source
    options: RecommendOptions
    folder: RunFolder
    budget: Budget
    listen: Listen
    threads: int

    def all(self) -> dict[str, Any]:
        """Everything from the source to the report; returns the facts."""
        self.listen("stage", name="read")
        told = self.options
        files = [one for one in (self.source, told.items, told.users, told.only, told.exclude)
                 if one is not None]  # fmt: skip
        table = read_table(self.source, told, silent)
        self.folder.remember(told.as_json(), [*map(fingerprint, files)], resume=told.resume)
        gathered = gather(table, columns_of(told, table), wish_of(told))
        liked = gathered.liked
        size = int(table.frame.estimated_size())
        planned = room(size, len(liked), len(liked.users), len(liked.items))
        memory = scorer_room(told.memory_bytes, planned, len(liked))
        known = things(gathered, told)
        held = hold_out(gathered, table, told.split or PUBLISHED_SPLIT.get(told.protocol),
                        told.split_column, told.seed, known.user_features,
                        told.protocol is not None)  # fmt: skip
        settings = Settings(told.seed, self.threads, liked.time is not None, memory,
                            known.item_features, self.folder.checkpoint)  # fmt: skip
        tail = TAIL_SECONDS + TAIL_SHARE * (told.seconds or 0.0) + _list_seconds(gathered)
        learned = learn(held.train, held.valid, settings, self.budget.until(tail), self.listen)
        self.listen("stage", name="score")
        rated = rate(learned, held.test) if len(held.test) else None
        catalogue = _catalogue(gathered, known, told, table)
        model = model_of(learned, catalogue, told.top)
        facts = facts_of(Told(table, gathered, held, learned, rated, model, told))
        tests = _test_rows(model, held, gathered)
        notices = [*table.notices, *gathered.notices, *known.notices, *held.notices]
        if told.refit:
            every = with_features(gathered.histories(), known.user_features)
            learned = again(learned, every, settings, self.budget.until(tail), self.listen)
            model = model_of(learned, catalogue, told.top)
        facts["warnings"] = tell([*notices, *learned.notices], self.listen)
        facts["files"] = {"recommendations": self.folder.recommendations.name}
        keeping = Keeping(self.folder, self.budget, told, self.listen, planned, files)
        probe = Table.of(pl.DataFrame({catalogue.columns.user: catalogue.users[:PROBE_ROWS]}))
        return keeping.keep(
            model, facts, probe, lambda _: tests, OF_USERS, self._lists(facts, known)
        )

    def _lists(self, facts: dict[str, Any], known: Things) -> Any:
        def write(model: AnyModel) -> None:
            assert isinstance(model, RecommendModel)
            self.listen("stage", name="lists")
            asked, open_ = chosen(model.catalogue, self.options, known.stock)
            done = self._write(model, asked, open_)
            if done < len(asked):
                notice = Notice("W-REC-010", None, {"done": done, "users": len(asked)})
                facts["warnings"] += tell([notice], self.listen)
            facts["recommended_users"] = done

        return write

    def _write(self, model: RecommendModel, asked: Asked, open_: Bools | None) -> int:
        """Write the lists, some users at a time; returns how many users there was time for."""
        done = 0
        limited = self.budget.until(1.0)
        with replacing(self.folder.recommendations, force=True) as file:
            writer = None
            for part in model.stream(asked, self.options.top, open_):
                rows = model.frame(part).to_arrow()
                writer = writer or pq.ParquetWriter(file, rows.schema, compression="zstd")
                writer.write_table(rows)
                done += len(part.flags)
                if limited.stop():
                    break
            if writer is not None:
                writer.close()
        return done


PUBLISHED_SPLIT = {"recbole": str(PUBLISHED["split"]), None: None}


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
    least = float(PUBLISHED["min_rating"]) if told.rating is not None else None
    return replace(wish, min_rating=least, min_count=int(PUBLISHED["min_count"]))


def things(gathered: Gathered, told: RecommendOptions) -> Things:
    """What --items and --users tell."""
    made = []
    for role in ("items", "users"):
        path = getattr(told, role)
        if path is None:
            made.append(Things())
            continue
        table, key = read_table(path, told, silent), told.item if role == "items" else told.user
        assert key is not None
        beside = Beside(table, key, told.kinds, told.drop, told.seed, told.most_bad)
        if role == "items":
            made.append(of_items(beside, gathered.liked.items, told.in_stock))
        else:
            made.append(of_users(beside, gathered.liked.users))
    items, users = made
    return replace(items, user_features=users.user_features, of_users=users.of_users,
                   notices=items.notices + users.notices)  # fmt: skip


def model_of(learned: Learned, catalogue: Catalogue, top: int) -> RecommendModel:
    """The model with the scorers that it needs."""
    needed = {FALLBACK, REASONS, *learned.blend.weights}
    scorers = {name: one for name, one in learned.scorers.items() if name in needed}
    return RecommendModel(catalogue, Blend(scorers, learned.blend.weights), top)


def chosen(
    catalogue: Catalogue, told: RecommendOptions, stock: Bools | None
) -> tuple[Asked, Bools | None]:
    """Everybody, and what may be recommended: in stock, listed by --only, not by --exclude."""
    asked, open_ = catalogue.everyone(), stock
    for name in ("only", "exclude"):
        path = getattr(told, name)
        if path is None:
            continue
        table = read_table(path, told, silent)
        if name == "only":
            more = only(catalogue, table)
        else:
            more, asked = excluded(catalogue, table, asked)
        open_ = more if open_ is None else open_ & more
    return asked, open_


def _catalogue(
    gathered: Gathered, known: Things, told: RecommendOptions, table: Table
) -> Catalogue:
    liked = gathered.liked
    every = with_features(gathered.histories(), known.user_features)
    return Catalogue(columns_of(told, table), liked.users, liked.items, known.titles, every,
                     gathered.disliked, gathered.least)  # fmt: skip


def _list_seconds(gathered: Gathered) -> float:
    """Seconds that lists for all users will take, roughly."""
    return 2e-9 * len(gathered.liked.users) * len(gathered.liked.items) * 8


def _test_rows(model: RecommendModel, held: HeldOut, gathered: Gathered) -> pl.DataFrame:
    """Each test interaction with the place that the model gave it among all unseen items: id,
    user, item, rank, score, flags. By row of the source."""
    liked = gathered.liked
    rank, score = ranks(model.scores, held.test)
    at = held.test.wanted
    place = {
        (int(held.asked[user]), item): (int(r), float(s))
        for user, item, r, s in zip(at.user.tolist(), at.item.tolist(), rank, score, strict=True)
    }
    tests = np.flatnonzero(held.part == TEST)
    tests = tests[np.argsort(liked.row[tests], kind="stable")]
    user, item = liked.user[tests], liked.item[tests]
    found = [place.get(pair) for pair in zip(user.tolist(), item.tolist(), strict=True)]
    flags = ["" if one is not None else "no_history" for one in found]
    return pl.DataFrame(
        {
            "id": pl.Series(liked.row[tests], dtype=pl.Int64),
            "user": liked.users.gather(user),
            "item": liked.items.gather(item),
            "rank": pl.Series([None if one is None else one[0] for one in found], dtype=pl.Int64),
            "score": pl.Series([None if o is None else o[1] for o in found], dtype=pl.Float64),
            "flags": pl.Series(flags, dtype=pl.String),
        }
    )



"""Recommender: what each user will want next, as an estimator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import polars as pl
from sklearn.utils.validation import check_is_fitted

from deeplode.data.frames import as_polars
from deeplode.data.ids import ids_of, one_form, places
from deeplode.data.role import serving
from deeplode.data.table import Table
from deeplode.errors import OptionError
from deeplode.estimator import Estimator
from deeplode.machine import usable_threads
from deeplode.recommended import make
from deeplode.recommendfacts import OF_USERS
from deeplode.recommendoptions import RecommendOptions
from deeplode.runtime import Budget, configured
from deeplode.saved import PROBE_ROWS, Saved
from deeplode.tasks.catalogue import Asked
from deeplode.tasks.further import further
from deeplode.tasks.knownnext import judged_lists
from deeplode.tasks.listed import allowed
from deeplode.tasks.newitems import with_items
from deeplode.tasks.recommend import Settings
from deeplode.tasks.recommendmodel import RecommendModel


class Recommender(Estimator):
    """Lists of what users will want next, by what they and others had.

    user, item, rating, timestamp: columns of interactions; rating and timestamp may be absent.
    top: items in a list. min_rating: least rating of what was liked; None = the middle of the
    scale. min_count: interactions that every user and item needs. duplicates: what becomes of
    repeated interactions: ``"last"``, ``"sum"`` or ``"keep"``. split: how interactions are held out
    for scoring: ``"time"``, ``"last"`` or ``"random"``. refit: learn again from all interactions
    once scored. time_limit: seconds, or ``"90s"``, ``"5m"``, for ``fit``. memory_limit: bytes, or
    ``"4GB"``. seed: same seed, same bits. threads: None = all that may be used. kinds, drop: of
    columns of items and users. max_bad: share of the rows that may be unusable.

    After ``fit``: ``model_``, ``facts_`` (as in result.json), ``notices_``.

    >>> rows = [{"user": u, "item": i} for u in range(40) for i in range(8) if (u + i) % 2]
    >>> lists = Recommender(seed=0).fit(rows[:-1]).recommend([39], k=1)
    >>> lists["item"].to_list()
    [6]
    """

    model_: RecommendModel
    _of_single_rows = OF_USERS

    def __init__(
        self,
        *,
        user: str = "user",
        item: str = "item",
        rating: str | None = None,
        timestamp: str | None = None,
        top: int = 10,
        min_rating: float | None = None,
        min_count: int = 1,
        duplicates: str = "last",
        split: str | None = None,
        refit: bool = False,
        time_limit: str | float | None = None,
        memory_limit: str | int | None = None,
        seed: int = 0,
        threads: int | None = None,
        kinds: Mapping[str, str] | None = None,
        drop: Sequence[str] = (),
        max_bad: str | float = "5%",
    ) -> None:
        self.user, self.item, self.rating, self.timestamp = user, item, rating, timestamp
        self.top, self.min_rating, self.min_count = top, min_rating, min_count
        self.duplicates, self.split, self.refit = duplicates, split, refit
        self.time_limit, self.memory_limit = time_limit, memory_limit
        self.seed, self.threads, self.kinds = seed, threads, kinds
        self.drop, self.max_bad = drop, max_bad

    def fit(self, X: Any, y: Any = None, *, items: Any = None, users: Any = None) -> Self:
        """Learn from interactions.

        X: a row an interaction: frame of pandas, Polars or Arrow, or a list of dicts. y: not used.
        items, users: frames of what is known of them, with the item or user column.
        Raises DataError for data that cannot be learned from, OptionError for a choice that
        makes no sense.
        """
        told, threads = self._told(), self.threads or usable_threads()
        given = {"items": items, "users": users}
        beside = {name: Table.of(_frame(own), name)
                  for name, own in given.items() if own is not None}  # fmt: skip
        budget = Budget.begin(told.seconds, told.memory_bytes)
        with configured(threads, self.seed):
            made = make(Table.of(_frame(X)), beside, told, budget, threads)
        self.facts_, self.notices_ = made.facts, made.notices
        self.facts_["warnings"] = [one.as_json() for one in made.notices]
        self._hold(made.model)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Take in further interactions, of known and new users and items.

        Every way that answers is fitted again to all histories, at the setting chosen by ``fit``;
        the scores of ``facts_`` stay those of ``fit``. The first call is ``fit``.
        """
        if not hasattr(self, "model_"):
            return self.fit(X)
        told, threads = self._told(), self.threads or usable_threads()
        budget = Budget.begin(told.seconds, told.memory_bytes)
        settings = Settings(told.seed, threads, self.model_.catalogue.columns.timestamp is not None)
        with configured(threads, self.seed):
            table = Table.of(_frame(X))
            self._hold(further(self.model_, table, settings, budget, told.most_bad))
        return self

    def recommend(
        self,
        users: Any = None,
        k: int | None = None,
        *,
        history: Any = None,
        items: Any = None,
        only: Any = None,
        exclude: Any = None,
    ) -> pl.DataFrame:
        """The k items that users will want next, the likeliest first; never one that they had.

        users: ids, one or many, or a frame with the user column, known or not; None = everybody
        known, or those of ``history``. history: interactions that users had besides, as in
        ``fit``: all that is known of a new user. items: new items, with the columns that ``fit``
        was told of items. only, exclude: frames, or lists of items, of what may be recommended
        alone or never.
        Returns user, rank, item, title if items have such, score (higher is likelier, comparable
        for one user), because (the item of the history that goes best with it) and flags.
        Raises DataError for a column that is absent.
        """
        check_is_fitted(self, "model_")
        _at_least_one(k)
        with configured(self.threads or usable_threads(), self.seed):
            model = self.model_
            if items is not None:
                model = with_items(model, Table.of(_frame(items), "items"))
            asked = self._asked(model, users, history)
            asked, open_ = allowed(model.catalogue, asked, self._lists(only, exclude))
            return model.frame(model.recommend(asked, k or model.top, open_))

    def predict(self, X: Any) -> pl.DataFrame:
        """Lists for the users of a frame, as ``deeplode predict`` writes them: what it says that
        they had counts too."""
        return self.recommend(history=X)

    def similar_items(self, item: Any, k: int = 10) -> pl.DataFrame:
        """Items that the same users had: item, rank, similar, title if items have such, similarity
        (shrunk cosine).

        item: one, or a list of them. Raises OptionError for one that is not known.
        """
        check_is_fitted(self, "model_")
        _at_least_one(k)
        ids = _ids(item, "item", self.model_.catalogue.columns.item)
        unknown = ids.filter(pl.Series(self.model_.catalogue.places_of(ids) < 0))
        if len(unknown):
            raise OptionError("E-OPT-245", item=unknown[0])
        return self.model_.similar(ids, k)

    def explain(self, user: Any, item: Any) -> pl.DataFrame:
        """Why an item is recommended: item of the history, title, and effect: by how much the
        score would fall if the user had not had it. The largest effect first.

        Raises OptionError for a user or an item that is not known.
        """
        check_is_fitted(self, "model_")
        known = self.model_.catalogue
        who = int(known.places_of(pl.Series("user", [user]), items=False)[0])
        what = int(known.places_of(pl.Series("item", [item]))[0])
        if what < 0:
            raise OptionError("E-OPT-245", item=item)
        if who < 0:
            raise OptionError("E-OPT-246", user=user)
        with configured(self.threads or usable_threads(), self.seed):
            had, effect = self.model_.effects(known.known.rows(np.array([who])), what)
        titles = {} if known.titles is None else {"title": known.titles.gather(had)}
        columns = {"item": known.items.gather(had), **titles, "effect": pl.Series(effect)}
        return pl.DataFrame({name: one.alias(name) for name, one in columns.items()})

    def score(self, X: Any, y: Any = None) -> float:
        """Mean NDCG@10 of the lists for known users, judged by interactions that came after."""
        check_is_fitted(self, "model_")
        with configured(self.threads or usable_threads(), self.seed):
            facts = judged_lists(self.model_, Table.of(_frame(X)))
        return float(facts["metrics"]["ndcg@10"]["value"])

    def _told(self) -> RecommendOptions:
        return RecommendOptions().with_values({**self.get_params(), "drop": tuple(self.drop)})

    def _asked(self, model: RecommendModel, users: Any, history: Any) -> Asked:
        known = model.catalogue
        told = None if history is None else Table.of(_frame(history), "history")
        if users is None:
            return known.everyone() if told is None else model.asked(told)
        ids = _ids(users, "user", known.columns.user)
        ids = ids.drop_nulls() if ids.null_count() else ids
        if told is None or not told.names:  # an empty list says nothing
            return known.users_of(ids if len(ids) < 2 else ids.unique(maintain_order=True))
        named = {"user": known.columns.user, "item": known.columns.item}
        cells = [serving(told, role, name) for role, name in named.items()]
        (ids, own), _ = one_form([ids, ids_of(cells[0])])
        more = told.frame.with_columns(own.alias(known.columns.user))
        frame = pl.concat([more, ids.alias(known.columns.user).to_frame()], how="diagonal")
        asked = model.asked(Table.of(frame, "history"))
        return asked.rows(places(ids.unique(maintain_order=True), asked.ids))

    def _lists(self, only: Any, exclude: Any) -> dict[str, Table]:
        """Tables of items, from frames or plain lists of them."""
        name = self.model_.catalogue.columns.item
        made = {}
        for role, given in (("only", only), ("exclude", exclude)):
            if given is not None:
                plain = not _of_columns(given)
                frame = _ids(given, "item", name).to_frame() if plain else _frame(given)
                made[role] = Table.of(frame, role)
        return made

    def _hold(self, model: RecommendModel) -> None:
        self.model_ = model
        known = model.catalogue
        self._probe = Table.of(pl.DataFrame({known.columns.user: known.users[:PROBE_ROWS]}))


def _at_least_one(k: int | None) -> None:
    if k is not None and (not isinstance(k, int | np.integer) or k < 1):
        raise OptionError("E-OPT-004", option="k", value=k, least=1)


def _ids(given: Any, role: str, name: str) -> pl.Series:
    """Ids of a list, array or column, of the column of a frame, or a single one."""
    if _of_columns(given):
        return ids_of(serving(Table.of(_frame(given), f"{role}s"), role, name)).rename(name)
    alone = given is None or isinstance(given, str | bytes) or not isinstance(given, Iterable)
    cells = [given] if alone else given if isinstance(given, pl.Series) else list(given)
    return ids_of(pl.Series(name, cells, strict=False).rename(name))


def _of_columns(given: Any) -> bool:
    """Whether it has named columns: a frame, or rows as dicts."""
    rows = isinstance(given, list | tuple) and any(isinstance(one, Mapping) for one in given)
    return rows or hasattr(given, "columns") or hasattr(given, "column_names")


def _frame(given: Any) -> pl.DataFrame:
    """A frame, or rows as dicts."""
    if isinstance(given, list | tuple) and all(isinstance(one, Mapping) for one in given):
        return pl.DataFrame(list(given), infer_schema_length=None)
    return as_polars(given)


def recommender_of(saved: Saved) -> Recommender:
    """A fitted estimator around a model that was read from a file."""
    assert isinstance(saved.model, RecommendModel)
    columns = saved.model.catalogue.columns
    made = Recommender(user=columns.user, item=columns.item, rating=columns.rating,
                       timestamp=columns.timestamp, top=saved.model.top)  # fmt: skip
    made.facts_ = saved.card
    made._hold(saved.model)
    return made

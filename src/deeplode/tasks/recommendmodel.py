"""Recommend model: what says of each user what comes next, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.ids import ids_of
from deeplode.data.table import Table
from deeplode.detectors.detector import whole
from deeplode.evaluate.ranking import top
from deeplode.parts import below, under
from deeplode.recommenders.blend import Blend, standard
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.itemknn import ItemNeighbours
from deeplode.recommenders.question import blocks, without
from deeplode.recommenders.together import Together, apart, together
from deeplode.recommenders.ways import WAYS
from deeplode.recommenders.wider import Wider
from deeplode.recommendoptions import MOST
from deeplode.tasks.catalogue import Asked, Catalogue
from deeplode.tasks.described import Described, found, spread
from deeplode.tasks.recommend import FALLBACK, REASONS

PROBE = 8  # users whose answers travel with a model file
ROWS = 200_000  # of lists that are made at once

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Recommended:
    """What a model says of some users.

    ids: of the users. item: (users, k) places of items, the likeliest first; -1 = there are no
    more. outputs: (users, k) float64 scores, 0 behind the last. because: (users, k) the item of the
    history that goes with each best; -1 = none does. flags: what is odd about each user.
    """

    ids: pl.Series
    item: Ints
    outputs: NDArray[np.float64]
    because: Ints
    flags: list[str]


@dataclass(frozen=True, eq=False)
class RecommendModel:
    """catalogue: the users and items known. blend: what scores items; beside the scorers that have
    a weight it holds those that answer without a history and give reasons. top: how many items to
    recommend. alone: the scorer that answers where there is no history. of_items, of_users: how
    their columns become numbers; None = nothing was known of them.
    """

    catalogue: Catalogue
    blend: Blend
    top: int = 10
    alone: str = FALLBACK
    of_items: Described | None = None
    of_users: Described | None = None

    verb: ClassVar[str] = "recommend"
    task: ClassVar[str] = "recommend"

    @cached_property
    def together(self) -> Together:
        """Which items go together, by the users that had both; none where time was too short."""
        scorer = self.blend.scorers.get(REASONS)
        if isinstance(scorer, Wider) and isinstance(scorer.scorer, ItemNeighbours):
            return together(scorer.scorer).wider(len(self.catalogue.items) - scorer.items)
        if not isinstance(scorer, ItemNeighbours):
            return apart(len(self.catalogue.items))
        return together(scorer)

    def probe_cells(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows whose answers prove that a model was read well: some users."""
        return frame.select(self.catalogue.columns.user)

    def predict(self, table: Table) -> Recommended:
        """Recommendations for each user of a table: by what it says they had, and by what is known
        of them. Raises DataError where the user column is absent."""
        return self.recommend(self.asked(table), self.top)

    def asked(self, table: Table) -> Asked:
        """The users of a table, with what it says that they had and what its columns tell of them.

        Raises DataError where the user column is absent, or cells cannot be read.
        """
        asked = self.catalogue.asked(table)
        if self.of_users is None or asked.histories.features is None:
            return asked
        key = self.catalogue.columns.user
        told = {one.name for one in self.of_users.schema.features}
        if not told <= set(table.names):
            return asked
        frame = table.frame.with_columns(ids_of(table.frame[key]).alias(key))
        frame = frame.filter(pl.any_horizontal(pl.col(sorted(told)).is_not_null()))
        if not len(frame):
            return asked
        once = Table.of(frame.unique(key, keep="first", maintain_order=True), table.source)
        values = spread(self.of_users.of(once), found(once, key, "user", asked.ids))
        return asked.with_features(values)

    def recommend(self, asked: Asked, k: int, open_: Bools | None = None) -> Recommended:
        """The k likeliest items of each user. open_: (items,) or (users, items) what may be
        recommended; None = all."""
        parts = list(self.stream(asked, k, open_))
        if len(parts) == 1:
            return parts[0]
        none = np.full((0, k), -1)
        parts = [Recommended(asked.ids, none, np.zeros((0, k)), none, []), *parts]
        joined = {name: np.concatenate([getattr(one, name) for one in parts])
                  for name in ("item", "outputs", "because")}  # fmt: skip
        return Recommended(asked.ids, **joined, flags=asked.flags)

    def stream(self, asked: Asked, k: int, open_: Bools | None = None) -> Iterator[Recommended]:
        """The same, some users at a time."""
        for rows in blocks(len(asked), len(self.catalogue.items)):
            own = asked if len(rows) == len(asked) else asked.rows(rows)
            scores = without(self.scores(own.histories), own.seen)
            if open_ is not None:
                allowed = open_ if open_.ndim == 1 else open_[rows]
                scores = np.where(allowed, scores, np.float32(-np.inf))
            best = top(scores, k)
            item = np.full((len(own), k), -1)
            item[:, : best.shape[1]] = best
            value = np.take_along_axis(scores, np.maximum(item, 0), 1).astype(np.float64)
            because = self.together.because(own.histories, item)
            yield Recommended(own.ids, item, np.where(item < 0, 0.0, value), because, own.flags)

    def frames(
        self,
        asked: Asked,
        k: int,
        open_: Bools | None = None,
        over: Callable[[], object] = lambda: False,
    ) -> Iterator[tuple[pl.DataFrame, int]]:
        """The same as rows of ``recommendations.parquet``, some ROWS at a time, and of how many
        users they are; at least once. over: whether time is, and nobody else is answered."""
        waiting, users, done = [], 0, 0
        for part in self.stream(asked, k, open_):
            waiting.append(self.frame(part))
            users, done = users + len(part.flags), done + len(part.flags)
            last = over() or done == len(asked)
            if last or users * k >= ROWS:
                yield pl.concat(waiting), users
                waiting, users = [], 0
            if last:
                return
        yield self.frame(self.recommend(asked, k)), 0

    def scores(self, histories: Histories) -> Floats:
        """(users, items): those of the blend, or of what answers without a history."""
        scores = self.blend.scores(histories)
        empty = np.flatnonzero(histories.length == 0)
        if len(empty):
            scores[empty] = standard(self.blend.scorers[self.alone].scores(histories.rows(empty)))
        return scores

    def effects(self, history: Histories, item: int) -> tuple[Ints, Floats]:
        """The items of a user's history, and by how much the score of an item would fall without
        each; the largest effect first. history: of one user."""
        had = np.unique(history.item)
        every = [history.item, *(history.item[history.item != one] for one in had)]
        start = np.concatenate([[0], np.cumsum([len(one) for one in every])]).astype(np.int64)
        features = history.features
        if features is not None:
            features = np.repeat(features, len(every), 0)
        asked = Histories(history.items, start, np.concatenate(every), features)
        score = np.concatenate(
            [
                self.blend.scores(asked.rows(rows))[:, item]
                for rows in blocks(len(asked), asked.items)
            ]
        )
        effect = score[0] - score[1:]
        order = np.argsort(-effect, kind="stable")
        return had[order], effect[order]

    def similar(self, ids: pl.Series, k: int) -> pl.DataFrame:
        """Items that the same users had, for each of these: item, rank, similar, title if they
        have such, similarity (shrunk cosine). ids: of items, known or not."""
        known, place = self.catalogue, self.catalogue.places_of(ids)
        real = np.maximum(place, 0)
        near = np.where(place[:, None] >= 0, self.together.other[real], -1)[:, :k]
        weight = self.together.weight[real][:, : near.shape[1]]
        row, at = np.nonzero(near >= 0)
        found_ = near[row, at]
        titles = {} if known.titles is None else {"title": known.titles.gather(found_)}
        columns = {
            "item": ids.gather(row),
            "rank": pl.Series(at + 1, dtype=pl.Int64),
            "similar": known.items.gather(found_),
            **titles,
            "similarity": pl.Series(weight[row, at], dtype=pl.Float64),
        }
        return pl.DataFrame({name: own.alias(name) for name, own in columns.items()})

    def frame(self, lists: Recommended) -> pl.DataFrame:
        """As rows of ``recommendations.parquet``: user, rank, item, title if there are such, score,
        because, flags."""
        users, k = lists.item.shape
        real = lists.item.ravel() >= 0
        user = pl.Series(np.repeat(np.arange(users), k)[real])
        item, because = pl.Series(lists.item.ravel()[real]), lists.because.ravel()[real]
        known = self.catalogue
        names = known.named_or_none  # its last is none
        columns = {
            "user": lists.ids[user],
            "rank": pl.Series(np.tile(np.arange(1, k + 1), users)[real], dtype=pl.Int64),
            "item": known.items[item],
            **({} if known.titles is None else {"title": known.titles[item]}),
            "score": pl.Series(lists.outputs.ravel()[real], dtype=pl.Float64),
            "because": names[pl.Series(np.where(because < 0, len(names) - 1, because))],
            "flags": pl.Series(lists.flags, dtype=pl.String)[user],
        }
        return pl.DataFrame([own.alias(name) for name, own in columns.items()])

    def answered(self, table: Table) -> pl.DataFrame:
        """The recommendations for the users of a table, as ``predict`` of the program writes."""
        return self.frame(self.predict(table))

    def facts(self) -> dict[str, Any]:
        """What is not an array, ready for JSON: the ``schema.json`` of a model file."""
        return {
            "catalogue": self.catalogue.facts(),
            "top": self.top,
            "alone": self.alone,
            "described": {
                name: None if own is None else own.facts() for name, own in self._described()
            },
            "weights": dict(self.blend.weights),
            "scorers": {name: one.facts() for name, one in self.blend.scorers.items()},
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays: ``<part>.<name>``."""
        scorers = {f"scorer.{name}": one.arrays() for name, one in self.blend.scorers.items()}
        described = {name: own.arrays() for name, own in self._described() if own is not None}
        return under({"catalogue": self.catalogue.arrays(), **described, **scorers})

    def _described(self) -> tuple[tuple[str, Described | None], ...]:
        return ("of_items", self.of_items), ("of_users", self.of_users)

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The model that ``facts()`` and ``arrays()`` describe.

        Raises ValueError, KeyError or TypeError for what no fit can have written.
        """
        catalogue = Catalogue.restore(facts["catalogue"], below(arrays, "catalogue"))
        scorers = {
            name: WAYS[name].restore(own, below(arrays, f"scorer.{name}"))
            for name, own in facts["scorers"].items()
        }
        weights = {name: float(own) for name, own in facts["weights"].items()}
        alone = str(facts["alone"])
        if not {FALLBACK, alone, *weights} <= scorers.keys():
            raise ValueError("a scorer is missing")
        if not all(0 < one < np.inf for one in weights.values()):
            raise ValueError("weights must be above 0")
        described = {
            name: None if own is None else Described.restore(own, below(arrays, name))
            for name, own in ((one, facts["described"][one]) for one in ("of_items", "of_users"))
        }
        top_ = whole(facts, "top", 1, MOST)
        return cls(catalogue, Blend(scorers, weights), top_, alone, **described)

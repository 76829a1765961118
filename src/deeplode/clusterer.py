"""Clusterer: groups of like rows, as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import ClusterMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from deeplode.arrays import features
from deeplode.clustering import OF_ROWS, formed, schema_of
from deeplode.clusteroptions import AUTO, ClusterOptions
from deeplode.data.frames import like
from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.detectoptions import PredictOptions
from deeplode.errors import OptionError
from deeplode.estimator import Estimator
from deeplode.linking import read_edges, with_links
from deeplode.machine import usable_threads
from deeplode.partitioning import Formed, partitioned
from deeplode.progress import silent
from deeplode.runtime import Budget, configured
from deeplode.saved import PROBE_ROWS, Saved
from deeplode.tasks.cluster import Settings, check_rows, cluster
from deeplode.tasks.clustermodel import Assigned, ClusterModel
from deeplode.tasks.communitymodel import CommunityModel, Placed
from deeplode.tasks.grouproom import graph_room, room
from deeplode.tasks.rowmoves import row_moves


class Clusterer(ClusterMixin, TransformerMixin, Estimator):  # type: ignore[misc] # no types there
    """Groups that have fewer rows between them than in their middles, in a learned space.

    clusters: how many groups, or ``"auto"`` to find out; one may be the answer.
    time_limit: seconds, or ``"90s"``, ``"5m"``, for ``fit``. memory_limit: bytes, or ``"4GB"``.
    seed: same seed, same bits. threads: None = all that may be used. kinds: {column: kind} where
    the guess is wrong. drop: columns to leave out. max_bad: share of a column's images or sounds
    that may be unreadable.
    edges: links between the rows, as a file or a frame with columns source, target and, if they
    differ, weight: groups are communities then. id: column that edges name rows by; else they are
    numbered from 0.

    After ``fit``: ``labels_`` (0 …, the largest group first; -1 where a row belongs nowhere),
    ``model_``, ``facts_`` (as in result.json), ``notices_``, ``n_features_in_``,
    ``feature_names_in_``.

    >>> rows = [[value % 2 * 9 + value % 5 / 5, value % 7 / 7] for value in range(150)]
    >>> sorted(set(Clusterer(clusters=2).fit(rows).labels_.tolist()))
    [0, 1]
    """

    model_: ClusterModel | CommunityModel
    _of_single_rows = OF_ROWS

    def __init__(
        self,
        *,
        clusters: str | int = AUTO,
        edges: Any = None,
        id: str | None = None,  # noqa: A002 - as the flag is called
        time_limit: str | float | None = None,
        memory_limit: str | int | None = None,
        seed: int = 0,
        threads: int | None = None,
        kinds: Mapping[str, str] | None = None,
        drop: Sequence[str] = (),
        max_bad: str | float = "5%",
    ) -> None:
        self.clusters, self.edges, self.id = clusters, edges, id
        self.time_limit, self.memory_limit = time_limit, memory_limit
        self.seed, self.threads, self.kinds = seed, threads, kinds
        self.drop, self.max_bad = drop, max_bad

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the groups of ``X``.

        X: frame of pandas, Polars or Arrow, or array (rows, columns). y: not used.
        Raises DataError for data that cannot be learned from, OptionError for a choice that
        makes no sense.
        """
        given = {**self.get_params(), "drop": tuple(self.drop)}
        ends = given.pop("edges")
        named = ends if ends is None or isinstance(ends, str) else "edges"
        told = ClusterOptions().with_values({**given, "edges": named})
        frame = features(self, X, reset=True).drop(self.drop, strict=False)
        table, threads = Table.of(frame), self.threads or usable_threads()
        budget = Budget.begin(told.seconds, told.memory_bytes)
        check_rows(table, told.wanted)
        with configured(threads, self.seed):
            schema = schema_of(table, told)
            table = table if schema.id is None else table.with_ids(schema.id)
            if ends is None:
                found = self._grouped(table, schema, told, budget)
            else:
                links = read_edges(ends, told)
                if told.memory_bytes is not None:
                    graph_room(table, links, schema, told.memory_bytes)
                found = partitioned(table, links, schema, told, budget, silent)
        self.facts_, self.labels_ = found.facts, found.labels
        self.facts_["warnings"] = [one.as_json() for one in (*schema.notices, *found.notices)]
        self.notices_ = (*schema.notices, *found.notices)
        self._hold(found.model, table.rows(np.arange(min(PROBE_ROWS, len(table)))))
        return self

    def _grouped(
        self, table: Table, schema: Schema, told: ClusterOptions, budget: Budget
    ) -> Formed:
        if told.memory_bytes is not None:
            room(table, schema, told.memory_bytes)
        threads = self.threads or usable_threads()
        settings = Settings(told.seed, threads, told.wanted, told.most_bad)
        return formed(cluster(table, schema, settings, budget), table, schema, told, budget)

    def predict(self, X: Any, edges: Any = None) -> Any:
        """The group of each row, (rows,), as in ``labels_``; a series if X is a frame.

        edges: links of the rows, where the model learned from links.
        """
        values = self._answers(X, edges).cluster
        if not hasattr(X, "columns"):
            return values
        made = like(X, {"cluster": values})
        return made["cluster"] if hasattr(made, "__getitem__") else made

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(rows, groups): how probable each group is, by the columns alone."""
        return np.asarray(self._answers(X).outputs)

    def transform(self, X: Any) -> NDArray[np.float64]:
        """(rows, dimensions): where rows lie in the space that the groups were found in.

        Raises OptionError for communities, which are found among links, in no space.
        """
        check_is_fitted(self, "model_")
        if isinstance(self.model_, CommunityModel):
            raise OptionError("E-OPT-210")
        frame = features(self, X, reset=False)
        with configured(self.threads or usable_threads(), self.seed):
            return self.model_.embedding(Table.of(frame))

    def moves(self, X: Any) -> pl.DataFrame:
        """What would put each row into the next probable group: the least change of one column,
        else of two, towards what is typical there.

        Returns ``id``, ``cluster`` and ``to`` (1 …), ``column_1``, ``value_1``, ``column_2``,
        ``value_2``; empty where no change of two columns is enough.
        Raises OptionError for communities, which are made of links.
        """
        check_is_fitted(self, "model_")
        if isinstance(self.model_, CommunityModel):
            raise OptionError("E-OPT-233")
        with configured(self.threads or usable_threads(), self.seed):
            return row_moves(self.model_, self._rows(X, None))

    def predict_frame(self, X: Any, edges: Any = None) -> pl.DataFrame:
        """All that ``deeplode predict`` writes: id, cluster (1 …, 0 nowhere), probability,
        flags."""
        check_is_fitted(self, "model_")
        with configured(self.threads or usable_threads(), self.seed):
            return self.model_.answered(self._rows(X, edges))

    def _answers(self, X: Any, edges: Any = None) -> Assigned | Placed:
        check_is_fitted(self, "model_")
        with configured(self.threads or usable_threads(), self.seed):
            return self.model_.predict(self._rows(X, edges))

    def _rows(self, X: Any, edges: Any) -> Table:
        """The rows, among their links where they have some."""
        table = X if isinstance(X, Table) else Table.of(features(self, X, reset=False))
        own = self.model_.schema.id
        table = table.with_ids(own) if own is not None and own in table.names else table
        if edges is None:
            return table
        told = PredictOptions(max_bad=self.max_bad)
        return with_links(self.model_, table, edges, told, told.most_bad)[0]

    def _hold(self, model: ClusterModel | CommunityModel, probe: Table) -> None:
        self.model_, self._probe = model, probe


def clusterer_of(saved: Saved) -> Clusterer:
    """A fitted estimator around a model that was read from a file."""
    assert isinstance(saved.model, ClusterModel | CommunityModel)
    made = Clusterer()
    roles = saved.model.schema.roles
    taken = set(roles.named().values())
    if isinstance(saved.model, CommunityModel) and roles.id is not None:
        made.set_params(id=roles.id)
        taken -= {roles.id}  # links name rows by it
    names = [one.name for one in saved.model.schema.columns if one.name not in taken]
    made.feature_names_in_ = np.array(names, dtype=object)
    made.facts_ = saved.card
    made._hold(saved.model, saved.probe)
    return made

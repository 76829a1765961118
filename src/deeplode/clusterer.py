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
from deeplode.clustering import schema_of
from deeplode.clusteroptions import AUTO, ClusterOptions
from deeplode.data.frames import like
from deeplode.data.table import Table
from deeplode.estimator import Estimator
from deeplode.groupfacts import facts_of
from deeplode.machine import usable_threads
from deeplode.runtime import Budget, configured
from deeplode.saved import PROBE_ROWS, Saved
from deeplode.tasks.cluster import Settings, check_rows, cluster
from deeplode.tasks.clustermodel import ClusterModel
from deeplode.tasks.grouproom import room


class Clusterer(ClusterMixin, TransformerMixin, Estimator):  # type: ignore[misc] # no types there
    """Groups that have fewer rows between them than in their middles, in a learned space.

    clusters: how many groups, or ``"auto"`` to find out; one may be the answer.
    time_limit: seconds, or ``"90s"``, ``"5m"``, for ``fit``. memory_limit: bytes, or ``"4GB"``.
    seed: same seed, same bits. threads: None = all that may be used. kinds: {column: kind} where
    the guess is wrong. drop: columns to leave out. max_bad: share of a column's images or sounds
    that may be unreadable.

    After ``fit``: ``labels_`` (0 …, the largest group first; -1 where a row belongs nowhere),
    ``model_``, ``facts_`` (as in result.json), ``notices_``, ``n_features_in_``,
    ``feature_names_in_``.

    >>> rows = [[value % 2 * 9 + value % 5 / 5, value % 7 / 7] for value in range(150)]
    >>> sorted(set(Clusterer(clusters=2).fit(rows).labels_.tolist()))
    [0, 1]
    """

    model_: ClusterModel

    def __init__(
        self,
        *,
        clusters: str | int = AUTO,
        time_limit: str | float | None = None,
        memory_limit: str | int | None = None,
        seed: int = 0,
        threads: int | None = None,
        kinds: Mapping[str, str] | None = None,
        drop: Sequence[str] = (),
        max_bad: str | float = "5%",
    ) -> None:
        self.clusters = clusters
        self.time_limit, self.memory_limit = time_limit, memory_limit
        self.seed, self.threads, self.kinds = seed, threads, kinds
        self.drop, self.max_bad = drop, max_bad

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the groups of ``X``.

        X: frame of pandas, Polars or Arrow, or array (rows, columns). y: not used.
        Raises DataError for data that cannot be learned from, OptionError for a choice that
        makes no sense.
        """
        told = ClusterOptions().with_values({**self.get_params(), "drop": tuple(self.drop)})
        frame = features(self, X, reset=True).drop(self.drop, strict=False)
        table, threads = Table.of(frame), self.threads or usable_threads()
        budget = Budget.begin(told.seconds, told.memory_bytes)
        check_rows(table, told.wanted)
        settings = Settings(told.seed, threads, told.wanted, told.most_bad)
        with configured(threads, self.seed):
            schema = schema_of(table, told)
            if told.memory_bytes is not None:
                room(table, schema, told.memory_bytes)
            found = cluster(table, schema, settings, budget)
            self.facts_ = facts_of(found, table, schema, told)
        self.facts_["warnings"] = [one.as_json() for one in (*schema.notices, *found.notices)]
        self.labels_ = found.labels
        self.notices_ = (*schema.notices, *found.notices)
        self._hold(found.model, table.rows(np.arange(min(PROBE_ROWS, len(table)))))
        return self

    def predict(self, X: Any) -> Any:
        """The group of each row, (rows,), as in ``labels_``; a series if X is a frame."""
        values = self._answers(X).cluster
        if not hasattr(X, "columns"):
            return values
        made = like(X, {"cluster": values})
        return made["cluster"] if hasattr(made, "__getitem__") else made

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(rows, groups): how probable each group is, by the clouds in the space alone."""
        return self._answers(X).outputs

    def transform(self, X: Any) -> NDArray[np.float64]:
        """(rows, dimensions): where rows lie in the space that the groups were found in."""
        check_is_fitted(self, "model_")
        frame = features(self, X, reset=False)
        with configured(self.threads or usable_threads(), self.seed):
            return self.model_.embedding(Table.of(frame))

    def predict_frame(self, X: Any) -> pl.DataFrame:
        """All that ``deeplode predict`` writes: id, cluster (1 …, 0 nowhere), probability,
        flags."""
        check_is_fitted(self, "model_")
        table = X if isinstance(X, Table) else Table.of(features(self, X, reset=False))
        with configured(self.threads or usable_threads(), self.seed):
            return self.model_.answered(table)

    def _answers(self, X: Any) -> Any:
        check_is_fitted(self, "model_")
        frame = features(self, X, reset=False)
        with configured(self.threads or usable_threads(), self.seed):
            return self.model_.predict(Table.of(frame))

    def _hold(self, model: ClusterModel, probe: Table) -> None:
        self.model_, self._probe = model, probe


def clusterer_of(saved: Saved) -> Clusterer:
    """A fitted estimator around a model that was read from a file."""
    assert isinstance(saved.model, ClusterModel)
    made = Clusterer()
    taken = set(saved.model.schema.roles.named().values())
    names = [one.name for one in saved.model.schema.columns if one.name not in taken]
    made.feature_names_in_ = np.array(names, dtype=object)
    made.facts_ = saved.card
    made._hold(saved.model, saved.probe)
    return made

"""AnomalyDetector: rows that do not fit, as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from deeplode.arrays import column, features
from deeplode.data.frames import like
from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table
from deeplode.detecting import OF_ROWS, searched
from deeplode.detectoptions import AUTO, DetectOptions
from deeplode.errors import OptionError
from deeplode.estimator import Estimator
from deeplode.machine import usable_threads
from deeplode.progress import silent
from deeplode.runtime import Budget, configured
from deeplode.saved import PROBE_ROWS, Saved
from deeplode.tasks.anomalies import AnomalyModel
from deeplode.tasks.detect import Settings, check_rows
from deeplode.tasks.known import cases
from deeplode.tasks.room import room
from deeplode.tasks.seriesmodel import SeriesModel
from deeplode.watching import watched


class AnomalyDetector(OutlierMixin, Estimator):  # type: ignore[misc] # no types there
    """Detectors of all kinds and a denoising net, put together without labels.

    clean: the rows are known to be normal. contamination: share of the rows that are anomalies,
    or ``"auto"`` to estimate it. capacity: how many rows are called, in place of a share.
    known: ``y`` of ``fit`` marks a few known anomalies.
    timestamp: column that says when a row was: rows are moments of series, group: column that names
    them. window: moments that are looked back on. clean_rows: so many first moments of each series
    are normal; clean_until: those before a time are.
    time_limit: seconds, or ``"90s"``, ``"5m"``, for ``fit``. memory_limit: bytes, or ``"4GB"``.
    seed: same seed, same bits. threads: None = all that may be used. kinds: {column: kind} where
    the guess is wrong. drop: columns to leave out. max_bad: share of a column's images or sounds
    that may be unreadable.

    After ``fit``: ``model_``, ``offset_``, ``scores_`` (of the rows fitted, 0 … 1), ``facts_`` (as
    in result.json), ``notices_``, ``n_features_in_``, ``feature_names_in_``.

    >>> rows = [[float(value % 10), float(value % 7)] for value in range(200)] + [[90.0, -50.0]]
    >>> AnomalyDetector().fit(rows).scores_.argmax()
    200
    """

    model_: AnomalyModel | SeriesModel
    _of_single_rows = OF_ROWS

    def __init__(
        self,
        *,
        clean: bool = False,
        contamination: str | float = AUTO,
        capacity: int | None = None,
        known: bool = False,
        timestamp: str | None = None,
        group: str | None = None,
        window: int | None = None,
        clean_rows: int | None = None,
        clean_until: str | None = None,
        time_limit: str | float | None = None,
        memory_limit: str | int | None = None,
        seed: int = 0,
        threads: int | None = None,
        kinds: Mapping[str, str] | None = None,
        drop: Sequence[str] = (),
        max_bad: str | float = "5%",
    ) -> None:
        self.clean, self.contamination, self.capacity = clean, contamination, capacity
        self.known, self.timestamp, self.group, self.window = known, timestamp, group, window
        self.clean_rows, self.clean_until = clean_rows, clean_until
        self.time_limit, self.memory_limit = time_limit, memory_limit
        self.seed, self.threads, self.kinds = seed, threads, kinds
        self.drop, self.max_bad = drop, max_bad

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what is usual in ``X``.

        X: frame of pandas, Polars or Arrow, or array (rows, columns). y: (rows,) with ``known``: 1,
        True or yes where a row is known to be an anomaly, 0, None or NaN where nothing is known;
        else not used, as scikit-learn has it.
        Raises DataError for data that cannot be learned from, OptionError for a choice that
        makes no sense.
        """
        given = {**self.get_params(), "drop": tuple(self.drop)}
        target = "y" if given.pop("known") else None
        told = DetectOptions().with_values({**given, "target": target})
        frame = features(self, X, reset=True).drop(self.drop, strict=False)
        table, threads = Table.of(frame), self.threads or usable_threads()
        budget = Budget.begin(told.seconds, told.memory_bytes)
        check_rows(table)
        known = None
        if target is not None:
            known = cases(column([None] * len(table) if y is None else y, len(table)), "y")
        settings = Settings(
            told.seed, threads, told.clean, told.known_share, told.capacity, told.most_bad,
            known=known,
        )  # fmt: skip
        with configured(threads, self.seed):
            roles = Roles(group=self.group, timestamp=self.timestamp)
            schema = infer(table, roles, self.kinds)
            if told.memory_bytes is not None and self.timestamp is None:
                room(table, schema, told.clean, known is not None, told.memory_bytes)
            look = searched if self.timestamp is None else watched
            found = look(table, schema, told, settings, budget, silent)
        self.facts_, self.scores_ = found.facts, found.scores
        self.notices_ = (*schema.notices, *found.notices)
        self._hold(found.model, table.rows(np.arange(min(PROBE_ROWS, len(table)))))
        return self

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """How normal each row is, (rows,): minus its score, so that lower is odder."""
        check_is_fitted(self, "model_")
        frame = features(self, X, reset=False)
        with configured(self.threads or usable_threads(), self.seed):
            return -self.model_.scored(Table.of(frame))

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """``score_samples`` less ``offset_``, (rows,): below 0 a row is called."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Any:
        """-1 for rows that are called, 1 for the others: (rows,), a series if X is a frame.

        Moments of series are called that lie in an event.
        """
        check_is_fitted(self, "model_")
        if isinstance(self.model_, SeriesModel):
            with configured(self.threads or usable_threads(), self.seed):
                answers = self.model_.predict(Table.of(features(self, X, reset=False)))
            values = np.where(answers.anomaly, -1, 1)
        else:
            values = np.where(self.decision_function(X) >= 0, 1, -1)
        if not hasattr(X, "columns"):
            return values
        made = like(X, {"prediction": values})
        return made["prediction"] if hasattr(made, "__getitem__") else made

    def score_one(self, values: Mapping[str, Any]) -> float:
        """How odd one row is, {column: value}: its score, 0 … 1, higher is odder.

        Raises OptionError where rows are moments of series, which say nothing alone.
        """
        check_is_fitted(self, "model_")
        if isinstance(self.model_, SeriesModel):
            raise OptionError("E-OPT-171")
        return self.model_.score_row(values)

    def predict_one(self, values: Mapping[str, Any]) -> int:
        """-1 if one row, {column: value}, is called, else 1: without the cost of a frame."""
        return -1 if self.score_one(values) >= self.model_.threshold else 1

    def predict_frame(self, X: Any) -> pl.DataFrame:
        """All that ``deeplode predict`` writes: id, score, anomaly, reason, nearest, flags."""
        check_is_fitted(self, "model_")
        table = X if isinstance(X, Table) else Table.of(features(self, X, reset=False))
        with configured(self.threads or usable_threads(), self.seed):
            return self.model_.answered(table)

    def _hold(self, model: AnomalyModel | SeriesModel, probe: Table) -> None:
        self.model_, self._probe = model, probe
        self.offset_: float = -float(
            np.nextafter(model.threshold, 0.0)
        )  # the threshold itself is called


def detector_of(saved: Saved) -> AnomalyDetector:
    """A fitted estimator around a model that was read from a file."""
    assert isinstance(saved.model, AnomalyModel | SeriesModel)
    made = AnomalyDetector()
    taken = set(saved.model.schema.roles.named().values())
    if isinstance(saved.model, SeriesModel):
        made.set_params(timestamp=saved.model.encoder.timestamp, group=saved.model.encoder.group)
        taken = set()  # series are nothing without them
    names = [one.name for one in saved.model.schema.columns if one.name not in taken]
    made.feature_names_in_ = np.array(names, dtype=object)
    made.facts_ = saved.card
    made._hold(saved.model, saved.probe)
    return made

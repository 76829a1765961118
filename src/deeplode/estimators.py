"""Classifier and Regressor: the main job as scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array

from deeplode.data.frames import indexable, like
from deeplode.data.table import Table
from deeplode.saved import Saved
from deeplode.supervised import Supervised
from deeplode.tasks.model import Model


class Classifier(ClassifierMixin, Supervised):  # type: ignore[misc]
    """Deep net and boosted trees, blended, for classes.

    After ``fit``: ``classes_``, ``model_``, ``leaderboard_``, ``facts_`` (as in result.json, of
    out-of-fold rows), ``notices_``, ``n_features_in_``, ``feature_names_in_``.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = Classifier(epochs=3, members=1).fit(X, y)
    >>> model.predict_proba(X[:2]).shape
    (2, 3)
    """

    _task = "classification"

    def _target(self, y: Any, rows: int) -> pl.Series:
        series = super()._target(y, rows)
        values = series.drop_nulls().drop_nans() if series.dtype.is_float() else series.drop_nulls()
        check_classification_targets(values.to_numpy())
        return series

    def _hold(self, model: Model, probe: Table) -> None:
        super()._hold(model, probe)
        self.classes_ = model.target.decode(np.arange(model.problem.n_classes))
        if self.classes_.dtype == object:
            self.classes_ = self.classes_.astype(str)

    def predict(self, X: Any, edges: Any = None) -> Any:
        """The class called in each row: (rows,), as a series of pandas or Polars if X is one.

        edges: links between rows of X, and to rows of training, for a model that learned from some.
        """
        outputs = self._outputs(X, edges)
        return _series(X, self.classes_[self.model_.codes(outputs)])

    def predict_proba(self, X: Any, edges: Any = None) -> Any:
        """Calibrated probabilities (rows, classes), in the order of ``classes_``.

        A frame of pandas or Polars if X is one; it can be indexed like an array, too. edges: as
        ``predict`` has it.
        """
        outputs = self._outputs(X, edges)
        return _frame(
            X, {str(name): own for name, own in zip(self.classes_, outputs.T, strict=True)}
        )

    def predict_proba_one(self, values: Mapping[str, Any]) -> dict[Any, float]:
        """The probability of each class for one row, {column: value}, without a frame's cost."""
        outputs = self.model_.predict_row(values).outputs[0]
        return dict(zip(self.model_.target.classes, outputs.tolist(), strict=True))

    def predict_one(self, values: Mapping[str, Any]) -> Any:
        """The class called for one row, {column: value}."""
        outputs = self.model_.predict_row(values).outputs
        return self.model_.target.classes[int(self.model_.codes(outputs)[0])]


class Regressor(RegressorMixin, Supervised):  # type: ignore[misc]
    """Deep net and boosted trees, blended, for numbers.

    After ``fit``: ``model_``, ``leaderboard_``, ``facts_`` (as in result.json, of out-of-fold
    rows), ``notices_``, ``n_features_in_``, ``feature_names_in_``.
    """

    _task = "regression"

    def _target(self, y: Any, rows: int) -> pl.Series:
        series = super()._target(y, rows)
        if series.dtype.is_numeric():
            check_array(
                series.to_numpy(),
                ensure_2d=False,
                ensure_all_finite="allow-nan",
                input_name="y",
                estimator=self,
            )
        return series  # fmt: skip

    def predict(self, X: Any, edges: Any = None) -> Any:
        """The value expected in each row: (rows,), as a series of pandas or Polars if X is one.

        edges: links between rows of X, and to rows of training, for a model that learned from some.
        """
        return _series(X, self._outputs(X, edges))

    def predict_one(self, values: Mapping[str, Any]) -> float:
        """The value expected for one row, {column: value}, without the cost of a frame."""
        return float(self.model_.predict_row(values).outputs[0])


def estimator_of(saved: Saved) -> Classifier | Regressor:
    """A fitted estimator around a model that was read from a file."""
    model = saved.model
    assert isinstance(model, Model)
    made = Classifier() if model.problem.classifies else Regressor()
    taken, windows = set(model.schema.roles.named().values()), model.schema.windows
    if windows is not None:  # what long tables have
        taken |= {windows.column, windows.elapsed}
    if model.nodes is not None:
        taken -= {model.schema.roles.id or ""}
    names = [column.name for column in model.schema.columns if column.name not in taken]
    if windows is not None:
        names = [windows.timestamp, *([windows.group] if windows.group else []), *names]
    made.feature_names_in_ = np.array(names, dtype=object)
    made.facts_ = saved.card
    made._hold(model, saved.probe)
    return made


def _series(X: Any, values: NDArray[Any]) -> Any:
    """(rows,) in the library of X."""
    if not hasattr(X, "columns") or len(X) != len(values):  # of whole series there are fewer
        return values
    made = like(X, {"prediction": values})
    return made["prediction"] if hasattr(made, "__getitem__") else made


def _frame(X: Any, columns: dict[str, NDArray[Any]]) -> Any:
    """(rows, columns) in the library of X."""
    if not hasattr(X, "columns") or len(X) != len(next(iter(columns.values()))):
        return np.stack(list(columns.values()), axis=1)
    return indexable(like(X, columns))

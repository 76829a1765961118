"""What people hand to estimators, as Polars, checked as scikit-learn wants it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from sklearn.utils.validation import check_array, column_or_1d, validate_data

from deeplode.data.frames import as_polars
from deeplode.data.table import Table
from deeplode.errors import DataError


def features(estimator: Any, X: Any, *, reset: bool) -> pl.DataFrame:
    """The columns of X.

    X: frame, array (rows, columns), dict of columns or Table. reset: whether the estimator is
    being fitted; else X must have the columns that it was fitted with.
    """
    if isinstance(X, Table):
        X = X.frame
    if type(X) is dict:  # sparse matrices can be dicts, too
        X = as_polars(X)
    if not hasattr(X, "columns"):  # an array: scikit-learn has the words for what is wrong
        X = check_array(X, dtype=None, ensure_all_finite=False, estimator=estimator)
    if reset or hasattr(estimator, "n_features_in_"):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
    return as_polars(X)


def column(values: Any, rows: int) -> pl.Series:
    """A target, weight or group column. Raises DataError when it is not one value a row."""
    series = _series_of(values)
    if len(series) != rows:
        raise DataError("E-DATA-058", rows=rows, values=len(series))
    return series


def _series_of(values: Any) -> pl.Series:
    """(rows,) of anything as a Polars series; (rows, 1) is taken with scikit-learn's warning."""
    if isinstance(values, pl.Series):
        return values
    if not hasattr(values, "columns") and getattr(values, "ndim", 1) != 1:
        values = column_or_1d(values, warn=True)
    if not hasattr(values, "to_frame"):
        values = {"y": values if isinstance(values, list) else np.asarray(values)}
    return as_polars(values).to_series()


def free(role: str, names: Sequence[str]) -> str:
    """A name for a column of ours that no feature has."""
    name = role
    while name in names:
        name += "_"
    return name

"""Known: how good a model of anomalies is where it is known which rows are some."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.kinds.boolean import TRUTHS
from deeplode.data.parse import BLANKS
from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.evaluate.calibrate import wilson
from deeplode.evaluate.intervals import resample
from deeplode.evaluate.problem import Problem
from deeplode.tasks.anomalies import AnomalyModel

OF_RANKS = ("roc_auc", "average_precision", "f1")


def known(series: pl.Series, source: str) -> NDArray[np.bool_]:
    """(rows,) which rows are anomalies. An empty cell is none.

    Truths, words for them (yes, no, 是, 否) and numbers (0 = normal) are understood; else the rarer
    of two values means an anomaly. Raises DataError for anything else, and where all rows are
    alike.
    """
    found = _truths(series)
    if found is None:
        counts = series.cast(pl.String, strict=False).drop_nulls().value_counts(sort=True)
        if counts.height != 2:
            raise DataError("E-DATA-095", source=source, column=series.name, count=counts.height)
        rarer = counts[series.name][1]
        found = (series.cast(pl.String, strict=False) == rarer).fill_null(False).to_numpy()
    if found.all() or not found.any():
        raise DataError("E-DATA-096", source=source, column=series.name)
    return found


def _truths(series: pl.Series) -> NDArray[np.bool_] | None:
    """(rows,), or None where the cells are no truths."""
    if series.dtype == pl.Boolean or series.dtype.is_numeric():
        return (series.cast(pl.Float64).fill_nan(None).fill_null(0) != 0).to_numpy()
    words = series.cast(pl.String, strict=False).str.strip_chars(BLANKS).str.to_lowercase()
    if not set(words.drop_nulls()) <= TRUTHS.keys() | {""}:
        return None
    return np.array([TRUTHS.get(word or "", False) for word in words], np.bool_)


def judged(model: AnomalyModel, table: Table, target: str) -> dict[str, Any]:
    """Scores on labelled rows with 95 % intervals.

    roc_auc, average_precision, f1 by resampling the rows; far, the share of normal rows that are
    called, mar, the share of anomalies that are not, and precision by Wilson's interval.
    Raises DataError where the target is no truth.
    """
    truth = known(table.frame[target], table.source)
    answers = model.predict(table)
    shares = np.stack([1 - answers.outputs, answers.outputs], axis=1)
    problem = Problem("binary", 2)
    cut = {"model": float(np.nextafter(model.threshold, 0.0))}
    found = resample(problem, truth.astype(np.int64), {"model": shares}, thresholds=cut)
    metrics = {name: found.interval("model", name).as_json() for name in OF_RANKS}
    called = answers.anomaly
    metrics["far"] = _share(called[~truth])
    metrics["mar"] = _share(~called[truth])
    metrics["precision"] = _share(truth[called])
    return {
        "metrics": metrics,
        "anomalies": {"called": int(called.sum()), "known": int(truth.sum())},
    }


def _share(rows: NDArray[np.bool_]) -> dict[str, float | None]:
    """The share of true ones, with its interval; None of no rows."""
    if not len(rows):
        return {"value": None, "low": None, "high": None}
    value = float(rows.mean())
    low, high = wilson(value, float(len(rows)))
    return {"value": value, "low": low, "high": high}

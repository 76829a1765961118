"""Known: which rows are anomalies, and how good a model is where that is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import binom

from deeplode.data.kinds.boolean import TRUTHS
from deeplode.data.parse import BLANKS
from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.evaluate.calibrate import wilson
from deeplode.evaluate.intervals import resample
from deeplode.evaluate.problem import Problem
from deeplode.tasks.anomalies import AnomalyModel
from deeplode.tasks.drift import Drift, drift

OF_RANKS = ("roc_auc", "average_precision", "f1")


def known(series: pl.Series, source: str) -> NDArray[np.bool_]:
    """(rows,) which rows are anomalies. An empty cell is none.

    Truths, words for them (yes, no, 是, 否) and numbers (0 = normal) are understood; else the rarer
    of two values (1 and -1, too) means an anomaly, and so does the only one beside empty cells.
    Raises DataError for anything else, and where all rows are alike.
    """
    found = _marked(series, source)
    if found.all() or not found.any():
        raise DataError("E-DATA-096", source=source, column=series.name)
    return found


def cases(series: pl.Series, source: str) -> NDArray[np.bool_]:
    """(rows,) the anomalies to learn from, as ``known`` reads them; all others are unlabelled.

    Raises DataError where there are none, or nothing else.
    """
    found = _marked(series, source)
    if not found.any():
        raise DataError("E-DATA-105", source=source, column=series.name)
    if found.all():
        raise DataError("E-DATA-106", source=source, column=series.name)
    return found


def _marked(series: pl.Series, source: str) -> NDArray[np.bool_]:
    found = _truths(series)
    if found is None:
        words = series.cast(pl.String, strict=False).str.strip_chars(BLANKS)
        words = words.set(words == "", None)
        counts = words.drop_nulls().value_counts(sort=True)
        if counts.height != 2 and (counts.height != 1 or not words.null_count()):
            raise DataError("E-DATA-095", source=source, column=series.name, count=counts.height)
        found = (words == counts[series.name][-1]).fill_null(False).to_numpy()
    return found


def _truths(series: pl.Series) -> NDArray[np.bool_] | None:
    """(rows,), or None where the cells are no truths."""
    if series.dtype == pl.Boolean or series.dtype.is_numeric():
        numbers = series.cast(pl.Float64).fill_nan(None).fill_null(0)
        two = numbers.n_unique() == 2 and not (numbers == 0).any()  # as -1 and 1 of scikit-learn
        return None if two else (numbers != 0).to_numpy()
    words = series.cast(pl.String, strict=False).str.strip_chars(BLANKS).str.to_lowercase()
    if not set(words.drop_nulls()) <= TRUTHS.keys() | {""}:
        return None
    return np.array([TRUTHS.get(word or "", False) for word in words], np.bool_)


def judged(model: AnomalyModel, table: Table, target: str) -> tuple[dict[str, Any], Drift | None]:
    """Scores on labelled rows with 95 % intervals, and how far scores have drifted.

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
    moved = drift(model, answers.outputs)
    facts = {
        "metrics": metrics,
        "anomalies": {"called": int(called.sum()), "known": int(truth.sum())},
        "drift": moved.facts() if moved else None,
    }
    return facts, moved


def regained(
    scores: NDArray[np.float64], called: NDArray[np.bool_], cases: NDArray[np.bool_]
) -> dict[str, Any]:
    """How the known cases come out where each was scored by what had not learned it.

    called: how many of them are; recall: their share, by Wilson's interval. rank: the median of
    their places among the other rows, 1 = odder than all, by order statistics' interval.
    """
    others = np.sort(scores[~cases])
    places = np.sort(1 + len(others) - np.searchsorted(others, scores[cases], side="right"))
    count = len(places)
    low, high = binom.interval(0.95, count, 0.5)
    ends = places[int(max(low - 1, 0))], places[int(min(high, count - 1))]
    return {
        "count": count,
        "called": int(called[cases].sum()),
        "recall": _share(called[cases]),
        "rank": {"value": float(np.median(places)), "low": float(ends[0]), "high": float(ends[1])},
        "others": len(others),
    }


def _share(rows: NDArray[np.bool_]) -> dict[str, float | None]:
    """The share of true ones, with its interval; None of no rows."""
    if not len(rows):
        return {"value": None, "low": None, "high": None}
    value = float(rows.mean())
    low, high = wilson(value, float(len(rows)))
    return {"value": value, "low": low, "high": high}

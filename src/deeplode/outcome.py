"""Outcome: what detect comes to, for rows and for series, and the facts that both tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.messages import Notice
from deeplode.tasks.anomalies import AnomalyModel
from deeplode.tasks.seriesmodel import SeriesModel

BINS = 40  # of the histogram of scores


@dataclass(frozen=True)
class Outcome:
    """What detect comes to.

    scores: (rows,) 0 … 1. frame: what the model says of the rows, as ``predictions.parquet`` has
    it. facts: of result.json.
    """

    model: AnomalyModel | SeriesModel
    scores: NDArray[np.float64]
    frame: pl.DataFrame
    facts: dict[str, Any]
    notices: tuple[Notice, ...]


def board(
    parts: Mapping[str, NDArray[np.float64]], seconds: Mapping[str, float], answer: str
) -> list[dict[str, Any]]:
    """The leaderboard: every detector's agreement (Spearman) with the one that answers, and its
    times. parts: (rows,) raw scores, by detector."""
    entries = []
    for name, scores in parts.items():
        pair = pl.DataFrame({"one": scores, "other": parts[answer]})
        alike = pair.select(pl.corr("one", "other", method="spearman")).item()
        agreement = None if alike is None or not np.isfinite(alike) else float(alike)
        entry = {"name": name, "metrics": {}, "fit_seconds": round(seconds.get(name, 0.0), 3)}
        entries.append({**entry, "predict_seconds": None, "agreement": agreement})
    return entries


def histogram(scores: NDArray[np.float64]) -> dict[str, Any]:
    """Counts of scores between 0 and 1. scores: (rows,)."""
    counts, edges = np.histogram(scores, BINS, (0.0, 1.0))
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def blamed(blame: NDArray[np.float64], columns: Sequence[str]) -> list[dict[str, Any]]:
    """The columns to blame for what was called: mean share of each, largest first.

    blame: (called, columns) >= 0.
    """
    if not len(blame):
        return []
    mean = (blame / np.maximum(blame.sum(axis=1, keepdims=True), 1e-300)).mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    return [{"column": columns[at], "share": float(mean[at])} for at in order if mean[at] > 0]

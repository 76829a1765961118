"""Known groups: how far a model's groups are those that a column names."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.evaluate.groups import agreement, silhouette
from deeplode.tasks.clustermodel import ClusterModel


def codes_of(cells: pl.Series) -> NDArray[np.int64]:
    """(rows,) 0 … for each different cell, in the order of their texts; -1 where it is empty."""
    texts = cells.cast(pl.String, strict=False)
    names = texts.drop_nulls().unique().sort()
    places = {name: at for at, name in enumerate(names.to_list())}
    return np.array([places.get(one, -1) for one in texts.to_list()], np.int64)


def judged(model: ClusterModel, table: Table, target: str) -> dict[str, Any]:
    """acc, nmi, ari and silhouette on rows whose group is known.

    Raises DataError where none is.
    """
    truth = codes_of(table.frame[target])
    known = np.flatnonzero(truth >= 0)
    if not len(known):
        raise DataError("E-DATA-059", source=table.source, column=target)
    encoded = model.encoder.transform(table.rows(known))
    x = model.vectors.of(encoded.batch)
    labels = model.grouping.probabilities(x).argmax(1)
    metrics = agreement(truth[known], labels, 0) | silhouette(x.numpy(), labels, 0)
    return {
        "metrics": metrics,
        "leaderboard": [
            {
                "name": model.grouping.name,
                "metrics": metrics,
                "fit_seconds": None,
                "predict_seconds": None,
            }
        ],
    }

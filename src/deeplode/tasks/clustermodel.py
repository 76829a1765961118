"""Cluster model: what says of each row which group it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.clusters.candidates import Grouping
from deeplode.clusters.vectors import Vectors
from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.detectors.detector import kept
from deeplode.encode.encoder import Encoder
from deeplode.parts import below, under
from deeplode.tasks.typical import Typical, checked_typical

NOWHERE = -1  # the group of rows that belong to none
FENCE = 3.0  # interquartile ranges beyond the third quartile (Tukey's far out)


@dataclass(frozen=True)
class Assigned:
    """What a model says of some rows.

    outputs: (rows, groups) probabilities. cluster: (rows,) 0 …, the largest group first, or
    NOWHERE. flags: what is odd about reading each row.
    """

    outputs: NDArray[np.float64]
    cluster: NDArray[np.int64]
    flags: list[str]


@dataclass(frozen=True, eq=False)
class ClusterModel:
    """Encoders, the vectors made of rows, and the groups of these.

    centers: (groups, dimensions) float32, the mean vector of each. fence: (groups,) distance from
    it beyond which a row belongs nowhere. typical: of the columns that can be changed, the cell
    that rows of each group usually have.
    """

    schema: Schema
    encoder: Encoder
    vectors: Vectors
    grouping: Grouping
    centers: NDArray[np.float32]
    fence: NDArray[np.float64]
    typical: Typical

    verb = "cluster"
    task = "cluster"

    def predict(self, table: Table) -> Assigned:
        """Answer for rows. Raises DataError where a column is absent or cannot be read."""
        encoded = self.encoder.transform(table)
        return self.assigned(self.vectors.of(encoded.batch), encoded.flags)

    def assigned(self, x: Tensor, flags: list[str]) -> Assigned:
        """Answer for vectors, (rows, dimensions)."""
        outputs = self.grouping.probabilities(x)
        cluster = outputs.argmax(1) if len(outputs) else np.zeros(0, np.int64)
        far = distances(x, self.centers, cluster) > self.fence[cluster]
        return Assigned(outputs, np.where(far, NOWHERE, cluster), flags)

    def embedding(self, table: Table) -> NDArray[np.float64]:
        """(rows, dimensions): where rows lie in the space that the groups were found in."""
        x = self.vectors.of(self.encoder.transform(table).batch)
        return np.asarray(self.grouping.space.of(x).double().numpy())

    def frame(self, ids: pl.Series, answers: Assigned) -> pl.DataFrame:
        """Answers as rows of ``predictions.parquet``: id, cluster, probability, flags.

        cluster: 1 …, the largest group first; 0 where a row belongs nowhere.
        """
        surest = answers.outputs.max(axis=1, initial=0.0)
        return pl.DataFrame(
            [
                ids.alias("id"),
                pl.Series("cluster", answers.cluster + 1, dtype=pl.Int64),
                pl.Series("probability", surest, dtype=pl.Float64),
                pl.Series("flags", answers.flags, dtype=pl.String),
            ]
        )

    def answered(self, table: Table) -> pl.DataFrame:
        """The answers for a table, a row a row, as ``predict`` of the program writes them."""
        return self.frame(table.ids, self.predict(table))

    def facts(self) -> dict[str, Any]:
        """What is not an array, ready for JSON: the ``schema.json`` of a model file."""
        return {
            "schema": self.schema.to_json(),
            "encoder": self.encoder.to_json(),
            "vectors": self.vectors.facts(),
            "grouping": self.grouping.facts(),
            "typical": dict(self.typical),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays: ``<part>.<name>``."""
        parts = {"vectors": self.vectors.arrays(), "grouping": self.grouping.arrays()}
        return {**under(parts), "centers": self.centers, "fence": self.fence}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> ClusterModel:
        """The model that ``facts()`` and ``arrays()`` describe.

        Raises ValueError, KeyError or TypeError for what no fit can have written.
        """
        grouping = Grouping.restore(facts["grouping"], below(arrays, "grouping"))
        centers = kept(arrays, "centers", "float32", grouping.groups, -1)
        fence = kept(arrays, "fence", "float64", grouping.groups)
        encoder = Encoder.from_json(facts["encoder"])
        return cls(
            Schema.from_json(facts["schema"]),
            encoder,
            Vectors.restore(facts["vectors"], below(arrays, "vectors")),
            grouping,
            centers,
            fence,
            checked_typical(facts["typical"], encoder, grouping.groups),
        )


def fitted_fences(
    x: Tensor, labels: NDArray[np.int64], groups: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The mean vector of each group and the distance beyond which a row is far out.

    x: (rows, dimensions) that formed the groups. labels: (rows,).
    """
    index = torch.from_numpy(labels)
    counts = torch.bincount(index, minlength=groups).clamp(min=1).unsqueeze(1)
    sums = torch.zeros(groups, x.shape[1], dtype=torch.float64).index_add_(0, index, x.double())
    centers = (sums / counts).float().numpy()
    away = distances(x, centers, labels)
    fence = np.zeros(groups)
    for group in range(groups):
        own = away[labels == group]
        low, high = np.quantile(own, (0.25, 0.75)) if len(own) else (0.0, 0.0)
        fence[group] = max(high + FENCE * (high - low), 1.5 * high, 1e-6)
    return centers, fence


def distances(
    x: Tensor, centers: NDArray[np.float32], labels: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(rows,): how far each row is from the middle of its own group."""
    own = torch.from_numpy(centers)[torch.from_numpy(labels)]
    return np.asarray((x - own).double().square().sum(1).sqrt().numpy())

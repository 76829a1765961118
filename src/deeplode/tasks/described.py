"""Described: what is known of users or items, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.clusters.vectors import Vectors, fit_vectors
from deeplode.data.ids import ids_of, one_form, places
from deeplode.data.role import serving
from deeplode.data.schema import Roles, Schema, infer
from deeplode.data.table import Table
from deeplode.detectors.detector import Arrays
from deeplode.encode.encoder import Encoder
from deeplode.errors import DataError
from deeplode.tasks.cluster import units_of

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Described:
    """How the columns of a table of items, or users, become vectors.

    key: the column of their ids.
    """

    key: str
    schema: Schema
    encoder: Encoder
    vectors: Vectors

    def of(self, table: Table) -> Floats:
        """(rows, columns) float32. Raises DataError where a column is absent."""
        return np.asarray(self.vectors.of(self.encoder.transform(table).batch).numpy())

    def facts(self) -> dict[str, Any]:
        """What is not an array."""
        return {
            "key": self.key,
            "schema": self.schema.to_json(),
            "encoder": self.encoder.to_json(),
            "vectors": self.vectors.facts(),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""
        return self.vectors.arrays()

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError."""
        return cls(
            str(facts["key"]),
            Schema.from_json(facts["schema"]),
            Encoder.from_json(facts["encoder"]),
            Vectors.restore(facts["vectors"], arrays),
        )


def describe(
    table: Table, key: str, kinds: Mapping[str, str] | None, seed: int, most_bad: float
) -> tuple[Described, Floats]:
    """How this table's columns become vectors, and its own. The order of its rows and columns is no
    matter. Raises DataError where no column is left."""
    order = ids_of(table.frame[key]).arg_sort().to_numpy()
    ordered = table.rows(order)
    ordered = replace(ordered, frame=ordered.frame.select(sorted(table.names)))
    schema = infer(ordered, Roles(id=key), kinds)
    encoder = Encoder.fit(ordered, schema)
    batch = encoder.transform(ordered, most_bad).batch
    vectors = fit_vectors(batch, encoder.sizes.media, units_of(encoder), seed)
    values = np.asarray(vectors.of(batch).numpy())
    return Described(key, schema, encoder, vectors), values[np.argsort(order)]


def found(table: Table, key: str, role: str, ids: pl.Series) -> Ints:
    """(ids,) the row of the table that tells of each; -1 where none does.

    Raises DataError where the key column is absent, or names one of them twice.
    """
    (own, asked), _ = one_form([ids_of(serving(table, role, key)), ids])
    twice = (own.is_duplicated() & own.is_not_null()).to_numpy()
    if twice.any():
        row = int(np.argmax(twice))
        told = {"source": table.source, "column": key, "row": row, "value": table.frame[key][row]}
        raise DataError("E-DATA-202", **told)
    return places(asked, own)


def spread(values: Floats, rows: Ints) -> Floats:
    """(ids, columns): the vector of each id; 0 where nothing is known. rows: as ``found``."""
    out = values[np.maximum(rows, 0)] if len(values) else np.zeros((len(rows), values.shape[1]))
    return np.where(rows[:, None] >= 0, out, 0.0).astype(np.float32)

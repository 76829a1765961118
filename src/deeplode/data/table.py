"""Table: named, typed, equally long columns plus row ids that travel to every output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from deeplode.messages import Notice

if TYPE_CHECKING:
    from deeplode.data.graph import Graph


@dataclass(frozen=True)
class Table:
    """Checked columns as they were read, before anything is learned from them.

    frame: columns in input order; names are unique and not empty.
    ids: one value a row, carried to every output; the row's position (0, 1, …) unless an id
        column was named.
    source: what messages call the data, such as the file's name.
    reading: how it was read (encoding, delimiter, decimal …), each guess settable.
    notices: what the user should know about the reading.
    graph, places: the nodes that rows are some of, and which, (rows,) int64; None where rows are
        not linked.
    """

    frame: pl.DataFrame
    ids: pl.Series
    source: str
    reading: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    graph: Graph | None = None
    places: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        frame: pl.DataFrame,
        source: str = "data",
        reading: Mapping[str, Any] | None = None,
        notices: Sequence[Notice] = (),
    ) -> Table:
        """A table whose ids are row positions."""
        ids = pl.int_range(frame.height, eager=True).alias("id")
        return cls(frame, ids, source, dict(reading or {}), tuple(notices))

    def __len__(self) -> int:
        return self.frame.height

    @property
    def names(self) -> list[str]:
        """Column names in input order."""
        return self.frame.columns

    def rows(self, index: np.ndarray) -> Table:
        """The rows at these positions, in this order. index: (n,) integers."""
        places = None if self.places is None else self.places[index]
        return replace(self, frame=self.frame[index], ids=self.ids[index], places=places)

    def without(self, names: Sequence[str]) -> Table:
        """The table less these columns; names that it lacks are passed over."""
        return replace(self, frame=self.frame.drop(names, strict=False))

    def within(self, graph: Graph) -> Table:
        """The table as the nodes of a graph: row i is node i."""
        return replace(self, graph=graph, places=np.arange(len(self)))

    def with_ids(self, name: str) -> Table:
        """The table with the values of column ``name`` as row ids; the column stays."""
        return replace(self, ids=self.frame[name].alias("id"))

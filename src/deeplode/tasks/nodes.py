"""Nodes: what a model keeps of the graph that it learned from, so that new nodes can link to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.edges import ENDS, links
from deeplode.data.graph import Graph, fingerprint, keys, linked
from deeplode.data.ids import as_written
from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.errors import DataError

MOST = 1 << 28  # nodes

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Nodes:
    """The nodes of training, in their order; their columns and links are not kept.

    keys: (nodes,) uint64, of their ids; (0,) where they had none and were numbered. sums: (nodes,)
    float32, of the weights of their links. print: of the graph, to know it again.
    """

    keys: NDArray[np.uint64]
    sums: NDArray[np.float32]
    print: int

    def __post_init__(self) -> None:
        if len(self.keys) not in (0, len(self.sums)) or not 0 < len(self.sums) <= MOST:
            raise ValueError("as many keys as nodes are wanted")
        if not (np.isfinite(self.sums).all() and (self.sums >= 0).all()):
            raise ValueError("sums of weights are 0 or more")

    @classmethod
    def of(cls, graph: Graph, ids: pl.Series | None) -> Nodes:
        """What is kept of a graph. ids: of its nodes, None where they were numbered."""
        edges = graph.edges
        sums = np.zeros(edges.nodes)
        for ends in (edges.source, edges.target):
            sums += np.bincount(ends, edges.weight, edges.nodes)
        known = np.empty(0, np.uint64) if ids is None else keys(as_written(ids))
        return cls(known, sums.astype(np.float32), fingerprint(edges))

    def within(self, table: Table, ends: Table, id_column: str | None, most_bad: float) -> Table:
        """New nodes with their links, among each other and to nodes of training.

        ends: the table of links. most_bad: share of the links that may name an unknown node.
        Raises DataError where a column is absent or links are odd.
        """
        if id_column is None or not len(self.keys):
            edges = links(ends, pl.Series(np.arange(len(table))), most_bad, table.source)
            same = edges.nodes == len(self.sums) and fingerprint(edges) == self.print
            return linked(table, edges, None if same else np.full(edges.nodes, -1))
        if id_column not in table.names:
            near = closest(id_column, table.names)
            told = {"role": "id", "column": id_column, "source": table.source}
            raise DataError("E-DATA-045", closest=near, **told)
        ids = as_written(table.frame[id_column])
        written = ends
        if all(name in ends.names for name in ENDS):
            texts = [as_written(ends.frame[name]) for name in ENDS]
            written = replace(ends, frame=ends.frame.with_columns(texts))
            strange = pl.concat([one.rename("") for one in texts]).unique(maintain_order=True)
            strange = strange.drop_nulls().filter(~strange.drop_nulls().is_in(ids.implode()))
            strange = strange.filter(pl.Series(self.found(strange) >= 0))
            ids = pl.concat([ids.rename(""), strange.rename("")])
        edges = links(written, ids, most_bad, table.source)
        known = self.found(ids)
        beyond = np.zeros(edges.nodes)
        beyond[len(table) :] = self.sums[known[len(table) :]]
        return table.within(Graph(table, edges, known, beyond))

    def found(self, ids: pl.Series) -> Ints:
        """(n,) the node of training with each of these ids; -1 where there is none."""
        asked = keys(ids)
        order = np.argsort(self.keys, kind="stable")
        place = np.minimum(np.searchsorted(self.keys[order], asked), len(order) - 1)
        found = order[place]
        return np.where((self.keys[found] == asked) & (asked != 0), found, -1)

    def facts(self) -> dict[str, Any]:
        """What is not an array, ready for JSON."""
        return {"print": self.print}

    def arrays(self) -> dict[str, np.ndarray]:
        """Keys and sums."""
        return {"keys": self.keys, "sums": self.sums}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Nodes:
        """The inverse of ``facts`` and ``arrays``. Raises KeyError, TypeError or ValueError."""
        keys_, sums = arrays["keys"], arrays["sums"]
        if (
            keys_.dtype != np.uint64
            or keys_.ndim != 1
            or sums.dtype != np.float32
            or sums.ndim != 1
        ):
            raise TypeError("keys are uint64, sums float32")
        if type(facts["print"]) is not int:
            raise TypeError("print is a whole number")
        return cls(keys_, sums, facts["print"])

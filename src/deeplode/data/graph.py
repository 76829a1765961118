"""Graph: rows of a table that are nodes, and the links between them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.adjacency import Matrix, normalised
from deeplode.data.edges import Edges
from deeplode.data.table import Table

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Graph:
    """All nodes of a graph. nodes: their columns. edges: links; a model may know further nodes, of
    its training, that stand behind those of ``nodes``. known: (all nodes,) int64 place of each
    among the nodes of training; -1 = new. beyond: (all nodes,) float64 sums of the weights of links
    that they have but that are not here; None = none has any.
    """

    nodes: Table
    edges: Edges
    known: Ints
    beyond: NDArray[np.float64] | None = None

    @cached_property
    def matrix(self) -> Matrix:
        """All nodes' links, as ``normalised`` makes them."""
        return normalised(self.edges, self.beyond)

    def __post_init__(self) -> None:
        if self.known.shape != (self.edges.nodes,) or len(self.nodes) > self.edges.nodes:
            raise ValueError("a graph of other nodes than its links have")


def linked(table: Table, edges: Edges, known: Ints | None = None) -> Table:
    """A table whose rows are the first nodes of these links. known: as Graph has it; every node
    itself if not given, as in training."""
    known = np.arange(edges.nodes) if known is None else known
    return table.within(Graph(table, edges, known))


def keys(ids: Sequence[object] | pl.Series) -> NDArray[np.uint64]:
    """(nodes,) a number for each id that is the same on every machine and tells nothing of it: 64
    bits of BLAKE2b of how it is written. 0 for an empty one."""
    texts = ids.to_list() if isinstance(ids, pl.Series) else ids
    digests = (
        b"\0" * 8 if text is None else hashlib.blake2b(str(text).encode(), digest_size=8).digest()
        for text in texts
    )
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def fingerprint(edges: Edges) -> int:
    """A number that two graphs share only if they have the same nodes and links, 63 bits."""
    digest = hashlib.blake2b(str(edges.nodes).encode(), digest_size=8)
    for part in (edges.source, edges.target, edges.weight):
        digest.update(np.ascontiguousarray(part).tobytes())
    return int.from_bytes(digest.digest(), "little") >> 1

"""Community model: the communities of known nodes, and those of new ones by links and content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.clusters.vectors import Vectors
from deeplode.communities.assign import MOST, UNLINKED, Assigner
from deeplode.communities.network import Floats, Ints, Network
from deeplode.data.ids import as_written
from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.detectors.detector import kept
from deeplode.encode.batch import Batch
from deeplode.encode.encoder import Encoder
from deeplode.parts import below, under
from deeplode.tasks.nodes import Nodes


@dataclass(frozen=True)
class Placed:
    """Where some nodes belong.

    outputs: (rows, communities) chances by content alone. cluster: (rows,), by links, too;
    probability: (rows,) of it. flags: what is odd about reading each row.
    """

    outputs: Floats
    cluster: Ints
    probability: Floats
    flags: list[str]


@dataclass(frozen=True, eq=False)
class CommunityModel:
    """What is kept: hashes of the nodes' ids with their communities, how content tells communities
    apart where it has a say, and how large they are. Links and columns are not kept.

    vectors: None where rows have no columns to learn from. label: (nodes,) int32 from 0.
    """

    schema: Schema
    encoder: Encoder
    vectors: Vectors | None
    nodes: Nodes
    label: NDArray[np.int32]
    assigner: Assigner

    verb = "cluster"
    task = "communities"

    def __post_init__(self) -> None:
        fits = self.label.shape == (len(self.nodes.sums),) and self.label.min() >= 0
        if not fits or len(self.assigner.share) != min(MOST, self.communities):
            raise ValueError("a community for each node is wanted")

    @property
    def communities(self) -> int:
        """How many there are."""
        return int(self.label.max()) + 1

    def predict(self, table: Table) -> Placed:
        """The communities of rows, among their links where the table has them.

        A known node is in the community that it was found in. Raises DataError where a column is
        absent or cannot be read.
        """
        encoded = self.encoder.transform(table)
        outputs = self.assigner.by_content(content_of(self.vectors, encoded.batch, len(table)))
        cluster, surest = self._known(table), np.ones(len(table))
        new = np.flatnonzero(cluster < 0)
        if len(new):
            linked = table.graph is not None
            chances = self._linked(table, outputs[new], new) if linked else outputs[new]
            cluster[new], surest[new] = chances.argmax(1), chances.max(1)
        return Placed(outputs, cluster, surest, encoded.flags)

    def _known(self, table: Table) -> Ints:
        """(rows,) where known nodes were found; UNLINKED for others."""
        own, place = self.schema.roles.id, np.full(len(table), -1)
        if table.graph is not None:
            place = table.graph.known[table.places]
        elif own is not None and own in table.names:
            place = self.nodes.found(as_written(table.frame[own]))
        return np.where(place >= 0, self.label[place], UNLINKED).astype(np.int64)

    def _linked(self, table: Table, content: Floats, new: Ints) -> Floats:
        """The chances of new rows by links and content. content: (new rows, communities)."""
        graph = table.graph
        assert graph is not None
        assert table.places is not None
        known, place = graph.known, np.zeros(graph.edges.nodes, np.int64)
        place[table.places[new]] = np.arange(len(new))
        label = np.where(known >= 0, self.label[known], UNLINKED).astype(np.int64)
        order = place[known < 0]  # new nodes as the graph has them
        chances = np.empty_like(content)
        network = Network.linking(graph.edges)
        chances[order] = self.assigner.by_links(network, label, content[order])
        return chances

    def frame(self, ids: pl.Series, answers: Placed) -> pl.DataFrame:
        """Answers as rows of ``predictions.parquet``: id, cluster, probability, flags.

        cluster: 1 …, the largest community first.
        """
        return pl.DataFrame(
            [
                ids.alias("id"),
                pl.Series("cluster", answers.cluster + 1),
                pl.Series("probability", answers.probability),
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
            "vectors": None if self.vectors is None else self.vectors.facts(),
            "nodes": self.nodes.facts(),
            "assigner": self.assigner.facts(),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays: ``<part>.<name>``."""
        vectors = {} if self.vectors is None else self.vectors.arrays()
        return under(
            {
                "vectors": vectors,
                "nodes": self.nodes.arrays(),
                "assigner": self.assigner.arrays(),
                "communities": {"label": self.label},
            }
        )

    @classmethod
    def restore(
        cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> CommunityModel:
        """The model that ``facts()`` and ``arrays()`` describe.

        Raises ValueError, KeyError or TypeError for what no fit can have written.
        """
        own = facts["vectors"]
        return cls(
            Schema.from_json(facts["schema"]),
            Encoder.from_json(facts["encoder"]),
            None if own is None else Vectors.restore(own, below(arrays, "vectors")),
            Nodes.restore(facts["nodes"], below(arrays, "nodes")),
            kept(below(arrays, "communities"), "label", "int32", -1),
            Assigner.restore(facts["assigner"], below(arrays, "assigner")),
        )


def content_of(vectors: Vectors | None, batch: Batch, rows: int) -> Floats:
    """What nodes are about, (rows, columns); no columns where nothing is learned from them."""
    if vectors is None:
        return np.zeros((rows, 0))
    return np.asarray(vectors.of(batch).double().numpy())

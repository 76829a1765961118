"""Community model: the communities of known nodes, and those of new ones by links and content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.clusters.vectors import Vectors
from deeplode.communities.assign import UNLINKED, Assigner
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

    outputs: (rows, communities) chances by content alone; chances: by links, too. cluster: (rows,).
    flags: what is odd about reading each row.
    """

    outputs: Floats
    chances: Floats
    cluster: Ints
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
        fits = self.label.shape == (len(self.nodes.sums),)
        if not fits or not 0 <= self.label.min() <= self.label.max() < len(self.assigner.share):
            raise ValueError("a community for each node is wanted")

    @property
    def communities(self) -> int:
        """How many there are."""
        return len(self.assigner.share)

    def predict(self, table: Table) -> Placed:
        """The communities of rows, among their links where the table has them.

        A known node is in the community that it was found in. Raises DataError where a column is
        absent or cannot be read.
        """
        encoded = self.encoder.transform(table)
        content = self.assigner.by_content(content_of(self.vectors, encoded.batch, len(table)))
        if table.graph is not None and table.places is not None:
            chances = self._linked(table, content)
        else:
            chances = self._alone(table, content)
        return Placed(content, chances, chances.argmax(1), encoded.flags)

    def _alone(self, table: Table, content: Floats) -> Floats:
        """Without links: known nodes where they were found, others by content."""
        own, chances = self.schema.id, content.copy()
        if own is not None and own in table.names:
            place = self.nodes.found(as_written(table.frame[own]))
            known = place >= 0
            chances[known] = np.eye(self.communities)[self.label[place[known]]]
        return chances

    def _linked(self, table: Table, content: Floats) -> Floats:
        """The chances of rows by links and content. content: (rows, communities) chances."""
        graph = table.graph
        assert graph is not None
        edges, known = graph.edges, graph.known
        every = np.tile(self.assigner.share, (edges.nodes, 1))
        every[table.places] = content
        label = np.full(edges.nodes, UNLINKED)
        label[known >= 0] = self.label[known[known >= 0]]
        network = Network.linking(edges)
        return self.assigner.by_links(network, label, every)[table.places]

    def frame(self, ids: pl.Series, answers: Placed) -> pl.DataFrame:
        """Answers as rows of ``predictions.parquet``: id, cluster, probability, flags.

        cluster: 1 …, the largest community first.
        """
        chance = answers.chances[np.arange(len(answers.cluster)), answers.cluster]
        return pl.DataFrame(
            [
                ids.alias("id"),
                pl.Series("cluster", answers.cluster + 1),
                pl.Series("probability", chance),
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

"""Partition: a table of nodes and their links to communities, and a model that places new nodes."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
import polars as pl

from deeplode.clusters.vectors import Vectors, fit_vectors
from deeplode.communities.assign import Assigner
from deeplode.communities.network import Network
from deeplode.data.edges import Edges, links
from deeplode.data.graph import linked
from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.encode.batch import Batch
from deeplode.encode.encoder import Encoder
from deeplode.progress import Listen, silent
from deeplode.runtime import Budget
from deeplode.tasks.cluster import units_of
from deeplode.tasks.communities import BOTH, Communities, canonical, communities
from deeplode.tasks.communitymodel import CommunityModel, Placed, content_of
from deeplode.tasks.nodes import Nodes

AFTER = 0.4  # of the time there is, kept for central nodes, the drawing and the report


@dataclass(frozen=True)
class Partitioned:
    """Communities of a table's rows, the model of them, and what it answers for these rows.

    edges: the links. order: (rows,) places by ids. batch: the encoded rows in that order.
    """

    found: Communities
    model: CommunityModel
    placed: Placed
    edges: Edges
    order: np.ndarray
    batch: Batch


def partition(
    table: Table,
    ends: Table,
    schema: Schema,
    clusters: int | None,
    most_bad: float,
    seed: int,
    budget: Budget,
    listen: Listen = silent,
) -> Partitioned:
    """Find the communities of linked rows.

    ends: the table of links. clusters: how many communities, None for as many as there are.
    most_bad: share of the links that may name no row. Rows are gone through in the order of their
    ids: their order in the table changes nothing, to the last bit.
    Raises DataError for links that are odd.
    """
    name = schema.roles.id  # links name rows by no other column
    numbers = pl.int_range(len(table), eager=True)
    ids = numbers if name is None else table.frame[name]
    edges = links(ends, ids, most_bad, table.source)
    listen("stage", name="encode")
    order = canonical(table.ids)
    sorted_rows = table.rows(order)
    encoder = Encoder.fit(sorted_rows, schema)
    batch = encoder.transform(sorted_rows, most_bad).batch
    vectors = _vectors(encoder, batch, seed) if schema.features else None
    content = content_of(vectors, batch, len(table))
    network = Network.linking(edges)
    placed = content[np.argsort(order)]
    found = communities(network, table.ids, placed, clusters, seed, _earlier(budget), listen)
    told = found.answer == BOTH
    among = linked(table, edges)
    assert among.graph is not None
    model = CommunityModel(
        schema,
        encoder,
        vectors if told else None,
        Nodes.of(among.graph, None if name is None else ids),
        found.label.astype(np.int32),
        Assigner.fit(network.ordered(order), found.label[order], content if told else None),
    )
    return Partitioned(found, model, model.predict(among), edges, order, batch)


def _vectors(encoder: Encoder, batch: Batch, seed: int) -> Vectors:
    return fit_vectors(batch, encoder.sizes.media, units_of(encoder), seed)


def _earlier(budget: Budget) -> Budget:
    left = budget.left()
    return budget.until(AFTER * left) if isfinite(left) else budget

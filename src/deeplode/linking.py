"""Linking: a table and a file of links, for a model that learned from links."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deeplode.data.read import read
from deeplode.data.table import Table
from deeplode.errors import OptionError
from deeplode.messages import Notice
from deeplode.readoptions import ReadOptions
from deeplode.saved import RowModel
from deeplode.tasks.communitymodel import CommunityModel
from deeplode.tasks.model import Model


def read_edges(edges: Any, options: ReadOptions) -> Table:
    """The table of links: a path, or a frame in memory. options: of the nodes; what is said of the
    form of text holds for links, too."""
    if isinstance(edges, str):
        formed = replace(options, features=None, every=1, format=None, sheet=None)
        return read(edges, ReadOptions(**{one: getattr(formed, one) for one in FORM}))
    return read(edges)


def with_links(
    model: RowModel, table: Table, edges: Any, options: ReadOptions, most_bad: float
) -> tuple[Table, tuple[Notice, ...]]:
    """The rows among their links, as the model takes them, and what to know of it.

    edges: file or frame of links; None = there are none.
    Raises OptionError where the model did not learn from links, DataError where they are odd.
    """
    nodes = model.nodes if isinstance(model, Model | CommunityModel) else None
    if nodes is None:
        if edges is not None:
            raise OptionError("E-OPT-191")
        return table, ()
    if edges is None:
        return table, (Notice("W-GRAPH-008"),)
    found = nodes.within(table, read_edges(edges, options), model.schema.roles.id, most_bad)
    assert found.graph is not None
    return found, found.graph.edges.notices


FORM = ("encoding", "delimiter", "quote", "decimal", "thousands", "header")

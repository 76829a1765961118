"""Network facts: what result.json says of a network, its communities and its central nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from deeplode.communities.centrality import betweenness, pagerank
from deeplode.communities.layout import MOST_LINKS, layout, shown
from deeplode.communities.measures import homophily, overall, within
from deeplode.communities.network import Floats, Ints, Network, modularity
from deeplode.data.column import Kind
from deeplode.data.schema import Schema
from deeplode.data.table import Table

LEADERS, CENTRAL, LISTED = 3, 20, 200  # of a community, of the network; communities
NAMED = 14  # communities whose leaders are named in the drawing
DIFFERENT = 0.9  # of the cells of a column that names rows
LONGEST = 40  # characters of a name, on average
_NAMING = (Kind.ID, Kind.TEXT, Kind.CATEGORY)
LEVELS = 100  # of a category whose homophily is measured


def network_facts(
    network: Network,
    label: Ints,
    names: Sequence[str],
    seed: int,
    stop: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """The network, its communities, its central nodes and the drawing.

    label: (nodes,) communities from 0, the largest first; they are told from 1. names: (nodes,).
    Raises ValueError where there are not as many names as nodes.
    """
    influence = pagerank(network)
    between, sources = betweenness(network, seed, stop)
    parts = within(network, label, LISTED)
    tell = _Teller(names, label)
    return {
        "network": {
            **overall(network, stop),
            "communities": int(label.max(initial=-1)) + 1,
            "modularity": modularity(network, label),
        },
        "communities": [
            {**part, "cluster": at + 1, "leaders": tell.leaders(at, influence)}
            for at, part in enumerate(parts)
        ],
        "central": {
            "influence": tell.top(influence),
            "hubs": tell.top(network.degree.astype(np.float64)),
            "bridges": tell.top(between),
            "betweenness_from": sources,
        },
        "drawing": drawing(
            network, label, influence, names, lambda one, own: layout(one, own, seed, stop)
        ),
    }


class _Teller:
    """Names nodes. names, label: (nodes,)."""

    def __init__(self, names: Sequence[str], label: Ints) -> None:
        if len(names) != len(label):
            raise ValueError(f"{len(label)} nodes have {len(names)} names.")
        self.names, self.label = names, label

    def top(self, value: Floats) -> list[dict[str, Any]]:
        """The nodes with the largest values above 0; value: (nodes,)."""
        order = np.argsort(-value, kind="stable")[:CENTRAL].tolist()
        return [
            {
                "row": at,
                "name": self.names[at],
                "cluster": int(self.label[at]) + 1,
                "value": float(value[at]),
            }
            for at in order
            if value[at] > 0
        ]

    def leaders(self, cluster: int, influence: Floats) -> list[dict[str, Any]]:
        """The most influential nodes of a community."""
        members = np.flatnonzero(self.label == cluster)
        order = members[np.argsort(-influence[members], kind="stable")][:LEADERS].tolist()
        return [{"row": at, "name": self.names[at], "value": float(influence[at])} for at in order]


def drawing(
    network: Network,
    label: Ints,
    influence: Floats,
    names: Sequence[str],
    arrange: Callable[[Network, Ints], Floats],
) -> dict[str, Any]:
    """Places, communities (1 …) and influence (1 = the most) of the nodes drawn, their links, and
    the names of leaders as [place in these lists, name], those of large communities first.

    label: (nodes,) from 0. arrange: the places of the nodes of a part, (nodes, 2).
    """
    some = shown(network, label, influence)
    part = network.ordered(some) if len(some) < len(network) else network
    place = arrange(part, label[some])
    source, target, weight = part.edges
    if len(source) > MOST_LINKS:
        kept = np.sort(np.argsort(-weight, kind="stable")[:MOST_LINKS])
        if len(np.unique(weight)) == 1:
            kept = np.linspace(0, len(source) - 1, MOST_LINKS).astype(np.int64)
        source, target = source[kept], target[kept]
    size = influence[some] / max(float(influence[some].max(initial=0.0)), 1e-300)
    called: list[list[Any]] = []
    for cluster in range(min(NAMED, int(label.max(initial=-1)) + 1)):
        members = np.flatnonzero(label[some] == cluster)
        order = members[np.argsort(-size[members], kind="stable")][:LEADERS].tolist()
        called += [[at, names[int(some[at])]] for at in order]
    return {
        "x": place[:, 0].round(3).tolist(),
        "y": place[:, 1].round(3).tolist(),
        "cluster": (label[some] + 1).tolist(),
        "influence": size.round(3).tolist(),
        "links": np.stack([source, target], axis=1).tolist(),
        "names": sorted(called, key=lambda one: -size[one[0]]),
    }


def homophilies(
    network: Network,
    columns: Mapping[str, pl.Series],
    seed: int,
    stop: Callable[[], object] = lambda: None,
) -> list[dict[str, Any]]:
    """Of each column of categories, the strongest first. columns: (nodes,) by name."""
    found = []
    for name, series in columns.items():
        if stop():
            break
        texts = series.cast(pl.String)
        codes = texts.rank("dense").cast(pl.Int64).fill_null(-1).to_numpy()
        if not 2 <= len(np.unique(codes[codes >= 0])) <= LEVELS:
            continue
        told = homophily(network, np.asarray(codes, np.int64), seed, stop)
        if told is not None:
            found.append({"column": name, **told})
    return sorted(found, key=lambda one: -abs(one["value"]))


def names_of(table: Table, schema: Schema) -> list[str]:
    """What people call the rows: a column of short texts that are all different, else the ids."""
    called = [one for one in schema.columns if one.kind in _NAMING and one.name != schema.id]
    for column in called:
        series = table.frame[column.name]
        if series.dtype != pl.String or series.null_count():
            continue
        if series.n_unique() < DIFFERENT * len(series):
            continue
        if int(series.str.len_chars().sum()) <= LONGEST * len(series):
            return series.to_list()
    return [str(one) for one in table.ids]

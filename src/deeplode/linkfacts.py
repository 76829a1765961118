"""Link facts: what the types and times of links tell, beside which nodes they join."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deeplode.communities.measures import homophily
from deeplode.communities.network import Ints, Network
from deeplode.data.edges import TIME, TYPE, Edges
from deeplode.data.table import Table
from deeplode.periods import periods

MOST = 12  # types that are told, the most frequent ones


def link_facts(
    edges: Edges, label: Ints, seed: int, stop: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """``link_types`` and ``link_periods`` of result.json, as far as the file of links has them.

    label: (nodes,) communities, or known classes, -1 where unknown. Of each type, how many links
    there are and whether they join nodes of one label more than chance would (``homophily``); of
    each period, the links within and between labels (as ``periods`` has groups: 1 within, 2
    between). stop: asked between types.
    """
    facts: dict[str, Any] = {}
    said = edges.said
    if said is None:
        return facts
    if TYPE in said.names:
        facts["link_types"] = _types(edges, said, label, seed, stop)
    if TIME in said.names:
        timed = said.rows(np.flatnonzero(said.frame[TIME].is_not_null().to_numpy()))
        one, other = (label[timed.frame[end].to_numpy()] for end in ("from", "to"))
        apart = np.where((one < 0) | (other < 0), -1, (one != other).astype(np.int64))
        facts["link_periods"] = periods(timed, TIME, apart, 2) if len(timed) else None
    return facts


def _types(
    edges: Edges, said: Table, label: Ints, seed: int, stop: Callable[[], object]
) -> list[dict[str, Any]]:
    texts = said.frame[TYPE].cast(str).fill_null("")
    counts = texts.value_counts(name="links").sort("links", TYPE, descending=[True, False])
    found = []
    for name, links in counts.head(MOST).iter_rows():
        if stop():
            break
        own = said.frame.filter(texts == name)
        net = Network.of(edges.nodes, own["from"].to_numpy(), own["to"].to_numpy())
        told = homophily(net, label, seed, stop)
        found.append({"type": name, "links": links, "share": links / len(said), "homophily": told})
    return found

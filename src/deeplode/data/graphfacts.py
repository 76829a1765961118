"""Facts of a graph: its size, its parts, and whether linked nodes are alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.data.edges import Edges

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
Z = 1.96  # standard errors of a 95 % interval


def graph_facts(edges: Edges, labels: NDArray[Any], classes: bool) -> dict[str, Any]:
    """The ``graph`` of result.json.

    labels: (nodes,) float64 classes or values, NaN where they are not known.
    """
    from scipy import sparse

    begins, other, weight = edges.by_node
    links = sparse.csr_array((weight, other, begins), (edges.nodes, edges.nodes))
    count, _ = sparse.csgraph.connected_components(links, directed=False)
    degrees = np.quantile(edges.degree, QUANTILES)
    return {
        "nodes": edges.nodes,
        "edges": len(edges),
        "components": int(count),
        "isolated": int((edges.degree == 0).sum()),
        "degrees": {
            f"{share:g}": float(one) for share, one in zip(QUANTILES, degrees, strict=True)
        },
        "homophily": homophily(edges, labels, classes),
    }


def homophily(edges: Edges, labels: NDArray[Any], classes: bool) -> dict[str, float] | None:
    """Share of the links whose ends are of one class; of values the correlation of both ends.

    Of links both ends of which are known, with a 95 % interval as if links were independent
    (Wilson 1927; Fisher 1915); None where there are fewer than four.
    """
    one, other = labels[edges.source], labels[edges.target]
    both = np.isfinite(one) & np.isfinite(other)
    count = int(both.sum())
    if count < 4:
        return None
    one, other = one[both], other[both]
    if classes:
        share = float((one == other).mean())
        middle = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
        reach = (
            Z * np.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2)) / (1 + Z**2 / count)
        )
        low, high = middle - reach, middle + reach
    else:
        ends = np.concatenate([one, other]), np.concatenate([other, one])
        if ends[0].std() == 0:
            return None
        share = float(np.corrcoef(*ends)[0, 1])
        middle, reach = np.arctanh(np.clip(share, -0.999999, 0.999999)), Z / np.sqrt(count - 3)
        low, high = np.tanh(middle - reach), np.tanh(middle + reach)
    return {"value": share, "low": float(min(low, share)), "high": float(max(high, share)),
            "edges": count}  # fmt: skip

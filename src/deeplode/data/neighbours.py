"""Neighbours drawn at random: the part of a large graph that a step of training looks at.

Hamilton, Ying and Leskovec, Inductive representation learning on large graphs, 2017.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deeplode.data.edges import Edges

Ints = NDArray[np.int64]


def around(
    edges: Edges, seeds: Ints, fanout: int, hops: int, chance: np.random.Generator
) -> tuple[Ints, Edges]:
    """The seeds and, hop by hop, so many neighbours of each node, drawn with repetition; and the
    links that led to them.

    seeds: (n,) different nodes. Returns (k,) nodes, seeds first, and links between places in them.
    Work and memory depend on seeds, fanout and hops, not on how many links a node has.
    """
    begins, other, weight = edges.by_node
    found, last, ends = [seeds], seeds, [np.empty((3, 0))]
    for _ in range(hops):
        linked = last[edges.degree[last] > 0]
        drawn = (chance.random((len(linked), fanout)) * edges.degree[linked][:, None]).astype(
            np.int64
        )
        at = (begins[linked][:, None] + drawn).ravel()
        ends.append(np.stack([np.repeat(linked, fanout), other[at], weight[at]]))
        last = np.setdiff1d(other[at], np.concatenate(found))
        found.append(last)
    nodes = np.concatenate(found)
    one, two, weights = np.concatenate(ends, axis=1)
    order = np.argsort(nodes)
    places = [order[np.searchsorted(nodes[order], side.astype(np.int64))] for side in (one, two)]
    low, high = np.minimum(*places), np.maximum(*places)
    pairs, first = np.unique(low * len(nodes) + high, return_index=True)
    return nodes, Edges(len(nodes), pairs // len(nodes), pairs % len(nodes), weights[first])

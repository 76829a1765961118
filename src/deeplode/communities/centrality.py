"""Centrality: hubs, bridges and influence in a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

from deeplode.communities.network import Floats, Ints, Network

DAMPING = 0.85  # chance of a step along a link rather than a jump to any node
STEPS = 200
CLOSE = 1e-10  # change of all shares together at which they stand still
ALL_SOURCES = 2_000  # nodes up to which betweenness is exact …
SOURCES = 256  # … and from how many nodes it is estimated above
CELLS = 1_000_000  # nodes x sources that are held at a time
LONGEST = 2e9  # nodes x sources x steps in all; where paths are long, fewer sources


def pagerank(network: Network, damping: float = DAMPING) -> Floats:
    """Share of time that a random walk spends at each node, (nodes,), sum 1.

    Page, Brin, Motwani and Winograd, 1999; links of larger weight are taken more often, and from
    a node without links the walk jumps.
    """
    count = len(network)
    out = np.divide(1.0, network.strength, out=np.zeros(count), where=network.strength > 0)
    lost = network.strength == 0
    share = np.full(count, 1.0 / max(1, count))
    for _ in range(STEPS):
        moved = network.links @ (share * out) + share[lost].sum() / count
        new = damping * moved + (1 - damping) / count
        near = np.abs(new - share).sum() < CLOSE
        share = new
        if near:
            break
    return share


def betweenness(
    network: Network, seed: int = 0, stop: Callable[[], object] = lambda: None
) -> tuple[Floats, int]:
    """Share of shortest paths between two others that lead through each node, (nodes,).

    Brandes, 2001; a path's length is its number of links. Above ALL_SOURCES nodes paths begin at
    SOURCES of them, drawn by seed (Brandes and Pich, 2007). Returns from how many nodes too:
    fewer where ``stop`` says so.
    """
    count = len(network)
    wanted = np.random.default_rng(seed).permutation(count)
    if count > ALL_SOURCES:
        wanted = wanted[:SOURCES]
    links = sparse.csr_array(network.links, copy=True)
    links.setdiag(0)
    links.eliminate_zeros()
    links.data[:] = 1.0
    step = int(np.clip(CELLS // max(1, count), 1, 64))
    through, done, most = np.zeros(count), 0, len(wanted)
    while done < most and not (done and stop()):
        some = wanted[done : done + step]
        found, steps = _dependencies(links, some)
        through += found
        done += len(some)
        most = min(most, max(step, int(LONGEST / (count * steps))))
    pairs = max(1, (count - 1) * (count - 2))
    return through * (count / max(1, done)) / pairs, done


def _dependencies(links: sparse.csr_array, sources: Ints) -> tuple[Floats, int]:
    """Sum over sources of the shortest paths' shares that lead through each node, (nodes,).

    links: (nodes, nodes), all 1, none to the node itself. Returns the length of the longest
    path too.
    """
    each = np.arange(len(sources))
    paths = np.zeros((links.shape[0], len(sources)))
    paths[sources, each] = 1.0
    front, depth = paths.copy(), np.where(paths > 0, 0, -1)
    steps = 0
    while True:
        front = links @ front
        front[depth >= 0] = 0.0
        if not front.any():
            break
        steps += 1
        depth[front > 0] = steps
        paths += front
    depends = np.zeros_like(paths)
    safe = np.where(paths > 0, paths, 1.0)
    for step in range(steps, 0, -1):
        back = links @ np.where(depth == step, (1.0 + depends) / safe, 0.0)
        depends += np.where(depth == step - 1, paths * back, 0.0)
    depends[sources, each] = 0.0
    return np.asarray(depends.sum(1), np.float64), steps + 1

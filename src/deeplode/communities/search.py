"""Search: the partition of highest modularity that a budget can find, from many starts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deeplode.communities.leiden import leiden
from deeplode.communities.network import Ints, Network, modularity, numbered

WORK = 400_000  # links, or nodes if more, that all starts together may go through …
FEWEST, MOST = 3, 60  # … and how many starts that may be
PATIENCE, TURNS = 60, 400  # betterments tried without any success, and in all
SAME = 1e-10  # difference in modularity that is rounding
POOL = 12  # of the best partitions that are put together
MOST_JOINED = 1_000  # communities that are joined two by two; smaller ones go together first


def best_partition(
    network: Network,
    seed: int = 0,
    stop: Callable[[], object] = lambda: None,
    resolution: float = 1.0,
) -> Ints:
    """The best partition of many starts, (nodes,) from 0, the largest community first.

    Nodes that good partitions agree on are kept together and the rest is arranged anew
    (Ovelgönne and Geyer-Schulz, An ensemble learning strategy for graph clustering, 2013),
    until that brings nothing; the best is shaken and mended after that. stop: asked between
    starts. Same seed and no stop, same partition.
    """
    rng = np.random.default_rng(seed)
    starts = int(np.clip(WORK // max(1, network.links.nnz, len(network)), FEWEST, MOST))
    pool: list[tuple[float, Ints]] = []

    def keep(label: Ints) -> None:
        value = modularity(network, label, resolution)
        if all(abs(value - one) > SAME for one, _ in pool):  # the pool stays diverse
            pool.append((value, label))
            pool.sort(key=lambda one: -one[0])
            del pool[POOL:]

    for _ in range(starts):
        keep(leiden(network, rng, None, resolution, stop))
        if stop():
            break
    last = 0
    for turn in range(int(np.clip(WORK // max(1, network.links.nnz, len(network)), FEWEST, TURNS))):
        if stop() or turn - last > PATIENCE:
            break
        best = pool[0][0]
        begin = shaken(pool[0][1], network, rng) if turn % 2 else agreed(pool, rng)
        groups = np.unique(begin, return_inverse=True)[1]
        rough = leiden(network.grouped(groups), rng, None, resolution, stop)
        keep(leiden(network, rng, rough[groups], resolution, stop))
        last = turn if pool[0][0] > best + SAME else last
    return numbered(pool[0][1])


def agreed(pool: list[tuple[float, Ints]], rng: np.random.Generator) -> Ints:
    """Groups of nodes that two or three partitions of the pool put together, (nodes,)."""
    chosen = rng.choice(len(pool), min(len(pool), int(rng.integers(2, 4))), replace=False)
    return np.unique(np.stack([pool[at][1] for at in chosen]), axis=1, return_inverse=True)[1]


def shaken(label: Ints, network: Network, rng: np.random.Generator) -> Ints:
    """The partition with two to four communities around a link taken apart, (nodes,)."""
    across = np.flatnonzero(label[network.rows] != label[network.links.indices])
    if not len(across):
        return label
    some = rng.choice(across, min(len(across), int(rng.integers(1, 4))), replace=False)
    apart = np.append(label[network.rows[some[:1]]], label[network.links.indices[some]])
    return np.where(np.isin(label, apart), len(label) + np.arange(len(label)), label)


def with_number(network: Network, label: Ints, clusters: int, seed: int) -> Ints:
    """A partition into so many communities, from one into more or fewer, (nodes,).

    Fewer: those whose joining costs least modularity are joined (Newman, Fast algorithm for
    detecting community structure, 2004). More: found at higher resolutions, then joined.
    """
    resolution = 1.0
    while label.max(initial=-1) + 1 < clusters:
        resolution *= 1.5
        label = leiden(network, np.random.default_rng(seed), None, resolution)
    label = numbered(label)
    if label.max(initial=-1) + 1 > max(clusters, MOST_JOINED):
        label = np.minimum(label, max(clusters, MOST_JOINED) - 1)
    return numbered(_joined(network, label, clusters))


def _joined(network: Network, label: Ints, clusters: int) -> Ints:
    """The partition with pairs joined until so many are left. label: (nodes,) from 0."""
    groups = network.grouped(label)
    count, total = len(groups), network.total or 1.0
    inside = groups.links.toarray() / total
    share, alive, part = inside.sum(1), np.ones(count, bool), np.arange(count)
    gain = inside - share[:, None] * share[None]
    np.fill_diagonal(gain, -np.inf)
    for _ in range(count - clusters):
        one, other = sorted(int(at) for at in divmod(int(gain.argmax()), count))
        part[part == other], alive[other] = one, False
        inside[one] += inside[other]
        inside[:, one] += inside[:, other]
        share[one] += share[other]
        others = alive & (np.arange(count) != one)
        gain[one] = gain[:, one] = np.where(others, inside[one] - share[one] * share, -np.inf)
        gain[other] = gain[:, other] = -np.inf
    return part[label]

"""Content: what nodes are about, spread along links, and groups by links and content together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from deeplode.communities.network import Floats, Ints, Network, modularity, numbered

WIDTH = 32  # directions of the content that count once it has been spread
JUMP = 0.1  # chance that the walk ends at a step: how much of a node's content is its own
STEPS = 20  # of the walk that are counted
NUMBERS = (*range(2, 17), 18, 20, 23, 26, 30, 35, 40)  # of groups that are tried
WORSE = 4  # numbers one after another beyond the best, after which no more are tried
SLACK = 0.99  # of the best modularity: the smallest number of groups that reaches so much is taken
STARTS, FEW_STARTS, LARGE = 10, 3, 5_000  # of k-means; fewer from so many nodes on
SAMPLE = 20_000  # rows that middles are learned from; all others join the nearest
PAIRS = 20_000  # links that likeness is measured by


def spread(network: Network, content: Floats) -> Floats:
    """Content of the nodes that a short walk from each leads to, (nodes, columns).

    Personalised PageRank of a network in which every node is also linked with itself (Gasteiger,
    Bojchevski and Günnemann, Predict then propagate, 2019), here without any net.
    """
    mean = float(network.links.data.mean()) if network.links.nnz else 1.0
    links = sparse.csr_array(network.links + mean * sparse.eye_array(len(network)))
    root = 1 / np.sqrt(np.asarray(links.sum(1), np.float64).reshape(-1))
    step = sparse.csr_array(sparse.diags_array(root) @ links @ sparse.diags_array(root))
    found = content
    for _ in range(STEPS):
        found = (1 - JUMP) * (step @ found) + JUMP * content
    return np.asarray(found)


def directions(content: Floats, width: int = WIDTH) -> Floats:
    """Rows of length 1 in the directions that content differs most in, (nodes, at most width).

    Principal components, not scaled: the leading ones count most.
    """
    centred = content - content.mean(0)
    variance, vectors = np.linalg.eigh(centred.T @ centred)
    order = np.arange(len(variance))[::-1][: min(width, len(content))]
    kept = order[variance[order] > 1e-12 * max(1e-300, variance.max(initial=0.0))]
    return unit(centred @ vectors[:, kept])


def unit(rows: Floats) -> Floats:
    """Rows with length 1; those of zeros stay."""
    long = np.sqrt((rows**2).sum(1, keepdims=True))
    return np.asarray(np.divide(rows, long, out=np.zeros_like(rows), where=long > 0))


@dataclass(frozen=True)
class Grouped:
    """A partition, (nodes,) from 0, the largest first; tried: modularity by number of groups."""

    label: Ints
    tried: dict[int, float]


def grouped(
    network: Network,
    place: Floats,
    seed: int,
    clusters: int | None = None,
    stop: Callable[[], object] = lambda: None,
) -> Grouped:
    """Groups of nodes that lie together, by k-means.

    place: (nodes, columns). clusters: how many; None for the smallest number whose modularity is
    nearly the best: the links say how many groups there are.
    """
    found: dict[int, Ints] = {}
    tried: dict[int, float] = {}
    most = len(np.unique(place.round(9), axis=0))
    worse = 0
    for number in NUMBERS if clusters is None else (clusters,):
        if number > most or worse >= WORSE or (found and stop()):
            break
        found[number] = kmeans(place, number, seed)
        tried[number] = modularity(network, found[number])
        worse = 0 if tried[number] >= SLACK * max(tried.values()) else worse + 1
    if not found:
        return Grouped(np.zeros(len(network), np.int64), {})
    best = max(tried.values())
    enough = SLACK * best if best > 0 else best
    return Grouped(numbered(found[min(one for one in tried if tried[one] >= enough)]), tried)


def kmeans(place: Floats, clusters: int, seed: int) -> Ints:
    """The best of several starts of k-means, (rows,). Arthur and Vassilvitskii, 2007."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    starts = STARTS if len(place) < LARGE else FEW_STARTS
    some = place
    if len(place) > SAMPLE:
        rows = np.random.default_rng(seed).choice(len(place), SAMPLE, replace=False)
        some = place[np.sort(rows)]
    with threadpool_limits(1):  # threads add up in any order
        made = KMeans(clusters, n_init=starts, random_state=seed).fit(some)
        return np.asarray(made.predict(place), np.int64)


def likeness(network: Network, content: Floats, seed: int) -> dict[str, float] | None:
    """The chance that two linked nodes are more alike than two others of the same degrees.

    content: (nodes, columns); alike are those with a small angle. 0.5: links do not care for it.
    Returns value, low and high (Hanley and McNeil, 1982, for as many pairs as there are nodes, so
    that a node counts once); None without links or content.
    """
    source, target, _ = network.edges
    if len(source) < 2 or not content.any():
        return None
    rng = np.random.default_rng(seed)
    if len(source) > PAIRS:
        some = np.sort(rng.choice(len(source), PAIRS, replace=False))
        source, target = source[some], target[some]
    rows = unit(content - content.mean(0))
    other = rng.permutation(target)
    apart = other != source
    linked = (rows[source] * rows[target]).sum(1)
    chance = (rows[source[apart]] * rows[other[apart]]).sum(1)
    if not len(chance):
        return None
    value = _above(linked, chance)
    pairs = max(2.0, min(len(linked), len(network) / 2))
    first, second = value / (2 - value), 2 * value**2 / (1 + value)
    variance = value * (1 - value) + (pairs - 1) * (first + second - 2 * value**2)
    reach = 1.96 * np.sqrt(max(variance, 0.0)) / pairs
    low, high = max(0.0, value - float(reach)), min(1.0, value + float(reach))
    return {"value": value, "low": low, "high": high}


def _above(one: Floats, other: Floats) -> float:
    """The share of pairs in which ``one`` is larger, ties half (Mann and Whitney, 1947)."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([one, other]))
    total = ranks[: len(one)].sum() - len(one) * (len(one) + 1) / 2
    return float(total / (len(one) * len(other)))

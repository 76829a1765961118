"""Measures: what a network and its communities are like, and whether like nodes are linked."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from deeplode.communities.network import Floats, Ints, Network

RESAMPLES = 400
CELLS = 40_000_000  # resamples x links; larger networks get fewer resamples …
FEWEST = 100  # … but so many
HELD = 2_000_000  # resamples x links at a time
CERTAINTY = 0.95
QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)  # of degrees


def overall(network: Network, stop: Callable[[], object] = lambda: None) -> dict[str, Any]:
    """Counts of the whole network: nodes, links, isolated nodes, components, density, quantiles of
    degrees, and the share of paths of two links that a third one closes (transitivity, Newman,
    2003); None where ``stop`` says so while they are counted."""
    count, links = len(network), len(network.edges[0])
    sizes = np.bincount(network.components()) if count else np.zeros(1, np.int64)
    near = _neighbours(network)
    degrees = np.quantile(near, QUANTILES) if count else np.zeros(len(QUANTILES))
    pairs = float((near * (near - 1) / 2).sum())
    triangles = _triangles(network, near, stop)
    closed = None if triangles is None else 3 * triangles / pairs if pairs else 0.0
    return {
        "nodes": count,
        "links": links,
        "isolated": int((near == 0).sum()),
        "components": len(sizes),
        "largest": int(sizes.max()),
        "density": 2 * links / max(1, count * (count - 1)),
        "mean_degree": 2 * links / max(1, count),
        "degrees": {f"{at:g}": float(one) for at, one in zip(QUANTILES, degrees, strict=True)},
        "transitivity": closed,
    }


def _neighbours(network: Network) -> Ints:
    """How many other nodes each is linked to, (nodes,)."""
    source, target, _ = network.edges
    return np.bincount(np.concatenate([source, target]), minlength=len(network))


def _triangles(network: Network, near: Ints, stop: Callable[[], object]) -> float | None:
    """How many three nodes are all linked; None where stopped.

    Links lead from the node of fewer neighbours to that of more, so that few paths lead through a
    hub (Chiba and Nishizeki, 1985). near: (nodes,) neighbours.
    """
    count = len(near)
    rank = np.empty(count, np.int64)
    rank[np.argsort(near, kind="stable")] = np.arange(count)
    ends = np.sort(rank[np.stack(network.edges[:2])], axis=0)
    plain = sparse.coo_array((np.ones(ends.shape[1]), (ends[0], ends[1])), (count, count)).tocsr()
    paths = np.diff(plain.indptr)[plain.indices]  # of two links, by the first one
    block = np.concatenate([[0.0], np.cumsum(paths)])[plain.indptr[1:]] // HELD
    cuts = np.flatnonzero(np.diff(block, prepend=-1.0))
    found = 0.0
    for first, last in pairwise([*cuts.tolist(), count]):
        if stop():
            return None
        rows = plain[first:last]
        found += float((rows @ plain).multiply(rows).sum())
    return found


def within(network: Network, label: Ints, most: int | None = None) -> list[dict[str, Any]]:
    """Of each of the first ``most`` communities, or all: size, links inside and to others, density,
    and conductance.

    label: (nodes,) 0 … k - 1. density: links of all pairs inside; None for one node alone.
    conductance: weight that leaves of the weight at the smaller side; None where that is 0.
    """
    source, target, _ = network.edges
    groups = int(label.max(initial=-1)) + 1
    size = np.bincount(label, minlength=groups)
    same = label[source] == label[target]
    inside = np.bincount(label[source[same]], minlength=groups)
    ends = np.concatenate([label[source[~same]], label[target[~same]]])
    outside = np.bincount(ends, minlength=groups)
    strength = np.bincount(label, network.strength, groups)
    kept = label[network.rows] == label[network.links.indices]
    held = np.bincount(label[network.rows[kept]], network.links.data[kept], groups)
    smaller = np.minimum(strength, network.total - strength)
    pairs = size * (size - 1) / 2
    return [
        {
            "size": int(size[one]),
            "links": int(inside[one]),
            "links_out": int(outside[one]),
            "density": float(inside[one] / pairs[one]) if pairs[one] else None,
            "conductance": _share(strength[one] - held[one], smaller[one]),
        }
        for one in range(groups if most is None else min(most, groups))
    ]


def _share(part: float, whole: float) -> float | None:
    return float(min(1.0, max(0.0, part / whole))) if whole > 0 else None


def homophily(
    network: Network, code: Ints, seed: int = 0, stop: Callable[[], object] = lambda: None
) -> dict[str, Any] | None:
    """Whether nodes of the same category are linked more than by chance.

    code: (nodes,) category, -1 where unknown: its links do not count. Returns Newman's
    assortativity coefficient (Mixing patterns in networks, 2003; 1 = only within, 0 = chance) as
    value, low and high by resampling nodes (Snijders and Borgatti, 1999), the share of links
    within, and the share expected by chance. None where no two categories meet in two links, or
    where stopped.
    """
    source, target, weight = network.edges
    there = (code[source] >= 0) & (code[target] >= 0)
    source, target, weight = source[there], target[there], weight[there]
    if len(source) < 2:
        return None
    levels, pair = np.unique(code[np.stack([source, target])], return_inverse=True)
    if len(levels) < 2:
        return None
    pair = pair.reshape(2, -1)
    value, same, expected = _mixing(pair, weight[None], len(levels))
    samples = _resampled(
        (source, target, weight),
        len(network),
        lambda drawn: _mixing(pair, drawn, len(levels))[0],
        seed,
        stop,
    )
    told = _interval(float(value[0]), samples)
    return told and {**told, "same": float(same[0]), "expected": float(expected[0])}


def correlation(
    network: Network, values: Floats, seed: int = 0, stop: Callable[[], object] = lambda: None
) -> dict[str, Any] | None:
    """Whether linked nodes have like values: the correlation of both ends of links, the
    assortativity of numbers (Newman, 2003), with its interval as ``homophily`` has it.

    values: (nodes,), NaN where unknown. None where it is not defined, or where stopped.
    """
    source, target, weight = network.edges
    there = np.isfinite(values[source]) & np.isfinite(values[target])
    source, target, weight = source[there], target[there], weight[there]
    if len(source) < 2:
        return None
    ends = values[np.stack([source, target])]
    ends = ends - ends.mean()
    ends = ends / max(float(np.abs(ends).max()), 1e-300)  # no square overflows
    value = _correlated(ends, weight[None])
    links = source, target, weight
    samples = _resampled(links, len(network), lambda drawn: _correlated(ends, drawn), seed, stop)
    return _interval(float(value[0]), samples)


def _resampled(
    links: tuple[Ints, Ints, Floats],
    nodes: int,
    measure: Callable[[Floats], Floats],
    seed: int,
    stop: Callable[[], object],
) -> Floats:
    """What is measured of links whose nodes were drawn anew, (resamples,); none where stopped.

    measure: (resamples, links) weights to (resamples,).
    """
    rng, drawn = np.random.default_rng(seed), []
    source, target, weight = links
    for size in _parts(len(source)):
        if stop():
            return np.empty(0)
        often = rng.poisson(1.0, (size, nodes)).astype(np.float64)
        drawn.append(measure(weight * often[:, source] * often[:, target]))
    return np.concatenate(drawn)


def _interval(value: float, samples: Floats) -> dict[str, float] | None:
    samples = samples[np.isfinite(samples)]
    if not np.isfinite(value) or not len(samples):
        return None
    low, high = np.quantile(samples, ((1 - CERTAINTY) / 2, (1 + CERTAINTY) / 2))
    return {"value": value, "low": float(min(low, value)), "high": float(max(high, value))}


def _parts(links: int) -> list[int]:
    """How many resamples are drawn at a time."""
    count = int(np.clip(CELLS // links, FEWEST, RESAMPLES))
    step = max(1, HELD // links)
    return [min(step, count - first) for first in range(0, count, step)]


def _mixing(pair: Ints, weight: Floats, levels: int) -> tuple[Floats, Floats, Floats]:
    """Assortativity, share of links within, and that expected by chance, (resamples,) each.

    pair: (2, links) categories of the ends. weight: (resamples, links).
    """
    total = weight.sum(1)
    total = np.where(total > 0, total, np.nan)
    same = (weight * (pair[0] == pair[1])).sum(1) / total
    member = sparse.coo_array(
        (np.full(pair.size, 0.5), (np.tile(np.arange(pair.shape[1]), 2), pair.reshape(-1))),
        (pair.shape[1], levels),
    ).tocsr()
    shares = np.asarray((member.T @ weight.T).T) / total[:, None]
    expected = (shares**2).sum(1)
    room = np.where(expected < 1, 1 - expected, np.nan)
    return (same - expected) / room, same, expected


def _correlated(ends: Floats, weight: Floats) -> Floats:
    """Correlation of both ends, each link in both directions, (resamples,). ends: (2, links)
    values. weight: (resamples, links)."""
    total = 2 * weight.sum(1)
    total = np.where(total > 0, total, np.nan)
    mean = weight @ ends.sum(0) / total
    square = weight @ (ends**2).sum(0) / total - mean**2
    product = 2 * (weight @ ends.prod(0)) / total - mean**2
    return np.asarray(product / np.where(square > 1e-12, square, np.nan))

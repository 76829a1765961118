"""Measures: what a network and its communities are like, and whether like nodes are linked."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from deeplode.communities.network import Floats, Ints, Network

RESAMPLES = 400
CELLS = 40_000_000  # resamples x links; larger networks get fewer resamples …
FEWEST = 100  # … but so many
HELD = 2_000_000  # resamples x links at a time
CERTAINTY = 0.95


def overall(network: Network) -> dict[str, Any]:
    """Counts of the whole network: nodes, links, isolated nodes, components, density and the share
    of paths of two links that a third one closes (transitivity, Newman, 2003)."""
    source, target, _ = network.edges
    count, links = len(network), len(source)
    sizes = np.bincount(network.components()) if count else np.zeros(1, np.int64)
    near = np.bincount(np.concatenate([source, target]), minlength=count)
    plain = sparse.coo_array((np.ones(links), (source, target)), (count, count)).tocsr()
    closed = float(((plain @ plain).multiply(plain)).sum())  # each triangle once: i < j < k
    pairs = float((near * (near - 1) / 2).sum())
    return {
        "nodes": count,
        "links": links,
        "isolated": int((near == 0).sum()),
        "components": len(sizes),
        "largest": int(sizes.max()),
        "density": 2 * links / max(1, count * (count - 1)),
        "mean_degree": 2 * links / max(1, count),
        "transitivity": 3 * closed / pairs if pairs else 0.0,
    }


def within(network: Network, label: Ints) -> list[dict[str, Any]]:
    """Of each community: size, links inside and to others, density, and conductance.

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
        for one in range(groups)
    ]


def _share(part: float, whole: float) -> float | None:
    return float(min(1.0, max(0.0, part / whole))) if whole > 0 else None


def homophily(network: Network, code: Ints, seed: int = 0) -> dict[str, Any] | None:
    """Whether nodes of the same category are linked more than by chance.

    code: (nodes,) category, -1 where unknown: its links do not count. Returns Newman's
    assortativity coefficient (Mixing patterns in networks, 2003; 1 = only within, 0 = chance) as
    value, low and high by resampling nodes (Snijders and Borgatti, 1999), the share of links
    within, and the share expected by chance. None where no two categories meet in two links.
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
    rng = np.random.default_rng(seed)
    drawn = []
    for size in _parts(len(source)):
        often = rng.poisson(1.0, (size, len(network))).astype(np.float64)
        drawn.append(_mixing(pair, weight * often[:, source] * often[:, target], len(levels))[0])
    samples = np.concatenate(drawn)
    samples = samples[np.isfinite(samples)]
    if not np.isfinite(value[0]) or not len(samples):
        return None
    low, high = np.quantile(samples, ((1 - CERTAINTY) / 2, (1 + CERTAINTY) / 2))
    return {
        "value": float(value[0]),
        "low": float(min(low, value[0])),
        "high": float(max(high, value[0])),
        "same": float(same[0]),
        "expected": float(expected[0]),
    }


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

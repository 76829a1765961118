"""Chance: what modularity communities have in networks of the same degrees, rewired at random.

Also sparse random networks have partitions of high modularity (Guimerà, Sales-Pardo and Amaral,
Modularity from fluctuations in random graphs and complex networks, 2004).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deeplode.communities.leiden import leiden
from deeplode.communities.network import Ints, Network, modularity

ROUNDS = 20  # of swaps, in each of which every link takes part once
WORK = 1_000_000  # links, or nodes if more, that all rewired networks together may have …
FEWEST, MOST = 3, 20  # … and how many networks that may be
CLEAR = 0.1  # difference in modularity after which FEWEST are enough
CERTAIN = 3.0  # standard deviations beyond chance


def rewired(
    network: Network, rng: np.random.Generator, stop: Callable[[], object] = lambda: None
) -> Network:
    """A network of the same degrees with its links drawn anew, their weights shuffled; less mixed
    where ``stop`` says so.

    Pairs of links swap their ends (Maslov and Sneppen, 2002) unless that would link a node with
    itself or two nodes twice. Self-loops are left out.
    """
    source, target, weight = network.edges
    for _ in range(ROUNDS if len(source) > 1 else 0):
        if stop():
            break
        order = rng.permutation(len(source))
        half = len(order) // 2
        one, other = order[:half], order[half : 2 * half]
        turned = rng.random(half) < 0.5
        first, second = source.copy(), target.copy()
        first[other] = np.where(turned, target[other], source[other])
        second[other] = np.where(turned, source[other], target[other])
        new = second.copy()
        new[one], new[other] = second[other], second[one]
        source, target = _without_twice(first, second, new, one, other)
    return Network.of(len(network), source, target, rng.permutation(weight))


def _without_twice(first: Ints, old: Ints, new: Ints, one: Ints, other: Ints) -> tuple[Ints, Ints]:
    """Both ends after the swaps that leave a simple network.

    first: (links,). old, new: (links,) the other ends before and after. one, other: the links
    that swap with each other.
    """
    nodes = int(max(first.max(), old.max())) + 1
    keep = np.ones(len(one), bool)
    while True:
        ends = old.copy()
        ends[one[keep]], ends[other[keep]] = new[one[keep]], new[other[keep]]
        code = np.minimum(first, ends) * nodes + np.maximum(first, ends)
        _, at, count = np.unique(code, return_inverse=True, return_counts=True)
        bad = (count[at] > 1) | (first == ends)
        undo = keep & (bad[one] | bad[other])
        if not undo.any():
            return first, ends
        keep &= ~undo


def against_chance(
    network: Network, seed: int = 0, stop: Callable[[], object] = lambda: None
) -> dict[str, Any] | None:
    """Modularity of single searches, and of such searches on rewired networks.

    Returns value, chance (its mean), low and high (the extremes among the rewired), how many
    there were, and whether value lies CERTAIN deviations above chance and above all of them, or
    CLEAR above all where there were fewer than FEWEST. None where no time was left for any.
    """
    rng = np.random.default_rng(seed)
    runs = int(np.clip(WORK // max(1, network.links.nnz, len(network)), FEWEST, MOST))
    found, chance = [], []
    for _ in range(runs):
        if stop():
            break
        own = leiden(network, rng, stop=stop)
        other = rewired(network, rng, stop)
        drawn = leiden(other, rng, stop=stop)
        if stop():  # cut short, they cannot be compared
            break
        found.append(modularity(network, own))
        chance.append(modularity(other, drawn))
        if len(chance) >= FEWEST and min(found) - max(chance) > CLEAR:
            break
    if not found:
        return None
    value, mean = float(np.mean(found)), float(np.mean(chance))
    apart = value - mean > CERTAIN * float(np.std(chance)) and value > max(chance)
    return {
        "value": value,
        "chance": mean,
        "low": float(min(chance)),
        "high": float(max(chance)),
        "networks": len(chance),
        "beyond": bool(apart if len(chance) >= FEWEST else min(found) - max(chance) > CLEAR),
    }

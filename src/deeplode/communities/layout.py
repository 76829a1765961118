"""Layout: places in the plane for the nodes of a network, linked ones near each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deeplode.communities.network import Floats, Ints, Network

MOST_NODES, MOST_LINKS = 3_000, 6_000  # that a drawing has room for
STEPS = 250
GRAVITY = 0.6  # pull to the middle, so that what is not linked stays in sight
TOGETHER = 0.05  # pull to the middle of a node's community
OTHERS = 100  # nodes drawn for the repulsion of a step, in place of all
NEAR = 1e-2  # distance below which nodes do not push harder


def shown(network: Network, label: Ints, influence: Floats, most: int = MOST_NODES) -> Ints:
    """The nodes to draw, sorted: all, or the most influential ones of each community.

    A community keeps its share of the nodes drawn. label: (nodes,) 0 … k - 1.
    influence: (nodes,).
    """
    count = len(network)
    if count <= most:
        return np.arange(count)
    order = np.lexsort((-influence, label))
    size = np.bincount(label)
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count) - np.repeat(np.cumsum(size) - size, size)
    chosen = np.lexsort((-influence, (rank + 0.5) / size[label]))[:most]
    return np.sort(chosen)


def layout(
    network: Network, label: Ints, seed: int = 0, stop: Callable[[], object] = lambda: None
) -> Floats:
    """Places of nodes, (nodes, 2), within -1 … 1 on the wider axis.

    Links pull like springs, nodes push by their degrees (Jacomy, Venturini, Heymann and Bastian,
    ForceAtlas2, 2014), and those of a community keep together a little. The push is that of
    OTHERS nodes, drawn anew in each step, where there are more. stop: asked between steps.
    """
    count = len(network)
    if count < 2:
        return np.zeros((count, 2))
    rng = np.random.default_rng(seed)
    groups = np.unique(label, return_inverse=True)[1]
    place = _begin(groups, rng)
    source, target, _ = network.edges
    near = np.bincount(np.concatenate([source, target]), minlength=count)
    mass: Floats = near.astype(np.float64) + 1.0
    reach = np.sqrt(count)
    for step in range(STEPS):
        if stop():
            break
        force = _push(place, mass, rng) - GRAVITY * mass[:, None] * _unit(place)
        apart = place[target] - place[source]
        for axis in range(2):
            force[:, axis] += np.bincount(source, apart[:, axis], count)
            force[:, axis] -= np.bincount(target, apart[:, axis], count)
        size = np.bincount(groups)
        middle = np.stack([np.bincount(groups, own) / size for own in place.T], axis=1)
        force += TOGETHER * mass[:, None] * (middle[groups] - place)
        heat = 0.1 * reach * (1 - step / STEPS) + 1e-3
        long = np.sqrt((force**2).sum(1, keepdims=True))
        place += force / np.maximum(long, 1e-12) * np.minimum(0.1 * long / mass[:, None], heat)
    return _fitted(place)


def _begin(groups: Ints, rng: np.random.Generator) -> Floats:
    """Communities on a spiral, their nodes around the middle of each."""
    count = groups.max() + 1
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    far = np.sqrt(np.arange(count) + 0.5) * np.sqrt(len(groups) / count)
    middle = np.stack([far * np.cos(turn), far * np.sin(turn)], axis=1)
    return np.asarray(middle[groups] + rng.normal(size=(len(groups), 2)))


def _push(place: Floats, mass: Floats, rng: np.random.Generator) -> Floats:
    """Force that drives nodes apart, (nodes, 2)."""
    count = len(place)
    some = np.arange(count) if count <= OTHERS else rng.choice(count, OTHERS, replace=False)
    long = (place**2).sum(1)
    square = long[:, None] + long[some] - 2 * place @ place[some].T  # (nodes, some)
    strong = mass[some] / np.maximum(square, NEAR)
    force = strong.sum(1, keepdims=True) * place - strong @ place[some]
    return np.asarray(force * mass[:, None] * (count / len(some)))


def _unit(place: Floats) -> Floats:
    return np.asarray(place / np.maximum(np.sqrt((place**2).sum(1, keepdims=True)), 1e-9))


def _fitted(place: Floats) -> Floats:
    """Turned so that it is wide rather than high, centred, scaled to -1 … 1 on the wider axis."""
    place = place - place.mean(0)
    turn = np.linalg.eigh(place.T @ place)[1][:, ::-1]
    place = place @ (turn * np.where(turn.sum(0) < 0, -1.0, 1.0))
    low, high = place.min(0), place.max(0)
    width = float((high - low).max()) or 1.0
    return np.asarray((place - (low + high) / 2) / (width / 2))

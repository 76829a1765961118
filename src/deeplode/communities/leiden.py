"""Leiden: communities of high modularity, every one of them connected.

Traag, Waltman and van Eck, From Louvain to Leiden, 2019. One departure: a node that is refined
joins the best community rather than one drawn by its gain; chance is in the order of nodes alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deeplode.communities.network import Ints, Network

GAIN = 1e-12  # of the total weight: smaller gains are rounding
MOST_LEVELS = 50
ASKED = 20_000  # visits to nodes between two questions whether to stop
Stop = Callable[[], object]


@dataclass(frozen=True)
class Lists:
    """A network as plain lists, which Python goes through faster than arrays.

    neighbours, weights: of each node, without self-loops. strength: of each node.
    scale: resolution / total weight.
    """

    neighbours: list[list[int]]
    weights: list[list[float]]
    strength: list[float]
    scale: float
    least: float

    @classmethod
    def of(cls, network: Network, resolution: float) -> Lists:
        """The lists of a network with some links."""
        other = network.rows != network.links.indices
        counts = np.bincount(network.rows[other], minlength=len(network))
        ends = np.cumsum(counts)
        near, own = network.links.indices[other].tolist(), network.links.data[other].tolist()
        spans = list(zip((ends - counts).tolist(), ends.tolist(), strict=True))
        return cls(
            [near[begin:end] for begin, end in spans],
            [own[begin:end] for begin, end in spans],
            network.strength.tolist(),
            resolution / network.total,
            GAIN * network.total,
        )


def leiden(
    network: Network,
    rng: np.random.Generator,
    start: Ints | None = None,
    resolution: float = 1.0,
    stop: Stop = lambda: None,
) -> Ints:
    """A partition that no move of one node betters, (nodes,) from 0.

    start: (nodes,) the partition to better; every node alone if not given. stop: asked now and
    then; what there is by then is a partition, too.
    """
    label = np.arange(len(network)) if start is None else np.unique(start, return_inverse=True)[1]
    if network.total == 0:
        return np.arange(len(network))
    level, member = network, np.arange(len(network))  # member: node of the level for each node
    for _ in range(MOST_LEVELS):
        lists = Lists.of(level, resolution)
        own: list[int] = label.tolist()
        move(lists, own, rng.permutation(len(level)).tolist(), stop)
        label = np.unique(own, return_inverse=True)[1]
        if label.max() + 1 == len(level) or stop():
            break
        fine = refined(lists, label.tolist(), rng.permutation(len(level)).tolist())
        part = np.unique(fine, return_inverse=True)[1]
        if part.max() + 1 == len(level):  # nothing to merge: go on with whole communities
            part = label
        above = np.empty(part.max() + 1, np.int64)
        above[part] = label
        level, member, label = level.grouped(part), part[member], above
    return np.asarray(label[member], np.int64)


def move(lists: Lists, label: list[int], order: Sequence[int], stop: Stop = lambda: None) -> None:
    """Move single nodes where modularity rises most, until no move raises it.

    label: (nodes,) 0 … nodes - 1, changed in place. order: in which nodes are visited first.
    """
    sums, size = [0.0] * len(label), [0] * len(label)
    for node, own in enumerate(label):
        sums[own] += lists.strength[node]
        size[own] += 1
    empty = [own for own, count in enumerate(size) if not count]
    queue, waiting, left = deque(order), [True] * len(label), ASKED
    while queue:
        left -= 1
        if not left:
            if stop():
                break
            left = ASKED
        node = queue.popleft()
        waiting[node] = False
        own = label[node]
        best = _best(lists, label, sums, node)
        if best < 0:
            best = empty.pop() if size[own] > 1 and empty else own
        if best == own:
            continue
        for there, sign in ((own, -1), (best, 1)):
            sums[there] += sign * lists.strength[node]
            size[there] += sign
        if not size[own]:
            empty.append(own)
            sums[own] = 0.0  # without what rounding left
        label[node] = best
        for near in lists.neighbours[node]:
            if label[near] != best and not waiting[near]:
                waiting[near] = True
                queue.append(near)


def _best(lists: Lists, label: list[int], sums: list[float], node: int) -> int:
    """The community that a node gains most in, -1 where it is better alone."""
    own, mine = label[node], lists.strength[node] * lists.scale
    shared: dict[int, float] = {}
    for near, weight in zip(lists.neighbours[node], lists.weights[node], strict=True):
        there = label[near]
        shared[there] = shared.get(there, 0.0) + weight
    stay = shared.pop(own, 0.0) - mine * (sums[own] - lists.strength[node])
    best, most = own, stay + lists.least
    for there, weight in shared.items():
        gain = weight - mine * sums[there]
        if gain > most:
            best, most = there, gain
    return best if most >= 0 else -1


def refined(lists: Lists, label: list[int], order: Sequence[int]) -> list[int]:
    """Parts of communities that hang together well, (nodes,): nodes join only along links.

    label: (nodes,) communities. A node that is still alone joins the part of its community that
    gains most by it, if both are linked well to the rest of the community.
    """
    sums, whole = list(lists.strength), [0.0] * len(label)
    for node, own in enumerate(label):
        whole[own] += sums[node]
    part, alone = list(range(len(label))), [True] * len(label)
    near_by = list(zip(lists.neighbours, lists.weights, strict=True))
    outward = [  # weight from each part to the rest of its community
        sum(weight for near, weight in zip(*pair, strict=True) if label[near] == own)
        for own, pair in zip(label, near_by, strict=True)
    ]

    def linked(one: int, own: int) -> bool:
        return outward[one] >= lists.scale * sums[one] * (whole[own] - sums[one])

    for node in order:
        own, mine = label[node], lists.scale * lists.strength[node]
        if not alone[node] or not linked(node, own):
            continue
        shared: dict[int, float] = {}
        for near, weight in zip(*near_by[node], strict=True):
            if label[near] == own:
                shared[part[near]] = shared.get(part[near], 0.0) + weight
        best, most = node, 0.0
        for there, weight in shared.items():
            gain = weight - mine * sums[there]
            if gain > most and linked(there, own):
                best, most = there, gain
        if best == node:
            continue
        part[node], alone[best] = best, False
        outward[best] += outward[node] - 2 * shared[best]
        sums[best] += lists.strength[node]
    return part

"""Network: undirected weighted links between nodes, and how well a partition divides them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from deeplode.data.edges import Edges

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Network:
    """Links between nodes 0 … n - 1.

    links: (nodes, nodes) float64 CSR, symmetric, indices sorted, no negative weight. A self-loop
    of weight w is 2 w on the diagonal, so that a row's sum is the strength of its node.
    """

    links: sparse.csr_array

    @classmethod
    def of(cls, nodes: int, source: Ints, target: Ints, weight: Floats | None = None) -> Network:
        """The network of these edges; several between the same two nodes are added up.

        source, target: (edges,) in 0 … nodes - 1, direction does not count. weight: (edges,) > 0,
        all 1 if not given. The order of edges does not matter, to the last bit.
        Raises ValueError for an end that is no node or a weight that is not above 0.
        """
        value = np.ones(len(source)) if weight is None else np.asarray(weight, np.float64)
        ends = np.stack([source, target]).astype(np.int64).reshape(2, -1)
        if ends.size and (ends.min() < 0 or ends.max() >= nodes):
            raise ValueError("An edge ends at no node.")
        if not (np.isfinite(value).all() and (value > 0).all()):
            raise ValueError("Weights must be finite and above 0.")
        low, high = ends.min(0), ends.max(0)
        order = np.lexsort((value, high, low))  # sums of floats depend on their order
        low, high, value = low[order], high[order], value[order]
        both = np.concatenate([low, high]), np.concatenate([high, low])
        links = sparse.coo_array((np.concatenate([value, value]), both), (nodes, nodes)).tocsr()
        links.sum_duplicates()
        links.sort_indices()
        return cls(links)

    @classmethod
    def linking(cls, edges: Edges) -> Network:
        """The network of checked links."""
        begins, other, weight = edges.by_node
        return cls(sparse.csr_array((weight, other, begins), (edges.nodes, edges.nodes)))

    def __len__(self) -> int:
        return int(self.links.shape[0])

    @cached_property
    def strength(self) -> Floats:
        """Weights at each node, (nodes,)."""
        return np.asarray(self.links.sum(1), np.float64).reshape(-1)

    @cached_property
    def degree(self) -> Ints:
        """Neighbours of each node, (nodes,)."""
        return np.asarray(np.diff(self.links.indptr), np.int64)

    @cached_property
    def total(self) -> float:
        """Twice the weight of all links."""
        return float(self.strength.sum())

    @cached_property
    def rows(self) -> Ints:
        """The node that each stored link begins at, beside ``links.indices``, (links,)."""
        return np.repeat(np.arange(len(self)), self.degree)

    @cached_property
    def edges(self) -> tuple[Ints, Ints, Floats]:
        """Every link once: source < target and weight; self-loops are left out."""
        once = self.rows < self.links.indices
        return self.rows[once], self.links.indices[once].astype(np.int64), self.links.data[once]

    def ordered(self, order: Ints) -> Network:
        """The same network with its nodes in another order: node ``order[i]`` becomes i."""
        links = sparse.csr_array(self.links[order][:, order])
        links.sort_indices()
        return Network(links)

    def grouped(self, label: Ints) -> Network:
        """The network of communities; links within become self-loops. label: (nodes,) 0 … k - 1."""
        shape = (len(self), int(label.max(initial=-1)) + 1)
        member = sparse.csr_array((np.ones(len(self)), (np.arange(len(self)), label)), shape)
        links = sparse.csr_array(member.T @ self.links @ member)
        links.sort_indices()
        return Network(links)

    def components(self) -> Ints:
        """The connected component of each node, (nodes,) from 0."""
        return np.asarray(sparse.csgraph.connected_components(self.links, False)[1], np.int64)


def modularity(network: Network, label: Ints, resolution: float = 1.0) -> float:
    """How much more weight lies within communities than by chance: below 1, 0 without links.

    Q = sum over communities of (inside / total - resolution * (strength / total)²), Newman,
    Analysis of weighted networks, 2004. label: (nodes,) of any whole numbers.
    """
    if network.total == 0:
        return 0.0
    _, own = np.unique(label, return_inverse=True)
    inside = network.links.data[own[network.rows] == own[network.links.indices]].sum()
    shares = np.bincount(own, network.strength) / network.total
    return float(inside / network.total - resolution * (shares**2).sum())


def numbered(label: Ints) -> Ints:
    """The same communities as 0, 1, …: the largest first, among equals that of the first node."""
    _, first, own, size = np.unique(
        label, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.lexsort((first, -size))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return np.asarray(place[own], np.int64)

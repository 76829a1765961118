"""Adjacency: the links of a graph as a sparse matrix that what nodes say is multiplied by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.data.edges import Edges

Matrix = Any  # of SciPy, by rows


def normalised(edges: Edges, beyond: NDArray[np.float64] | None = None) -> Matrix:
    """(nodes, nodes) float32: the weights of links and of a loop at each node over the root of both
    ends' sums (Kipf and Welling, Semi-supervised classification with graph convolutional networks,
    2017).

    beyond: (nodes,) sums of the weights of links that are not among ``edges``.
    """
    from scipy import sparse

    begins, other, weight = edges.by_node
    loop = float(np.mean(edges.weight)) if len(edges) else 1.0
    links = sparse.csr_array((weight, other, begins), (edges.nodes, edges.nodes))
    sums = np.asarray(links.sum(1)) + loop + (0.0 if beyond is None else beyond)
    root = sparse.diags_array(sums**-0.5)
    loops = sparse.diags_array(np.full(edges.nodes, loop))
    return sparse.csr_array(root @ (links + loops) @ root).astype(np.float32)

"""Assign: the communities of new nodes, by those that they are linked with and by content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from deeplode.communities.network import Floats, Ints, Network
from deeplode.detectors.detector import Arrays, kept

ROUNDS = 30  # in which new nodes tell each other
PRIOR = 1.0  # links' worth of what is known without any
ITERATIONS = 500  # of the classifier's fit
MOST = 1_000  # communities that new nodes are placed in, the largest ones
UNLINKED = -1  # community of a node that is not known


@dataclass(frozen=True, eq=False)
class Assigner:
    """What is needed to place new nodes in the MOST largest communities.

    share: (communities,) of the known nodes in these. unit: mean weight of a link. weights:
    (columns, communities) and bias: (communities,), log odds of a community by content, as a
    multinomial logistic model has them; no columns where content has no say.
    """

    share: Floats
    unit: float
    weights: Floats
    bias: Floats

    @classmethod
    def fit(cls, network: Network, label: Ints, content: Floats | None) -> Self:
        """Learn how large communities are and how content tells them apart.

        label: (nodes,) 0 … k - 1, the largest first. content: (nodes, columns) or None.
        """
        sizes = np.bincount(label)[:MOST]
        share = sizes / sizes.sum()
        unit = float(network.links.data.mean()) if network.links.nnz else 1.0
        weights, bias = np.zeros((0, len(share))), np.log(share)
        if content is not None and content.shape[1] and len(share) > 1:
            told = label < len(share)
            weights, bias = _classifier(content[told], label[told])
        return cls(share, unit, weights, bias)

    def by_content(self, content: Floats) -> Floats:
        """The chance of each community by content alone, (rows, communities).

        content: (rows, columns); without columns it is the share of each community.
        """
        width = len(self.weights)
        if not width:  # alike for all: one row in memory
            return np.broadcast_to(_chances(self.bias[None]), (len(content), len(self.bias)))
        return _chances(content[:, :width] @ self.weights + self.bias)

    def by_links(self, network: Network, label: Ints, content: Floats) -> Floats:
        """The chance of each community by links and content, (new nodes, communities).

        label: (nodes,) of known nodes, UNLINKED for new ones. content: (new nodes, communities)
        from ``by_content``. A link counts like a vote, and what content says like PRIOR votes; new
        nodes that are linked with each other agree in rounds (Zhu and Ghahramani, Learning from
        labeled and unlabeled data with label propagation, 2002).
        """
        new = np.flatnonzero(label < 0)
        told = np.flatnonzero((label >= 0) & (label < len(self.share)))
        links = sparse.csr_array(network.links[new] / self.unit)
        member = (np.ones(len(told)), (told, label[told]))
        voters = sparse.csr_array(member, (len(label), len(self.share)))
        sure = (links @ voters).toarray() + PRIOR * self.share
        among = links[:, new]
        found, speaks = content, content / self.share
        for _ in range(ROUNDS):
            new_ones = (sure + np.asarray(among @ found)) * speaks
            new_ones /= new_ones.sum(1, keepdims=True)
            still = np.abs(new_ones - found).max(initial=0.0) < 1e-9
            found = new_ones
            if still:
                break
        return np.asarray(found)

    def facts(self) -> dict[str, Any]:
        """What is not an array."""
        return {"unit": self.unit}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""
        return {"share": self.share, "weights": self.weights, "bias": self.bias}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what no fit made."""
        share = kept(arrays, "share", "float64", -1)
        weights = kept(arrays, "weights", "float64", -1, len(share))
        bias = kept(arrays, "bias", "float64", len(share))
        unit = float(facts["unit"])
        if not len(share) or not (share > 0).all() or not 0 < unit < np.inf:
            raise ValueError("These are no communities.")
        return cls(share, unit, weights, bias)


def _classifier(content: Floats, label: Ints) -> tuple[Floats, Floats]:
    from sklearn.linear_model import LogisticRegression

    scale = content.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    made = LogisticRegression(max_iter=ITERATIONS).fit(content / scale, label)
    weights, bias = made.coef_, made.intercept_
    if len(bias) == 1:  # of two communities it tells the second one's log odds alone
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    return np.asarray((weights / scale).T, np.float64), np.asarray(bias, np.float64)


def _chances(odds: Floats) -> Floats:
    """Softmax over the columns."""
    raised = np.exp(odds - odds.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True))

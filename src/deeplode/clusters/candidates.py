"""Candidates: the ways of forming groups that stand beside each other on the leaderboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from deeplode.clusters.embedding import Embedding, fit_embedding
from deeplode.clusters.mixture import Mixture, fit_gaussian, fit_spheres
from deeplode.clusters.spaces import Plain, Principal, Space, fit_principal
from deeplode.detectors.detector import Arrays
from deeplode.parts import below, under
from deeplode.runtime import Budget

Form = Callable[..., Mixture]  # (z, groups, seed, starts)
FitSpace = Callable[[Tensor, int, Budget, int], Space]
SPACES: Mapping[str, Any] = {one.name: one for one in (Plain, Principal, Embedding)}


def _plain(x: Tensor, seed: int, budget: Budget, threads: int) -> Space:
    return Plain(x.shape[1])


def _principal(x: Tensor, seed: int, budget: Budget, threads: int) -> Space:
    return fit_principal(x)


# In the order of the leaderboard: what space, and how groups are formed in it.
CANDIDATES: Mapping[str, tuple[FitSpace, Form]] = {
    "k_means": (_plain, fit_spheres),
    "pca_k_means": (_principal, fit_spheres),
    "pca_mixture": (_principal, fit_gaussian),
    "embedding_mixture": (fit_embedding, fit_gaussian),
}
DEEP = "embedding_mixture"


@dataclass(frozen=True, eq=False)
class Grouping:
    """A space, clouds in it, and which clouds make up a group.

    group: (clouds,) int64, 0 … groups - 1.
    """

    name: str
    space: Space
    mixture: Mixture
    group: NDArray[np.int64]

    @property
    def groups(self) -> int:
        """How many there are."""
        return int(self.group.max()) + 1

    def probabilities(self, x: Tensor) -> NDArray[np.float64]:
        """(rows, groups), rows sum to 1. x: vectors (rows, dimensions)."""
        return self.at(self.space.of(x).double().numpy())

    def at(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """(rows, groups) of places in the space."""
        clouds = self.mixture.probabilities(z)
        out = np.zeros((len(z), self.groups))
        np.add.at(out.T, self.group, clouds.T)
        return out

    def ordered(self, order: NDArray[np.int64]) -> Grouping:
        """The same with its groups numbered in another order."""
        return replace(self, group=np.argsort(order)[self.group])

    def facts(self) -> dict[str, Any]:
        """What is not an array."""
        return {"name": self.name, **self.space.facts()}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""
        parts = under({"space": self.space.arrays(), "mixture": self.mixture.arrays()})
        return {**parts, "group": self.group}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what describes no groups."""
        if facts["name"] not in CANDIDATES:
            raise ValueError(f"no way of forming groups: {facts['name']!r}")
        space = SPACES[facts["space"]].restore(facts, below(arrays, "space"))
        mixture = Mixture.restore(below(arrays, "mixture"))
        group = np.asarray(arrays["group"])
        whole = group.dtype == np.int64 and group.shape == (len(mixture),)
        if not whole or set(group.tolist()) != set(range(int(group.max(initial=-1)) + 1)):
            raise ValueError("groups must be numbered without gaps.")
        return cls(facts["name"], space, mixture, group)


def by_size(labels: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
    """(groups,) the groups from the largest on. labels: (rows,) of all rows."""
    return np.argsort(-np.bincount(labels, minlength=groups), kind="stable")

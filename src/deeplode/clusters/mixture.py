"""Mixture: groups as Gaussian clouds or, where spheres are asked for, as k-means has them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from deeplode.detectors.detector import Arrays, kept

RIDGE = 1e-3  # of the mean variance of all rows, added to every cloud's
STARTS = 3
ROUNDS = 50  # of expectation and maximisation, at most
ENOUGH = 1e-3  # of log likelihood a row and round, below which there are no more rounds
SMALLEST = 1e-12

Places = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Mixture:
    """Clouds of rows.

    log_weights: (groups,). means: (groups, dimensions). precisions: (groups, dimensions,
    dimensions), the Cholesky factors of the inverse covariances, as scikit-learn has them.
    """

    log_weights: NDArray[np.float64]
    means: NDArray[np.float64]
    precisions: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.means)

    def log_joint(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """(rows, groups): log of a group's share times the density of the row in it."""
        dimensions = z.shape[1]
        out = np.empty((len(z), len(self)))
        for group, (mean, factor) in enumerate(zip(self.means, self.precisions, strict=True)):
            scaled = (z - mean) @ factor
            out[:, group] = np.log(np.diag(factor)).sum() - np.square(scaled).sum(1) / 2
        return np.asarray(out + self.log_weights - dimensions / 2 * np.log(2 * np.pi))

    def probabilities(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """(rows, groups), rows sum to 1."""
        joint = self.log_joint(z)
        return np.asarray(np.exp(joint - logsumexp(joint, axis=1, keepdims=True)))

    def distances(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """(rows, groups): Mahalanobis' distance from each middle."""
        parts = zip(self.means, self.precisions, strict=True)
        squares = [np.square((z - mean) @ factor).sum(1) for mean, factor in parts]
        return np.asarray(np.sqrt(np.stack(squares, 1)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""
        return {
            "log_weights": self.log_weights,
            "means": self.means,
            "precisions": self.precisions,
        }

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """The inverse. Raises ValueError or KeyError for what describes no mixture."""
        weights = kept(arrays, "log_weights", "float64", -1)
        means = kept(arrays, "means", "float64", len(weights), -1)
        wide = means.shape[1]
        precisions = kept(arrays, "precisions", "float64", len(weights), wide, wide)
        if not len(weights) or (np.diagonal(precisions, axis1=1, axis2=2) <= 0).any():
            raise ValueError("This describes no mixture.")
        return cls(weights, means, precisions)

    def ordered(self, order: NDArray[np.int64]) -> Mixture:
        """The same clouds in another order."""
        return Mixture(self.log_weights[order], self.means[order], self.precisions[order])


def fit_gaussian(z: Places, groups: int, seed: int, starts: int = STARTS) -> Mixture:
    """Clouds of any shape by expectation maximisation (Dempster et al. 1977) from k-means, the
    likeliest of some starts.

    z: (rows, dimensions), at least as many rows as groups.
    """
    middle, spread = z.mean(0), float(np.sqrt(max(float(z.var(0).mean()), SMALLEST)))
    scaled = (z - middle) / spread
    found = []
    for start in range(starts):
        near = fit_spheres(scaled, groups, seed + start, 1)
        labels = near.log_joint(scaled).argmax(1)
        found.append(_maximised(scaled, np.eye(groups)[labels]))
    best, _ = max(found, key=lambda one: one[1])
    return Mixture(best.log_weights, best.means * spread + middle, best.precisions / spread)


def _maximised(z: Places, shares: Places) -> tuple[Mixture, float]:
    """Rounds of expectation maximisation, and the mean log likelihood they end with.

    shares: (rows, groups) of each row in each group. A round is two products of matrices, as all
    clouds are asked of the same squares.
    """
    rows, wide = z.shape
    squares = (z[:, :, None] * z[:, None, :]).reshape(rows, wide * wide)
    before = -np.inf
    for _ in range(ROUNDS):
        counts = shares.sum(0) + 10 * np.finfo(float).eps
        means = shares.T @ z / counts[:, None]
        spread = (shares.T @ squares / counts[:, None]).reshape(-1, wide, wide)
        spread = spread - means[:, :, None] * means[:, None, :] + RIDGE * np.eye(wide)
        factors = np.linalg.inv(np.linalg.cholesky(spread)).transpose(0, 2, 1)
        precise = factors @ factors.transpose(0, 2, 1)
        pulled = (precise @ means[:, :, None])[:, :, 0]
        constant = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(1)
        constant += np.log(counts / rows) - (means * pulled).sum(1) / 2
        joint = squares @ precise.reshape(-1, wide * wide).T / -2 + z @ pulled.T + constant
        total = logsumexp(joint, axis=1, keepdims=True)
        shares = np.exp(joint - total)
        likelihood = float(total.mean()) - wide / 2 * float(np.log(2 * np.pi))
        if likelihood - before < ENOUGH:
            break
        before = likelihood
    return Mixture(np.log(counts / rows), means, factors), likelihood


def fit_spheres(z: Places, groups: int, seed: int, starts: int = STARTS) -> Mixture:
    """k-means (Lloyd 1982) with k-means++ starts: equal clouds, equally round.

    z: (rows, dimensions), at least as many rows as groups.
    """
    with warnings.catch_warnings(), threadpool_limits(1):  # threads add up in any order
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than groups
        model = KMeans(groups, n_init=starts, random_state=seed).fit(z)
    wide = z.shape[1]
    spread = np.sqrt(max(model.inertia_ / (len(z) * wide), SMALLEST))
    factors = np.broadcast_to(np.eye(wide) / spread, (groups, wide, wide)).copy()
    return Mixture(
        np.full(groups, -np.log(groups)), np.asarray(model.cluster_centers_, np.float64), factors
    )

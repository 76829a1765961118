"""Blend: net and trees together, weighted by what out-of-fold rows say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.encode.batch import Batch
from deeplode.evaluate.candidate import Candidate, known
from deeplode.evaluate.metrics import FLOOR, unit
from deeplode.evaluate.problem import Problem

GRID = np.linspace(0, 1, 21)


@dataclass(frozen=True, eq=False)
class Blend:
    """weight of the net's outputs, 1 - weight of the trees'."""

    net: Candidate
    trees: Candidate
    weight: float

    name = "blend"

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight must be between 0 and 1, got {self.weight}.")

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Probabilities, (rows, classes), or values in the target's unit, (rows,)."""
        return self.mix(self.net.predict(batch), self.trees.predict(batch))

    def mix(self, net: NDArray[np.float64], trees: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same from the outputs of both, so that nothing is predicted twice."""
        return self.weight * net + (1 - self.weight) * trees

    def facts(self) -> dict[str, Any]:
        """The weight; net and trees have facts and arrays of their own."""
        return {"name": self.name, "weight": self.weight}

    def arrays(self) -> dict[str, np.ndarray]:
        """None: net and trees hold theirs."""
        return {}


def fit_blend(
    net: tuple[Candidate, NDArray[np.float64]],
    trees: tuple[Candidate, NDArray[np.float64]],
    target: NDArray[Any],
    problem: Problem,
    weights: NDArray[np.float64] | None = None,
) -> tuple[Blend, NDArray[np.float64]]:
    """Blend two candidates, each with its out-of-fold predictions.

    The weight is the one nearest to one half whose loss (log loss, squared error) is within one
    standard error of the lowest: few rows say little, and a plain minimum over them would believe
    their noise (Breiman et al., Classification and Regression Trees, 1984, section 3.4.3).
    """
    both = known(net[1]) & known(trees[1])
    weight = None if weights is None else weights[both]
    share = 0.5
    if both.any():
        share = choose_weight(net[1][both], trees[1][both], target[both], problem, weight)
    blend = Blend(net[0], trees[0], share)
    return blend, blend.mix(net[1], trees[1])


def choose_weight(
    net: NDArray[np.float64],
    trees: NDArray[np.float64],
    target: NDArray[Any],
    problem: Problem,
    weights: NDArray[np.float64] | None = None,
) -> float:
    """The net's weight from rows that neither has seen. All arguments: one entry a row."""
    share = np.ones(len(target)) if weights is None else weights
    share = share / share.sum()
    losses = np.stack([_losses(w * net + (1 - w) * trees, target, problem) for w in GRID])
    mean = losses @ share
    excess = losses - losses[int(mean.argmin())]  # (weights, rows)
    above = excess @ share
    error = np.sqrt(((excess - above[:, None]) ** 2) @ share**2)
    good = GRID[above <= error + 1e-12]
    return float(good[np.abs(good - 0.5).argmin()])


def _losses(
    outputs: NDArray[np.float64], target: NDArray[Any], problem: Problem
) -> NDArray[np.float64]:
    """(rows,) log loss or squared error."""
    if not problem.classifies:
        return np.asarray(((outputs - target) / unit(target, outputs)) ** 2)
    own = outputs[np.arange(len(target)), target]
    return np.asarray(-np.log(np.clip(own, FLOOR, 1)))

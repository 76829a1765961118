"""Blend: net and trees (or linear model) together, weighted by what out-of-fold rows say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.encode.batch import Batch
from deeplode.evaluate.calibrate import apply_temperature, fit_temperature
from deeplode.evaluate.candidate import Candidate, known
from deeplode.evaluate.labelpropagation import LabelPropagation
from deeplode.evaluate.metrics import FLOOR, unit
from deeplode.evaluate.problem import Problem

GRID = np.linspace(0, 1, 21)


@dataclass(frozen=True, eq=False)
class Blend:
    """weight of the net's outputs, 1 - weight of its partner's: the trees or the linear model.

    temperatures: of net and partner, whose probabilities are calibrated by them before. Where the
    partner knows links alone and hears nothing of a row, the net answers.
    """

    net: Candidate
    partner: Candidate
    weight: float
    temperatures: tuple[float, float] = (1.0, 1.0)

    name = "blend"

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight must be between 0 and 1, got {self.weight}.")

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Probabilities, (rows, classes), or values in the target's unit, (rows,)."""
        return self.mix(self.net.predict(batch), self.partner.predict(batch))

    def mix(self, net: NDArray[np.float64], partner: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same from the outputs of both, so that nothing is predicted twice."""
        links = self.partner if isinstance(self.partner, LabelPropagation) else None
        silent = np.zeros(len(net), bool) if links is None else links.silent(partner)
        net, partner = (
            own if temperature == 1 else apply_temperature(own, temperature)
            for own, temperature in zip((net, partner), self.temperatures, strict=True)
        )
        mixed = self.weight * net + (1 - self.weight) * partner
        mixed[silent] = net[silent]
        return mixed

    def facts(self) -> dict[str, Any]:
        """The weight; net and partner have facts and arrays of their own."""
        return {"name": self.name, "weight": self.weight}

    def arrays(self) -> dict[str, np.ndarray]:
        """None: net and partner hold theirs."""
        return {}


def fit_blend(
    net: tuple[Candidate, NDArray[np.float64]],
    partner: tuple[Candidate, NDArray[np.float64]],
    target: NDArray[Any],
    problem: Problem,
    weights: NDArray[np.float64] | None = None,
    sharp: bool = False,
) -> tuple[Blend, NDArray[np.float64]]:
    """Blend two candidates, each with its out-of-fold predictions.

    The weight is the one nearest to one half whose loss (log loss, squared error) is within one
    standard error of the lowest: few rows say little, and a plain minimum over them would believe
    their noise (Breiman et al., Classification and Regression Trees, 1984, section 3.4.3).
    sharp: that is timid where one of the two sees far more, as nets do of images. Then both are
    calibrated first, or a net that learned from smoothed labels would have too small a part, and
    the lowest loss decides.
    """
    both = known(net[1]) & known(partner[1])
    weight = None if weights is None else weights[both]
    blend = Blend(net[0], partner[0], 0.5)
    if both.any():
        pair = [own[1][both] for own in (net, partner)]
        if sharp and problem.classifies:
            hot, cold = (fit_temperature(target[both], own, weight) for own in pair)
            blend = replace(blend, temperatures=(hot, cold))
            pair = [apply_temperature(own, t) for own, t in zip(pair, (hot, cold), strict=True)]
        share = choose_weight(pair[0], pair[1], target[both], problem, weight, not sharp)
        blend = replace(blend, weight=share)
    return blend, blend.mix(net[1], partner[1])


def better(
    oof: Mapping[str, NDArray[np.float64]],
    names: Sequence[str],
    target: NDArray[Any],
    problem: Problem,
    weights: NDArray[np.float64] | None = None,
) -> str:
    """Which of these candidates has the lower loss on the rows that all were validated on."""
    rows = np.logical_and.reduce([known(oof[name]) for name in names])
    own = np.ones(int(rows.sum())) if weights is None else weights[rows]
    if not own.any():
        return names[0]
    losses = {name: float(_losses(oof[name][rows], target[rows], problem) @ own) for name in names}
    return min(names, key=losses.__getitem__)


def choose_weight(
    net: NDArray[np.float64],
    trees: NDArray[np.float64],
    target: NDArray[Any],
    problem: Problem,
    weights: NDArray[np.float64] | None = None,
    cautious: bool = True,
) -> float:
    """The net's weight from rows that neither has seen. All arguments: one entry a row."""
    share = np.ones(len(target)) if weights is None else weights
    share = share / share.sum()
    losses = np.stack([_losses(w * net + (1 - w) * trees, target, problem) for w in GRID])
    mean = losses @ share
    if not cautious:
        return float(GRID[int(mean.argmin())])
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

"""Calibrated: what out-of-fold rows say of a candidate's answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.calibrate import (
    Spread,
    apply_temperature,
    fit_spread,
    fit_temperature,
    reliability,
)
from deeplode.evaluate.candidate import known
from deeplode.evaluate.decision import UNDECIDED, Decision
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.threshold import choose_threshold
from deeplode.tasks.answers import Calibration
from deeplode.tasks.model import NO_SPREAD

Outputs = NDArray[np.float64]
NO_CALIBRATION = Calibration()


@dataclass(frozen=True)
class Calibrated:
    """What out-of-fold rows say of a candidate; threshold, reliability: facts of result.json."""

    calibration: Calibration = NO_CALIBRATION
    spread: Spread = NO_SPREAD
    threshold: dict[str, Any] | None = None
    reliability: dict[str, Any] | None = None


def calibrate(
    oof: Outputs,
    problem: Problem,
    target: NDArray[Any],
    weights: NDArray[np.float64] | None,
    decision: Decision = UNDECIDED,
) -> Calibrated:
    """Measured on the rows that validated a member. oof: (rows,) or (rows, classes)."""
    rows = known(oof)
    truth, outputs = target[rows], oof[rows]
    weight = None if weights is None else weights[rows]
    if not problem.classifies:
        return Calibrated(spread=fit_spread(truth, outputs))
    temperature = fit_temperature(truth, outputs, weight)
    outputs = apply_temperature(outputs, temperature)
    curve = {"temperature": temperature, **reliability(problem, truth, outputs, weight)}
    if problem.task != "binary":
        return Calibrated(Calibration(temperature), NO_SPREAD, None, curve)
    threshold = choose_threshold(truth, outputs[:, 1], weight, decision)
    calibration = Calibration(temperature, threshold["value"])
    return Calibrated(calibration, NO_SPREAD, threshold, curve)

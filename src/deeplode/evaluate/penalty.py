"""Penalty: how strongly the coefficients of a linear model are held back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.problem import Problem

USUAL = 1.0  # scikit-learn's C = 1
TRIED = (300.0, 100.0, 30.0, 10.0, USUAL)
MANY = 0.1  # columns a training row from which on the usual one may be too weak
ENOUGH = 300  # validation rows that it is chosen by
FLOOR = 1e-15  # least probability that a log loss sees


def choose_penalty(loss: Callable[[float], float], stop: Callable[[], object]) -> float:
    """The penalty of least held-out loss: weaker and weaker ones until it gets worse, or until
    ``stop`` says so."""
    best, least = USUAL, np.inf
    for penalty in TRIED:
        found = loss(penalty)
        if not found < least:
            break
        best, least = penalty, found
        if stop():
            break
    return best


def held_out_loss(
    problem: Problem, truth: NDArray[np.generic], outputs: NDArray[np.float64]
) -> float:
    """Mean log loss, or squared error in the target's unit. outputs: as candidates predict."""
    if not problem.classifies:
        return float(np.mean((outputs - truth) ** 2))  # type: ignore[operator]
    chosen = outputs[np.arange(len(truth)), truth.astype(np.int64)]
    return float(-np.log(np.maximum(chosen, FLOOR)).mean())

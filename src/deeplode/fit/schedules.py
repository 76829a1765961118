"""Learning-rate schedules: from how far the training has come to a factor on the rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Schedule = Callable[[float], float]

WARM_UP = 0.1  # share of the training in which one_cycle and warm_up climb
STEPS = (0.5, 0.75)  # shares of the training after which ``step`` goes down (He et al. 2016)
DOWN = 0.1  # factor of each of them
LAST = 0.01  # where ``exponential`` ends
PLATEAU_FACTOR = 0.3  # of reduce_on_plateau
PLATEAU_PATIENCE = 2  # epochs without a better validation loss that it bears
PLATEAU_BETTER = 1e-4  # share by which a loss must fall to count as better


def constant(progress: float) -> float:
    """Always 1."""
    return 1.0


def step(progress: float) -> float:
    """1, then DOWN, then DOWN², from each share in STEPS on."""
    return DOWN ** sum(progress >= share for share in STEPS)


def exponential(progress: float) -> float:
    """From 1 to LAST, by the same factor every step."""
    return float(LAST**progress)


def warm_up(progress: float) -> float:
    """Up along a line from 0, then always 1 (Goyal et al. 2017)."""
    return min(progress / WARM_UP, 1.0)


def cosine(progress: float) -> float:
    """From 1 down to 0 along half a cosine (Loshchilov and Hutter 2017, no restart)."""
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def one_cycle(progress: float) -> float:
    """Up along half a cosine from 1/25, then down to 0 (Smith and Topin 2018)."""
    if progress < WARM_UP:
        return 0.04 + 0.96 * (1 - cosine(progress / WARM_UP))
    return cosine((progress - WARM_UP) / (1 - WARM_UP))


def plateau(losses: Sequence[float]) -> float:
    """Factor that reduce_on_plateau has come to after these validation losses, epoch by epoch.

    It falls by PLATEAU_FACTOR when more than PLATEAU_PATIENCE epochs brought nothing better, and
    then waits anew. The losses are all its state.
    """
    factor, best, waited = 1.0, math.inf, 0
    for loss in losses:
        if loss < best - PLATEAU_BETTER * abs(best) or best == math.inf > loss:
            best, waited = loss, 0
        else:
            waited += 1
        if waited > PLATEAU_PATIENCE:
            factor, waited = factor * PLATEAU_FACTOR, 0
    return factor


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "one_cycle": one_cycle,
    "warm_up": warm_up,
    "reduce_on_plateau": constant,  # and ``plateau`` on top
}

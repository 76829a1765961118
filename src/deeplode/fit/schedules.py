"""Learning-rate schedules: from how far the training has come to a factor on the rate."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[float], float]

WARM_UP = 0.1  # share of the training in which one_cycle climbs


def constant(progress: float) -> float:
    """Always 1."""
    return 1.0


def cosine(progress: float) -> float:
    """From 1 down to 0 along half a cosine (Loshchilov and Hutter 2017, no restart)."""
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def one_cycle(progress: float) -> float:
    """Up along half a cosine from 1/25, then down to 0 (Smith and Topin 2018)."""
    if progress < WARM_UP:
        return 0.04 + 0.96 * (1 - cosine(progress / WARM_UP))
    return cosine((progress - WARM_UP) / (1 - WARM_UP))


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "cosine": cosine,
    "one_cycle": one_cycle,
}

"""Spreads: bounds around values, of one target or, in its own unit, of each of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.jointforecast import AnyForecast, JointForecast
from deeplode.evaluate.calibrate import Spread, fit_spread
from deeplode.evaluate.candidate import known
from deeplode.tasks.answers import Answers

Outputs = NDArray[np.float64]


def bounds(
    answers: Answers, spread: Spread, spreads: Mapping[str, Spread], forecast: AnyForecast | None
) -> tuple[Outputs, Outputs]:
    """(rows,) twice: what COVERAGE of the truth lies between. spreads: by channel, in its steps."""
    if answers.channels is None or not isinstance(forecast, JointForecast):
        return spread.around(answers.outputs)
    own = [spreads.get(name, spread) for name in answers.channels.to_list()]
    steps = forecast.steps(answers.channels)
    low, high = np.array([(one.low, one.high) for one in own]).reshape(-1, 2).T * steps
    return answers.outputs + low, answers.outputs + high


def by_channel(oof: Outputs, truth: Outputs, channels: pl.Series | None) -> dict[str, Spread]:
    """The spread of each channel's out-of-fold errors; {} without channels. oof, truth: (rows,)."""
    if channels is None:
        return {}
    there, names = known(oof), channels.to_numpy()
    return {
        name: fit_spread(truth[own], oof[own])
        for name in channels.unique(maintain_order=True).to_list()
        for own in [there & (names == name)]
    }


def spread_of(ends: Any) -> Spread:
    """Of two numbers. Raises ValueError or TypeError."""
    low, high = (float(one) for one in ends)
    return Spread(low, high)


def pairs(spreads: Mapping[str, Spread]) -> dict[str, list[float]]:
    """The inverse of ``spread_of``, by channel."""
    return {name: [own.low, own.high] for name, own in spreads.items()}

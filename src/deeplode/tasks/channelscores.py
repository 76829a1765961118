"""Channel scores: how good a forecast of several columns is for each, in the column's own unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.jointforecast import JointForecast
from deeplode.evaluate.intervals import Interval, Resamples, resample
from deeplode.evaluate.verdict import SIGNAL_CERTAINTY
from deeplode.tasks.model import Model

GUESSES = {"trivial", "naive", "seasonal"}  # that a forecast must be better than

Outputs = NDArray[np.float64]


def best_guess(found: Resamples) -> str:
    """The best rule of thumb: what is better than it is better than all."""
    return min(GUESSES & found.values.keys(), key=lambda name: found.values[name]["rmse"])


def by_channel(
    model: Model,
    truth: Outputs,
    outputs: Mapping[str, Outputs],
    channels: pl.Series,
    groups: NDArray[np.int64] | None,
) -> list[dict[str, Any]]:
    """Of each channel: its scores by every candidate and whether the model beats the best rule.

    truth, outputs: (rows,) in steps. rmse and mae come out in the channel's unit; mase is the mean
    error in steps, r2 is of the distance from the level. coverage: share of truth within bounds.
    """
    forecast, names = model.schema.forecast, channels.to_numpy()
    assert isinstance(forecast, JointForecast)
    told = []
    for channel in forecast.channels:
        rows = np.flatnonzero(names == channel.name)
        if not len(rows):
            continue
        own = {name: values[rows] for name, values in outputs.items()}
        found = resample(
            model.problem, truth[rows], own, None, None if groups is None else groups[rows]
        )
        spread = model.spreads.get(channel.name, model.spread)
        low, high = spread.around(own[model.answer])
        told.append(
            {
                "name": channel.name,
                "step": channel.step,
                "rows": len(rows),
                "metrics": _scores(found, model.answer, channel.step),
                "leaderboard": [
                    {"name": name, "metrics": _scores(found, name, channel.step)} for name in own
                ],
                "rule": best_guess(found),
                **_gain(found, model.answer, channel.step),
                "coverage": float(((truth[rows] >= low) & (truth[rows] <= high)).mean()),
            }
        )
    return told


def _scores(found: Resamples, name: str, step: float) -> dict[str, dict[str, float | None]]:
    """rmse and mae in the channel's unit, mase and r2 without one."""
    mase = found.interval(name, "mae")
    sizes = {metric: _times(found.interval(name, metric), step) for metric in ("rmse", "mae")}
    plain = {"mase": mase, "r2": found.interval(name, "r2")}
    return {metric: own.as_json() for metric, own in {**sizes, **plain}.items()}


def _gain(found: Resamples, answer: str, step: float) -> dict[str, Any]:
    """How much lower the error is than that of the best rule, and whether it is so for certain."""
    higher = found.difference(answer, best_guess(found), "rmse", SIGNAL_CERTAINTY)
    lower = _times(Interval(-higher.value, -higher.high, -higher.low), step)
    return {"gain": lower.as_json(), "signal": lower.low > 0}


def _times(one: Interval, step: float) -> Interval:
    return Interval(one.value * step, one.low * step, one.high * step)

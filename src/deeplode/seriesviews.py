"""Series views: what the report draws of series, as few numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from deeplode.detectors.neighbours import Neighbours
from deeplode.tasks.events import Event
from deeplode.tasks.seriesmodel import SeriesModel, Watched

SERIES = 6  # that are drawn: those with the oddest events
CHANNELS = 3  # of each: those to blame
POINTS = 300  # of a line
CALENDAR = 400  # events in the calendar


def views(model: SeriesModel, answers: Watched) -> dict[str, Any]:
    """The series with the oddest events, a few channels of each, and when all events were.

    Of a channel: what was measured, the mean of the window, and what that is where the moment is
    normal; of the series: the score, its events, and how many moments it was learned from.
    """
    line, outputs = answers.series.line, answers.outputs[answers.series.line.order]
    drawn = [_series(model, answers, number, outputs) for number in _oddest(answers, outputs)]
    dated = {"dates": line.dates, "threshold": model.threshold}
    return {**dated, "series": drawn, "calendar": _calendar(answers)}


def _oddest(answers: Watched, outputs: NDArray[np.float64]) -> list[int]:
    """The series with the highest scores within events, then the first ones."""
    line = answers.series.line
    peaks: dict[int, float] = {}
    for one in answers.found:
        own = int(line.series[one.raised])
        peaks[own] = max(peaks.get(own, 0.0), float(outputs[one.at(outputs)]))
    odd = sorted(peaks, key=lambda own: (-peaks[own], own))
    rest = [number for number in range(len(line.names)) if number not in peaks]
    return [*odd, *rest][:SERIES]


def _series(
    model: SeriesModel, answers: Watched, number: int, outputs: NDArray[np.float64]
) -> dict[str, Any]:
    line = answers.series.line
    own = np.flatnonzero(line.series == number)
    some = own[np.unique(np.linspace(0, len(own) - 1, POINTS).astype(int))]
    x, base = answers.x[some], answers.base[some]
    means = answers.moments.measured(answers.series.cells, line.starts, some)
    expected = answers.moments.means(_expected(model, x), base)
    inside = [
        (one, why)
        for one, why in zip(answers.found, answers.why, strict=True)
        if line.series[one.raised] == number
    ]
    shares = sum((why.shares for _, why in inside), np.zeros(means.shape[1]))
    chosen = np.argsort(-shares, kind="stable")[:CHANNELS].tolist()
    return {
        "name": line.names[number],
        "times": line.times[some].tolist(),
        "score": outputs[some].tolist(),
        "events": [_ends(one, line.times) for one, _ in inside],
        "channels": [
            {
                "name": model.encoder.names[at],
                "measured": _plain(answers.series.cells[some, at]),
                "mean": _plain(means[:, at]),
                "expected": _plain(expected[:, at]),
            }
            for at in chosen
        ],
    }


def _expected(model: SeriesModel, x: Tensor) -> NDArray[np.float64]:
    """(moments, features) as the nearest normal moments have them; where there was no time for
    neighbours, the baseline."""
    near = model.detector.members.get("neighbours")
    return near.expected(x) if isinstance(near, Neighbours) else np.zeros(tuple(x.shape))


def _calendar(answers: Watched) -> list[dict[str, Any]]:
    """When events were, since the beginning of their series."""
    line, heads = answers.series.line, answers.series.line.heads
    told = []
    for one in answers.found[:CALENDAR]:
        own = int(line.series[one.raised])
        start, end = _ends(one, line.times)
        begun = float(line.times[heads[own]])
        told.append({"series": line.names[own], "begun": begun, "start": start, "end": end})
    return told


def _ends(one: Event, times: NDArray[np.float64]) -> list[float]:
    return [float(times[one.start]), float(times[one.end])]


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    """Six digits; None where there is nothing."""
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values.tolist()]

"""Known series: how good a model of series is where it is known when something happened."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.data.table import Table
from deeplode.evaluate.intervals import draws, resample
from deeplode.evaluate.problem import Problem
from deeplode.tasks.drift import Drift, drift
from deeplode.tasks.known import known
from deeplode.tasks.seriesmodel import SeriesModel, Watched

FEWEST = 10  # series that are resampled as they are; fewer are cut into …
BLOCKS = 10  # … so many stretches each


def judged_series(
    model: SeriesModel, table: Table, target: str
) -> tuple[dict[str, Any], Drift | None]:
    """Scores on labelled moments with 95 % intervals, point by point, nothing adjusted, and how far
    scores have drifted.

    roc_auc and average_precision of the scores; f1, far, mar and precision of the moments within
    events. Moments next to each other are alike, so that whole series are resampled, or
    stretches where there are few. Under ``events``: how many true ones were met by an
    alarm, and how many alarms met none. Raises DataError where the target is no truth.
    """
    truth = known(table.frame[target], table.source)
    answers = model.predict(table)
    units = _units(answers)
    outputs = {
        "score": np.stack([1 - answers.outputs, answers.outputs], axis=1),
        "event": np.stack([~answers.anomaly, answers.anomaly], axis=1).astype(np.float64),
    }
    found = resample(Problem("binary", 2), truth.astype(np.int64), outputs, groups=units)
    metrics = {
        name: found.interval("score", name).as_json() for name in ("roc_auc", "average_precision")
    }
    metrics["f1"] = found.interval("event", "f1").as_json()
    metrics |= _shares(truth, answers.anomaly, units)
    moved = drift(model, answers.outputs)
    facts = {
        "metrics": metrics,
        "anomalies": {"called": int(answers.anomaly.sum()), "known": int(truth.sum())},
        "events": _events(truth[answers.series.line.order], answers),
        "drift": moved.facts() if moved else None,
    }
    return facts, moved


def _units(answers: Watched) -> NDArray[np.int64]:
    """(rows,) of the table: the series, or the stretch of one, that each moment is resampled by."""
    line = answers.series.line
    units = line.series
    if len(line.names) < FEWEST:
        lengths = np.bincount(line.series)
        within = np.arange(len(units)) - line.heads[units]
        units = BLOCKS * units + BLOCKS * within // lengths[units]
    return answers.series.in_table(np.asarray(units, np.int64))


def _shares(
    truth: NDArray[np.bool_], called: NDArray[np.bool_], units: NDArray[np.int64]
) -> dict[str, dict[str, float | None]]:
    """far, mar and precision, each with its interval."""
    pairs = {"far": (called, ~truth), "mar": (~called, truth), "precision": (truth, called)}
    drawn = list(draws(len(truth), units, np.random.default_rng(0)))
    out: dict[str, dict[str, float | None]] = {}
    for name, (hit, among) in pairs.items():
        counts = np.stack([hit & among, among], axis=1).astype(np.float64)
        sums = np.concatenate([often @ counts for often in drawn])
        some = sums[sums[:, 1] > 0]
        whole = counts.sum(axis=0)
        ends = np.quantile(some[:, 0] / some[:, 1], (0.025, 0.975)) if whole[1] else (None, None)
        value = float(whole[0] / whole[1]) if whole[1] else None
        low, high = (None if end is None else float(end) for end in ends)
        out[name] = {"value": value, "low": low, "high": high}
    return out


def _events(truth: NDArray[np.bool_], answers: Watched) -> dict[str, int]:
    """known: true events; met: those with a moment in an event; false: events without a true
    moment. truth: (moments,) in order."""
    begins = answers.series.line.begins
    before = np.concatenate([[False], truth[:-1]]) & ~begins
    number = np.where(truth, np.cumsum(truth & ~before), 0)
    inside = np.zeros(len(truth), np.bool_)
    false = 0
    for one in answers.found:
        inside[one.start : one.end + 1] = True
        false += not truth[one.start : one.end + 1].any()
    met = np.unique(number[inside & truth])
    return {"known": int(number.max(initial=0)), "met": len(met), "false": false}

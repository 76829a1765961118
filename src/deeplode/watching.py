"""Watching: detect on series, from a table of moments to the facts of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.detectoptions import DetectOptions
from deeplode.messages import say
from deeplode.outcome import Outcome, blamed, board, histogram
from deeplode.progress import Listen
from deeplode.runfacts import SCHEMA_VERSION, source_facts, versions
from deeplode.runtime import Budget
from deeplode.seriesviews import views
from deeplode.tasks.detect import Settings
from deeplode.tasks.detectseries import Found, Normal, detect_series

EVENTS = 200  # that result.json lists, the oddest


def watched(
    table: Table,
    schema: Schema,
    told: DetectOptions,
    settings: Settings,
    budget: Budget,
    listen: Listen,
) -> Outcome:
    """Learn what is normal in series and find the events in them. Raises as ``detect_series``."""
    normal = Normal(told.clean, told.clean_rows, told.clean_until)
    found = detect_series(table, schema, settings, normal, told.window, budget, listen)
    facts, answers = facts_of(found, table, schema, told, normal), found.watched
    frame = found.model.frame(table.ids, answers)
    return Outcome(found.model, answers.outputs, frame, facts, found.notices)


def facts_of(
    found: Found, table: Table, schema: Schema, told: DetectOptions, normal: Normal
) -> dict[str, Any]:
    """What result.json says of the series, and how the model came to be."""
    model, answers = found.model, found.watched
    listed, line = _events(found, table), found.watched.series.line
    return {
        "schema_version": SCHEMA_VERSION,
        "verb": "detect",
        "task": "anomaly",
        "structure": "series",
        "source": source_facts(table, schema, len(table)),
        "split": {"how": "clean" if normal.known else "whole", "train": int(found.learned.sum())},
        "metrics": {},
        "answer": model.detector.name,
        "leaderboard": board(found.parts, found.seconds, model.detector.name),
        "verdict": _verdict(found, normal),
        "anomalies": _counts(found, told, normal),
        "series": {
            "count": len(line.names),
            "channels": list(model.encoder.names),
            "window": model.moments.window,
            "step": line.step,
            "dates": line.dates,
        },
        "events": listed,
        "change_points": _change_points(listed),
        "views": views(model, answers),
        "scores": histogram(answers.outputs),
        "alarms": [_alarm(one) for one in listed],
        "blamed": blamed(np.array([one.shares for one in answers.why]), model.encoder.names),
        "threshold": {"value": model.threshold, "chosen_on": "training"},
        "calibration": None,
        "findings": [],
        "importance": [],
        "training": {},
        "options": told.as_json(),
        "seed": told.seed,
        "versions": versions(),
    }


def _counts(found: Found, told: DetectOptions, normal: Normal) -> dict[str, Any]:
    """How many moments and events there are, and the share of odd moments where some may be."""
    share = dict(zip(("value", "low", "high"), found.model.null.contamination, strict=True))
    return {
        "called": int(found.watched.anomaly.sum()),
        "expected": None,
        "events": len(found.watched.found),
        "share": None if normal.known else share,
        "threshold": found.model.threshold,
        "capacity": told.capacity,
    }


def _events(found: Found, table: Table) -> list[dict[str, Any]]:
    """The events with the highest scores, in order of series and time."""
    answers, line = found.watched, found.watched.series.line
    times = table.frame[found.model.encoder.timestamp]
    outputs = answers.outputs[line.order]
    listed = []
    for number, (one, why) in enumerate(zip(answers.found, answers.why, strict=True), start=1):
        places = {"start": one.start, "end": one.end, "raised": one.raised, "peak": one.at(outputs)}
        rows = {name: int(line.order[place]) for name, place in places.items()}
        listed.append(
            {
                "event": number,
                "series": line.names[line.series[one.raised]],
                **{name: str(times[row]) for name, row in rows.items()},
                "moments": one.end - one.start + 1,
                "lasts": float(line.times[one.end] - line.times[one.start]),
                "score": float(outputs[places["peak"]]),
                "row": rows["peak"],
                "id": str(table.ids[rows["peak"]]),
                "channels": why.as_json(),
                "reason": why.sentence(),
            }
        )
    oddest = sorted(listed, key=lambda one: -one["score"])[:EVENTS]
    return sorted(oddest, key=lambda one: one["event"])


def _change_points(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Where something in a series changed: the ends of its events."""
    return [
        {"series": one["series"], "time": one[end], "what": end}
        for one in listed
        for end in ("start", "end")
    ]


def _alarm(event: dict[str, Any]) -> dict[str, Any]:
    """The oddest moment of an event, in the form of the list for rows."""
    return {name: event[name] for name in ("row", "id", "score", "reason")} | {"called": True}


def _verdict(found: Found, normal: Normal) -> dict[str, Any]:
    """Whether anything happened, in words."""
    answers = found.watched
    among = {answers.series.line.series[one.raised] for one in answers.found}
    values: dict[str, Any] = {
        "events": len(answers.found),
        "odd": len(among),
        "series": len(answers.series.line.names),
        "share": 100 * float(answers.anomaly.mean()),
    }
    code = "V-044" if not answers.found else "V-043"
    return {
        "signal": bool(answers.found) and normal.known,
        "deep_pays": "unclear",
        "text": say(code, **values),
        "sentences": [{"code": code, "values": values}],
    }

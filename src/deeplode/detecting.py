"""Detect: read, encode, fit every detector, call what is odd, save, report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deeplode.aim import bare
from deeplode.data.measure import fingerprint
from deeplode.data.schema import Roles, Schema
from deeplode.data.table import Table
from deeplode.detectoptions import DetectOptions
from deeplode.keeping import Keeping
from deeplode.messages import joined, say
from deeplode.outcome import Outcome, blamed, board, histogram
from deeplode.progress import Listen, silent
from deeplode.runfacts import SCHEMA_VERSION, source_facts, source_name, versions
from deeplode.runfolder import RunFolder
from deeplode.running import running
from deeplode.runtime import Budget
from deeplode.tail import tail
from deeplode.tasks.anomalies import AnomalyModel, Detections
from deeplode.tasks.cases import asked
from deeplode.tasks.detect import Detected, Settings, check_rows, detect
from deeplode.tasks.known import regained
from deeplode.tasks.room import room, room_of_series
from deeplode.verbs import RunResult, Source, read_to_run, tell
from deeplode.watching import watched

ALARMS = 100  # rows that result.json and the report list
OF_ROWS = ("alarms", "views", "events", "change_points")  # facts that stay out of a model file


def run(
    source: Source,
    options: DetectOptions,
    listen: Listen = silent,
    budget: Budget | None = None,
) -> RunResult:
    """Look for anomalies and leave a run folder.

    budget: what the run may use; from the options and the start of the process if not given.
    Raises DeeplodeError, with nothing left behind, when no model can be made.
    """
    with running(options, source_name(source), "detect", listen, budget) as begun:
        facts = _Run(source, options, begun.folder, begun.budget, begun.log, begun.threads).all()
    return RunResult(begun.folder.path, facts, begun.budget.stop() == "interrupt")


@dataclass(frozen=True)
class _Run:
    """One search, step by step."""

    source: Source
    options: DetectOptions
    folder: RunFolder
    budget: Budget
    listen: Listen
    threads: int

    def all(self) -> dict[str, Any]:
        """Everything from the source to the report; returns the facts."""
        self.listen("stage", name="read")
        told = self.options
        named = (told.target, told.id, told.group, told.timestamp, *(told.kinds or ()))
        table = bare(read_to_run(self.source, told), named)
        files = [one for one in (self.source, told.features) if one is not None]
        self.folder.remember(told.as_json(), [*map(fingerprint, files)], resume=told.resume)
        check_rows(table)
        roles = Roles(told.target, told.id, None, told.group, told.timestamp)
        schema, known, suspects = asked(table, roles, told.kinds)
        if schema.id is not None:
            table = table.with_ids(schema.id)
        settings = Settings(
            told.seed, self.threads, told.clean, told.known_share, told.capacity,
            told.most_bad, self.folder.checkpoint, known,
        )  # fmt: skip
        look = searched if told.timestamp is None else watched
        if told.timestamp is None:
            planned = room(table, schema, told.clean, known is not None, told.memory_bytes)
        else:
            normal = told.clean or told.clean_rows is not None or told.clean_until is not None
            planned = room_of_series(table, schema, normal, told.memory_bytes)
        learning = self.budget.until(tail(told.seconds))
        found = look(table, schema, told, settings, learning, self.listen)
        notices = (*table.notices, *schema.notices, *suspects, *found.notices)
        found.facts["warnings"] = tell(notices, self.listen)
        keeping = Keeping(self.folder, self.budget, told, self.listen, planned, files)
        return keeping.keep(found.model, found.facts, table, lambda _: found.frame, OF_ROWS)


def searched(
    table: Table,
    schema: Schema,
    told: DetectOptions,
    settings: Settings,
    budget: Budget,
    listen: Listen,
) -> Outcome:
    """Find the rows that do not fit. Raises as ``detect``."""
    found = detect(table, schema, settings, budget, listen)
    listen("stage", name="reasons")
    why = explained(found, table)
    facts = facts_of(found, why, table, schema, told)
    frame = found.model.frame(table.ids, why.answers(found))
    return Outcome(found.model, found.scores, frame, facts, found.notices)


@dataclass(frozen=True)
class Explained:
    """Why rows are odd: those that are called, and those of the alarm list.

    called: (all rows,). rows: places of the explained ones, the oddest first. blame: (rows, input
    columns) >= 0. reasons, nearest: (rows,) in words.
    """

    called: NDArray[np.bool_]
    rows: NDArray[np.int64]
    blame: NDArray[np.float64]
    reasons: list[str]
    nearest: list[str]

    def answers(self, found: Detected) -> Detections:
        """All rows as ``predict`` would answer for them: reasons for those that are called."""
        told, near = [""] * len(found.scores), [""] * len(found.scores)
        for row, *both in zip(self.rows.tolist(), self.reasons, self.nearest, strict=True):
            told[row], near[row] = both if self.called[row] else ("", "")
        return Detections(found.scores, self.called, told, near, found.encoded.flags)


def explained(found: Detected, table: Table) -> Explained:
    """Explain the rows that are called and the ALARMS oddest ones."""
    called = found.scores >= found.model.threshold
    order = np.argsort(-found.scores, kind="stable")
    rows = order[: max(ALARMS, int(called.sum()))]
    odd, few = found.encoded.batch.rows(torch.from_numpy(rows)), table.rows(rows)
    blame = found.model.blamed(odd)
    reasons = found.model.reasons(blame, few)
    return Explained(called, rows, blame, reasons, found.model.nearest(odd, few))


def facts_of(
    found: Detected, why: Explained, table: Table, schema: Schema, told: DetectOptions
) -> dict[str, Any]:
    """What result.json says of the rows, and how the model came to be."""
    model, called = found.model, why.called
    known = None if found.known is None else regained(found.scores, called, found.known)
    return {
        "schema_version": SCHEMA_VERSION,
        "verb": "detect",
        "task": "anomaly",
        "source": source_facts(table, schema, len(table)),
        "split": {"how": "clean" if told.clean else "whole", "train": len(table)},
        "metrics": {},
        "answer": model.detector.name,
        "leaderboard": board(found.parts, found.seconds, model.detector.name),
        "verdict": _verdict(model, called, told.clean, known),
        "anomalies": {
            "called": int(called.sum()),
            "expected": float(found.scores[called].sum()),
            "share": dict(zip(("value", "low", "high"), model.null.contamination, strict=True)),
            "threshold": model.threshold,
            "capacity": told.capacity,
            "known": known,
        },
        "scores": histogram(found.scores),
        "alarms": _alarms(found, why, table),
        "blamed": blamed(why.blame[called[why.rows]], model.blamable),
        "threshold": {"value": model.threshold, "chosen_on": "training"},
        "calibration": None,
        "findings": [],
        "importance": [],
        "training": {},
        "options": told.as_json(),
        "seed": told.seed,
        "versions": versions(),
    }


def _verdict(
    model: AnomalyModel, called: NDArray[np.bool_], clean: bool, known: dict[str, Any] | None
) -> dict[str, Any]:
    """Whether there is anything odd, in words, and how known cases come out."""
    share, low, high = model.null.contamination
    values: dict[str, Any] = {
        "called": int(called.sum()),
        "rows": len(called),
        "share": 100 * share,
        "low": 100 * low,
        "high": 100 * high,
    }
    code = "V-040" if clean else "V-041" if low > 0 else "V-042"
    sentences: list[dict[str, Any]] = [{"code": code, "values": values}]
    if known is not None:
        told = {name: known[name] for name in ("count", "called", "others")}
        sentences.append({"code": "V-047", "values": {**told, "rank": known["rank"]["value"]}})
    return {
        "signal": not clean and low > 0,
        "deep_pays": "unclear",
        "text": joined(say(one["code"], **one["values"]) for one in sentences),
        "sentences": sentences,
    }


def _alarms(found: Detected, why: Explained, table: Table) -> list[dict[str, Any]]:
    """The oddest rows, called or not: place, id, score, reason and the nearest usual row."""
    return [
        {
            "row": row,
            "id": str(table.ids[row]),
            "score": float(found.scores[row]),
            "called": bool(why.called[row]),
            "reason": reason,
            "nearest": nearest,
        }
        for row, reason, nearest in zip(
            why.rows[:ALARMS].tolist(), why.reasons, why.nearest, strict=False
        )
    ]

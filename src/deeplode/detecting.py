"""Detect: read, encode, fit every detector, call what is odd, save, report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.measure import fingerprint, size_estimate
from deeplode.data.schema import Roles, Schema, infer
from deeplode.data.table import Table
from deeplode.detectoptions import DetectOptions
from deeplode.errors import OptionError
from deeplode.machine import usable_threads
from deeplode.memory import peak_memory
from deeplode.messages import Notice, language, say
from deeplode.output import write_json, write_table
from deeplode.progress import Listen, silent
from deeplode.report.page import write as write_page
from deeplode.runfacts import (
    FILES,
    NOT_IN_CARD,
    SCHEMA_VERSION,
    TAIL_SECONDS,
    TAIL_SHARE,
    source_facts,
    source_name,
    versions,
)
from deeplode.runfolder import RunFolder
from deeplode.running import running
from deeplode.runtime import Budget, configured
from deeplode.saved import restore, save, without_places
from deeplode.tasks.anomalies import AnomalyModel, Oddness
from deeplode.tasks.detect import Detected, Hunt, check_rows, detect
from deeplode.tasks.plan import thinning
from deeplode.verbs import RunResult, Source, read_table, tell

ALARMS = 100  # rows that result.json and the report list
BINS = 40  # of the histogram of scores


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
    budget = budget or Budget.begin(options.seconds, options.memory_bytes, whole_process=True)
    threads = options.threads or usable_threads()
    begun = running(options, source_name(source), "detect", budget, listen)
    with begun as run, configured(threads, options.seed):
        facts = _Run(source, options, run.folder, budget, run.log, threads).all()
    return RunResult(run.folder.path, facts, budget.stop() == "interrupt")


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
        table, told = self.table(), self.options
        self.folder.remember(told.as_json(), [fingerprint(self.source)], resume=told.resume)
        check_rows(table)
        schema = infer(table, Roles(id=told.id), told.kinds)
        if schema.id is not None:
            table = table.with_ids(schema.id)
        tail = TAIL_SECONDS + TAIL_SHARE * (told.seconds or 0.0)
        hunt = Hunt(
            told.seed, self.threads, told.clean, told.known_share, told.capacity,
            told.most_bad, self.folder.checkpoint,
        )  # fmt: skip
        found = detect(table, schema, hunt, self.budget.until(tail), self.listen)
        self.listen("stage", name="reasons")
        facts = facts_of(found, table, schema, told)
        notices = (*table.notices, *schema.notices, *found.notices)
        facts["warnings"] = tell(notices, self.listen)
        return self.kept(found, table, facts)

    def table(self) -> Table:
        """The source, less the columns to drop, in as many rows as memory can hold."""
        options, limit = self.options, self.options.memory_bytes
        every = 1
        if limit:
            every = thinning(size_estimate(self.source, options).bytes_in_memory, limit)
        table = read_table(self.source, replace(options, every=options.every * every), silent)
        if every > 1:
            values = {"limit": (limit or 0) // 1_000_000, "every": every}
            table = replace(table, notices=(*table.notices, Notice("W-LIMIT-004", None, values)))
        unknown = [name for name in options.drop if name not in table.names]
        if unknown:
            raise OptionError("E-OPT-094", column=unknown[0], source=table.source)
        return table.without(options.drop)

    def kept(self, found: Detected, table: Table, facts: dict[str, Any]) -> dict[str, Any]:
        """Write the folder; what was saved is read back before the run says that it is done."""
        self.listen("stage", name="save")
        folder = self.folder
        facts["files"] = FILES
        facts["limits"] = self._limits()
        told = {name: own for name, own in facts.items() if name not in (*NOT_IN_CARD, "alarms")}
        save(folder.model, found.model, without_places(told, [self.source]), table, force=True)
        model = restore(folder.model).model
        assert isinstance(model, AnomalyModel)
        called = found.scores >= model.threshold
        reasons = [""] * len(table)
        rows = np.flatnonzero(called)
        for row, why in zip(rows, model.reasons(table.rows(rows)), strict=True):
            reasons[row] = why
        flags = model.encoder.transform(table).flags
        frame = model.frame(table.ids, Oddness(found.scores, called, reasons, flags))
        write_table(folder.predictions, frame, force=True)
        self.listen("stage", name="report")
        facts["limits"] = self._limits()
        write_page(facts, folder.report, language())
        facts["limits"] = self._limits()
        write_json(folder.result, facts, force=True)
        self.listen("done", seconds=round(self.budget.spent(), 3))
        folder.finish()
        return facts

    def _limits(self) -> dict[str, Any]:
        return {
            "time_limit": self.options.seconds,
            "seconds": round(self.budget.spent(), 3),
            "memory_limit": self.options.memory_bytes,
            "peak_memory_bytes": peak_memory(),
            "planned_memory_bytes": None,
        }


def facts_of(found: Detected, table: Table, schema: Schema, told: DetectOptions) -> dict[str, Any]:
    """What result.json says of the rows, and how the model came to be."""
    model = found.model
    called = found.scores >= model.threshold
    return {
        "schema_version": SCHEMA_VERSION,
        "verb": "detect",
        "task": "anomaly",
        "source": source_facts(table, schema, len(table)),
        "split": {"how": "clean" if told.clean else "whole", "train": len(table)},
        "metrics": {},
        "answer": model.detector.name,
        "leaderboard": _board(found),
        "verdict": _verdict(model, int(called.sum()), len(table), told.clean),
        "anomalies": {
            "called": int(called.sum()),
            "expected": float(found.scores[called].sum()),
            "share": dict(zip(("value", "low", "high"), model.null.contamination, strict=True)),
            "threshold": model.threshold,
            "capacity": told.capacity,
        },
        "scores": _histogram(found.scores),
        "alarms": _alarms(model, found.scores, table),
        "blamed": _blamed(model, table, called),
        "threshold": {"value": model.threshold, "chosen_on": "training"},
        "calibration": None,
        "findings": [],
        "importance": [],
        "training": {},
        "options": told.as_json(),
        "seed": told.seed,
        "versions": versions(),
    }


def _verdict(model: AnomalyModel, called: int, rows: int, clean: bool) -> dict[str, Any]:
    """Whether there is anything odd, in words."""
    share, low, high = model.null.contamination
    values: dict[str, Any] = {
        "called": called,
        "rows": rows,
        "share": 100 * share,
        "low": 100 * low,
        "high": 100 * high,
    }
    code = "V-040" if clean else "V-041" if low > 0 else "V-042"
    return {
        "signal": not clean and low > 0,
        "deep_pays": "unclear",
        "text": say(code, **values),
        "sentences": [{"code": code, "values": values}],
    }


def _board(found: Detected) -> list[dict[str, Any]]:
    """Every detector: its agreement with the one that answers (Spearman), and its times."""
    answer = found.parts[found.model.detector.name]
    board = []
    for name, scores in found.parts.items():
        pair = pl.DataFrame({"one": scores, "other": answer})
        alike = pair.select(pl.corr("one", "other", method="spearman")).item()
        entry = {"name": name, "metrics": {}, "fit_seconds": round(found.seconds.get(name, 0.0), 3)}
        agreement = None if alike is None or not np.isfinite(alike) else float(alike)
        board.append({**entry, "predict_seconds": None, "agreement": agreement})
    return board


def _histogram(scores: NDArray[np.float64]) -> dict[str, Any]:
    counts, edges = np.histogram(scores, BINS, (0.0, 1.0))
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def _alarms(model: AnomalyModel, scores: NDArray[np.float64], table: Table) -> list[dict[str, Any]]:
    """The oddest rows, called or not: place, id, score and reason."""
    order = np.argsort(-scores, kind="stable")[:ALARMS]
    why = model.reasons(table.rows(order))
    return [
        {
            "row": int(row),
            "id": str(table.ids[int(row)]),
            "score": float(scores[row]),
            "called": bool(scores[row] >= model.threshold),
            "reason": reason,
        }
        for row, reason in zip(order, why, strict=True)
    ]


def _blamed(model: AnomalyModel, table: Table, called: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """The columns to blame for the rows that were called: mean share of each, largest first."""
    rows = np.flatnonzero(called)
    if not len(rows):
        return []
    blame = model.blamed(table.rows(rows))
    shares = blame / np.maximum(blame.sum(axis=1, keepdims=True), 1e-300)
    mean = shares.mean(axis=0)
    names = list(dict.fromkeys(model.columns))
    order = np.argsort(-mean, kind="stable")
    return [{"column": names[at], "share": float(mean[at])} for at in order if mean[at] > 0]

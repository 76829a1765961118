"""``deeplode detect``: find the rows that do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from deeplode.cli import tables
from deeplode.cli.arguments import Sources, one_or_many
from deeplode.cli.flags import takes
from deeplode.cli.screen import Screen
from deeplode.detectoptions import DetectOptions
from deeplode.errors import Interrupted
from deeplode.report.words import Words

SHOWN = 10  # rows on the screen; the others are in the report


@takes(DetectOptions)
def detect(source: Sources, *, options: DetectOptions, screen: Screen) -> None:
    """Find the rows that do not fit, and say why; leave a model, a report and all facts."""
    screen.listen("stage", name="start")  # imports take seconds
    from deeplode import verbs

    run = verbs.detect(one_or_many(source), options, screen.listen)
    screen.result(run.facts, lambda out: draw(out, run.facts, run.folder))
    if run.interrupted:
        raise typer.Exit(Interrupted.exit_status)


def draw(out: Console, facts: Mapping[str, Any], folder: Path) -> None:
    """Print the oddest rows, or the events, the verdict and where everything is."""
    words = tables.words()
    out.print()
    if facts.get("structure") == "series":
        _events(out, facts, words)
    else:
        _rows(out, facts, words)
    out.print()
    tables.ending(out, facts, folder)


def _rows(out: Console, facts: Mapping[str, Any], words: Words) -> None:
    headings = [words("R-ALARM-ID"), words("R-ALARM-SCORE"), words("R-REASON")]
    rows = [
        (alarm["id"], words.figure(alarm["score"], 3), alarm["reason"])
        for alarm in facts["alarms"][:SHOWN]
    ]
    out.print(Text(words("R-ALARMS"), "bold"))
    out.print(tables.grid(headings, rows, right=(1,)))


def _events(out: Console, facts: Mapping[str, Any], words: Words) -> None:
    """The events with the highest scores, in order of time."""
    found = sorted(facts["events"], key=lambda one: -one["score"])[:SHOWN]
    several = facts["series"]["count"] > 1
    headings = [words("R-EVENT-START"), words("R-EVENT-END"), words("R-REASON")]
    rows = [
        ((one["series"],) if several else ()) + (one["start"], one["end"], one["reason"])
        for one in sorted(found, key=lambda one: one["event"])
    ]
    if rows:
        first = [words("R-SERIES")] if several else []
        out.print(Text(words("R-EVENTS"), "bold"))
        out.print(tables.grid(first + headings, rows, right=()))

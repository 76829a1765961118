"""``deeplode compare``: training choices side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from deeplode.cli import tables
from deeplode.cli.arguments import Sources, one_or_many
from deeplode.cli.flags import takes
from deeplode.cli.screen import Screen
from deeplode.errors import Interrupted
from deeplode.experiments.settings import CompareOptions
from deeplode.messages import say
from deeplode.report.words import NOTHING, clip, plain

ROWS = 40  # combinations on the screen; --json has all
NAME = 22  # columns that a combination's name has at least, if it is so long
STYLES = {"best": "bold green", "real": "", "noise": "yellow"}


@takes(CompareOptions)
def compare(source: Sources, *, options: CompareOptions, screen: Screen) -> None:
    """Train every combination of some choices on the same rows; say which differences are real."""
    screen.listen("stage", name="start")  # imports take seconds
    from deeplode import verbs

    def listen(event: str, /, **facts: Any) -> None:
        screen.listen(event, **facts)
        if event == "cost":
            words = tables.words()
            told = {name: facts[name] for name in ("nets", "combinations", "seeds")}
            spans = {"time": words.seconds(facts["seconds"]), "size": words.size(facts["bytes"])}
            screen.note(say("CMP-COST", **told, **spans))

    run = verbs.compare(one_or_many(source), options, listen)
    screen.result(run.facts, lambda out: draw(out, run.facts, run.folder))
    if run.interrupted:
        raise typer.Exit(Interrupted.exit_status)


def draw(out: Console, facts: Mapping[str, Any], folder: Path) -> None:
    """Print the ranking, the verdict, what training said, and where everything is."""
    out.print()
    _ranking(out, facts)
    out.print()
    out.print(Padding(Text(plain(facts["verdict"]["text"], 4000)), (0, 1)))
    _diagnosed(out, facts)
    out.print()
    left: list[tuple[str, object]] = [
        (say("T-FILE-REPORT"), folder / "report.html"),
        (say("T-FILE-FOLDER"), folder),
    ]
    if facts["warnings"]:
        left.append((say("T-WARNINGS"), len(facts["warnings"])))
    tables.paths(out, left)


def _ranking(out: Console, facts: Mapping[str, Any]) -> None:
    """Every combination from the best to the worst."""
    words, found, metric = tables.words(), facts["combinations"], facts["main_metric"]
    seeds = len(facts["seeds"])
    code = "CMP-RANKING" if seeds > 1 else "CMP-RANKING-ONE"
    valid = words.count(facts["split"]["valid"])
    out.print(Text(words(code, combinations=len(found), seeds=seeds, rows=valid), "bold"))
    headings = [
        say("CMP-COMBINATION"),
        say("CMP-LOSS-HEAD" if seeds > 1 else "CMP-LOSS"),
        words.named("METRIC", metric),
        say("CMP-EPOCH-HEAD"),
        say("CMP-STEPS-HEAD", loss=f"{facts['to_loss']:.3g}"),
        say("CMP-VERDICT"),
    ]
    rows = [
        (
            clip(one["name"], 40),
            loss(one["loss"]),
            words.score(one["metrics"][metric]["value"], metric),
            f"{sum(one['best_epoch']) / seeds:.0f}",
            words.count(one["to_loss"]["steps"]) if one["to_loss"]["reached"] else NOTHING,
            _verdict(one["against_best"]["verdict"]),
        )
        for one in found[:ROWS]
    ]
    table = tables.grid(headings, rows, right=(1, 2, 3, 4))
    table.columns[0].min_width = min(NAME, max(cell_len(one[0]) for one in rows))
    out.print(table)
    if len(found) > ROWS:
        out.print(Text(say("CMP-MORE", count=len(found) - ROWS), "dim"))


def loss(one: Mapping[str, Any]) -> str:
    """A loss with its interval over seeds: ``0.0712 ±0.0041``."""
    if one["value"] is None:
        return NOTHING
    if one["low"] is None:
        return f"{one['value']:.4g}"
    return f"{one['value']:.4g} ±{(one['high'] - one['low']) / 2:.2g}"


def _verdict(kind: str) -> Text:
    return Text(say(f"CMP-SHORT-{kind.upper()}"), STYLES[kind])


def _diagnosed(out: Console, facts: Mapping[str, Any]) -> None:
    """Each check that spoke, with the combinations that it spoke of."""
    spoken: dict[str, list[str]] = {}
    for one in facts["combinations"]:
        for notice in one["diagnostics"]:
            spoken.setdefault(notice["code"], []).append(one["name"])
    if not spoken:
        return
    out.print()
    out.print(Text(say("CMP-DIAGNOSED"), "bold"))
    for code, names in sorted(spoken.items()):
        told = ", ".join(names[:4]) + (f", … ({len(names)})" if len(names) > 4 else "")
        line = Text.assemble((f"! {code}  ", "yellow"), say(f"CMP-{code[2:]}"), ": ", told)
        out.print(Padding(line, (0, 1)))

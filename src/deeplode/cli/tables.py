"""Facts drawn as text tables that fit 80 columns, in both languages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deeplode.cli.screen import plan_sentence
from deeplode.messages import language, say
from deeplode.report.summary import model_name
from deeplode.report.words import NOTHING, Words
from deeplode.report.words import plain as safe

RARE = 0.1  # share of positives below which average precision is told beside ROC AUC
WARNINGS = 30  # lines of warnings; --json has all


def words() -> Words:
    """Names, numbers and sizes as the report writes them, in the user's language."""
    return Words(language())


def grid(headings: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[int]) -> Table:
    """A table with thin rules; columns whose position is in ``right`` hold numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for position, heading in enumerate(headings):
        numeric = position in right
        table.add_column(
            heading,
            justify="right" if numeric else "left",
            no_wrap=numeric,
            overflow="fold",
            min_width=4,
        )
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(safe(cell)) for cell in row))
    return table


def pairs(out: Console, facts: Iterable[tuple[str, object]]) -> None:
    """Labels on the left, values on the right."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in facts:
        table.add_row(Text(label), Text(safe(value)))
    out.print(table)


def paths(out: Console, found: Sequence[tuple[str, object]]) -> None:
    """As ``pairs``, with each value whole on its line however long, to be copied."""
    width = max(cell_len(label) for label, _ in found)
    for label, path in found:
        line = Text.assemble((set_cell_size(label, width), "dim"), "  ", safe(path))
        out.print(line, soft_wrap=True)


def ending(out: Console, facts: Mapping[str, Any], folder: Path) -> None:
    """The verdict of a run, and where everything is."""
    out.print(Padding(Text(safe(facts["verdict"]["text"])), (0, 1)))
    out.print()
    left: list[tuple[str, object]] = [
        (say("T-FILE-REPORT"), folder / "report.html"),
        (say("T-FILE-MODEL"), folder / "model.lode"),
        (say("T-FILE-FOLDER"), folder),
    ]
    if facts["warnings"]:
        left.append((say("T-WARNINGS"), len(facts["warnings"])))
    paths(out, left)


def score(metric: Mapping[str, Any] | None, name: str) -> str:
    """A metric with its 95 % interval: ``0.932 [0.928, 0.937]``."""
    if not metric:
        return NOTHING
    value, low, high = (metric.get(part) for part in ("value", "low", "high"))
    text = words().score(value, name)
    if low is None or high is None:
        return text
    return f"{text} [{words().score(low, name, value)}, {words().score(high, name, value)}]"


def flat(facts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, object]]:
    """Nested facts as dotted names and values."""
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{name}.")
        elif isinstance(value, list | tuple):
            yield above + name, ", ".join(str(one) for one in value)
        else:
            yield above + name, value


def leaderboard(out: Console, facts: Mapping[str, Any], title: str | None = None) -> None:
    """Every candidate: its main metric with the interval, and its times."""
    say_it, board = words(), facts["leaderboard"]
    main = facts["main_metric"]
    headings = [
        say_it("R-MODEL"),
        say("T-INTERVAL", metric=say_it.named("METRIC", main)),
        say_it("R-FIT-SECONDS"),
        say_it("R-PREDICT-SECONDS"),
    ]
    rows = [
        (
            model_name(one["name"], dict(facts), say_it),
            score(one["metrics"].get(main), main),
            say_it.seconds(one["fit_seconds"]),
            say_it.seconds(one["predict_seconds"]),
        )
        for one in board
    ]
    title = title or say("T-LEADERBOARD", rows=say_it.count(facts["split"]["test"]))
    out.print(Text(title, "bold"))
    out.print(grid(headings, rows, right=(1, 2, 3)))
    _rare(out, facts)


def targets(out: Console, facts: Mapping[str, Any]) -> None:
    """Each column of a joint forecast in its own unit, beside the best rule of thumb."""
    told, say_it = facts.get("channels", ()), words()
    if not told:
        return
    rule, error = say_it("R-TARGETS-RULE"), say_it.named("METRIC", "rmse")
    headings = [say_it("R-CHANNEL"), say("T-INTERVAL", metric=error), rule]
    rows = []
    for one in told:
        board = {other["name"]: other["metrics"] for other in one["leaderboard"]}
        own = one["metrics"]["rmse"]
        beside = board[one["rule"]]["rmse"]["value"]
        rows.append((one["name"], score(own, "rmse"), say_it.score(beside, "rmse", own["value"])))
    headings.append(say_it.named("METRIC", "mase"))
    scaled = [score(one["metrics"]["mase"], "mase") for one in told]
    out.print()
    out.print(Text(say("T-TARGETS"), "bold"))
    out.print(
        grid(headings, [(*row, own) for row, own in zip(rows, scaled, strict=True)], (1, 2, 3))
    )


def _rare(out: Console, facts: Mapping[str, Any]) -> None:
    """Where positives are rare, how many of those called first are some: ROC AUC hardly tells."""
    name = "average_precision"
    chance = 1.0
    for one in facts["leaderboard"]:
        if one["name"] == "trivial" and name in one["metrics"]:
            chance = one["metrics"][name]["value"]
    if chance < RARE and facts["metrics"].get(name):
        told = {"score": score(facts["metrics"][name], name), "chance": words().score(chance, name)}
        out.print(say("T-RARE", **told))


def warnings(out: Console, found: Sequence[Mapping[str, Any]]) -> None:
    """Warnings, one a line, under their number."""
    if not found:
        return
    out.print()
    out.print(Text(say("T-WARNING-COUNT", count=len(found)), "bold"))
    for one in found[:WARNINGS]:
        out.print(Text.assemble((f"! {one['code']}  ", "yellow"), safe(one["message"])))
    if len(found) > WARNINGS:
        out.print(say("T-MORE-WARNINGS"))


def plan(out: Console, facts: Mapping[str, Any]) -> None:
    """What training would hold in memory, in one sentence and by what holds it."""
    size = words().size
    out.print()
    out.print(plan_sentence(facts), soft_wrap=False)
    pairs(out, [(say(f"T-PLAN-{name.upper()}"), size(own)) for name, own in facts["parts"].items()])

"""``deeplode inspect``: what the columns hold and what training would need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from deeplode.cli import tables
from deeplode.cli.arguments import Sources, one_or_many
from deeplode.cli.flags import takes
from deeplode.cli.screen import Screen
from deeplode.messages import language, say
from deeplode.options import TrainOptions

COLUMNS = 200  # rows of the table of kinds; --json has all


@takes(TrainOptions, groups=("Columns", "Split", "Limits", "Reading"))
def inspect(source: Sources, *, options: TrainOptions, screen: Screen) -> None:
    """Show kinds, gaps, suspects and the memory plan; train nothing."""
    screen.listen("stage", name="start")  # imports take seconds
    from deeplode import verbs

    facts = verbs.inspect(one_or_many(source), options, screen.listen)
    screen.result(facts, lambda out: draw(out, facts))


def draw(out: Console, facts: Mapping[str, Any]) -> None:
    """Print what ``verbs.inspect`` found."""
    columns, say_it = facts["columns"], tables.words()
    tables.pairs(out, _head(facts))
    out.print()
    out.print(
        tables.grid(
            [say(f"T-COLUMN-{name}") for name in ("NAME", "KIND", "GAPS", "DISTINCT", "WHY")],
            [
                (
                    column["name"],
                    _kind(column["kind"]),
                    _share(column["missing"]),
                    say_it.count(column["distinct"]),
                    _foldable(say_it.sentence(column["reason"])),
                )
                for column in columns[:COLUMNS]
            ],
            right=(2, 3),
        )
    )
    if len(columns) > COLUMNS:
        out.print(say("T-MORE-COLUMNS", more=tables.words().count(len(columns) - COLUMNS)))
    tables.warnings(out, facts["warnings"])
    if facts["plan"]:  # with a target: without one, nobody knows what would be trained
        tables.plan(out, facts["plan"])


def _head(facts: Mapping[str, Any]) -> list[tuple[str, object]]:
    """What was read, and how each guess about it came out."""
    source = facts["source"]
    shape = say(
        "T-SHAPE",
        rows=tables.words().count(source["rows"]),
        columns=tables.words().count(source["columns"]),
    )
    guesses = [(name, value) for name, value in facts.get("reading", {}).items() if value]
    return [(say("T-SOURCE"), source.get("name", "")), (say("T-SIZE"), shape), *guesses]


def _kind(name: str) -> str:
    """A kind as ``--kinds`` takes it, after its name in the user's language."""
    return name if language() == "en" else f"{tables.words().named('KIND', name)} {name}"


def _share(value: float) -> str:
    """Gaps in per cent; nothing where there are none, so that the others stand out."""
    return tables.words().share(value) if value else ""


def _foldable(sentence: str) -> str:
    """Chinese without the spaces around its numbers: lines then break anywhere, as they may."""
    return re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef]) | (?=[\u3000-\u9fff])", "", sentence)

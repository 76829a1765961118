"""``deeplode cluster``: groups of like rows."""

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
from deeplode.clusteroptions import ClusterOptions
from deeplode.errors import Interrupted
from deeplode.report.communitywords import apart, leaders
from deeplode.report.words import Words, plain

SHOWN = 20  # groups on the screen; the others are in the report
TRAITS = 3


@takes(ClusterOptions)
def cluster(source: Sources, *, options: ClusterOptions, screen: Screen) -> None:
    """Find groups of like rows and say what sets each apart; leave a model and a report."""
    screen.listen("stage", name="start")  # imports take seconds
    from deeplode import verbs

    run = verbs.cluster(one_or_many(source), options, screen.listen)
    screen.result(run.facts, lambda out: draw(out, run.facts, run.folder))
    if run.interrupted:
        raise typer.Exit(Interrupted.exit_status)


def draw(out: Console, facts: Mapping[str, Any], folder: Path) -> None:
    """Print the groups, the verdict and where everything is."""
    words = tables.words()
    out.print()
    if facts.get("structure") == "graph":
        _communities(out, facts, words)
    else:
        _groups(out, facts, words)
    out.print()
    tables.ending(out, facts, folder)


def _communities(out: Console, facts: Mapping[str, Any], words: Words) -> None:
    """The largest communities with their leaders."""
    headings = ["", words("R-NET-NODES"), words("R-NET-LEADERS"), words("R-NET-APART")]
    rows = [
        (
            str(one["cluster"]),
            words.count(one["size"]),
            leaders(one),
            apart({"apart": one["apart"][:TRAITS]} if "apart" in one else {}, words),
        )
        for one in facts["communities"][:SHOWN]
    ]
    out.print(Text(words("R-NET-COMMUNITIES"), "bold"))
    out.print(tables.grid(headings, rows, right=(0, 1)))


def _groups(out: Console, facts: Mapping[str, Any], words: Words) -> None:
    headings = ["", words("R-GROUP"), words("R-SHARE"), words("R-TRAITS")]
    rows = [
        (
            str(one["cluster"]),
            plain(one["name"], 60),
            words.share(one["share"]),
            "; ".join(plain(trait["text"], 90) for trait in one["traits"][:TRAITS]),
        )
        for one in facts["groups"][:SHOWN]
    ]
    out.print(Text(words("R-GROUPS"), "bold"))
    out.print(tables.grid(headings, rows, right=(0, 2)))

"""``deeplode recommend``: what each user will want next."""

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
from deeplode.errors import Interrupted
from deeplode.messages import say
from deeplode.recommendoptions import RecommendOptions
from deeplode.report.words import plain

USERS, ITEMS = 2, 5  # whose lists are on the screen, and how much of each


@takes(RecommendOptions)
def recommend(source: Sources, *, options: RecommendOptions, screen: Screen) -> None:
    """Learn what each user will want next; leave a model, a report and a list for everybody."""
    screen.listen("stage", name="start")  # imports take seconds
    from deeplode import verbs

    run = verbs.recommend(one_or_many(source), options, screen.listen)
    screen.result(run.facts, lambda out: draw(out, run.facts, run.folder))
    if run.interrupted:
        raise typer.Exit(Interrupted.exit_status)


def draw(out: Console, facts: Mapping[str, Any], folder: Path) -> None:
    """Print the leaderboard, some users' lists, the verdict and where everything is."""
    words = tables.words()
    out.print()
    if facts["metrics"]:
        users = words.count(facts["split"]["test_users"])
        tables.leaderboard(out, facts, say("T-REC-BOARD", users=users))
        out.print()
    for one in facts["samples"][:USERS]:
        told = {"user": plain(one["user"], 40), "item": plain(next(iter(one["history"]), ""), 50)}
        out.print(Text(say("T-REC-USER", **told), "bold"))
        for row in one["recommended"][:ITEMS]:
            line = Text.assemble(f"  {plain(row['item'], 60)}", (_why(row), "dim"))
            out.print(line, no_wrap=True, overflow="ellipsis")
    out.print()
    tables.ending(out, facts, folder)


def _why(row: Mapping[str, Any]) -> str:
    """The item of the history that goes best with a recommended one."""
    return "" if row["because"] is None else say("T-REC-BECAUSE", item=plain(row["because"], 40))

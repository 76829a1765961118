"""``deeplode train``: learn to predict a column."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from deeplode.cli import tables
from deeplode.cli.arguments import Sources, one_or_many
from deeplode.cli.flags import takes
from deeplode.cli.screen import Screen
from deeplode.errors import Interrupted
from deeplode.messages import say
from deeplode.options import TrainOptions
from deeplode.report.words import plain


@takes(TrainOptions)
def train(source: Sources, *, options: TrainOptions, screen: Screen) -> None:
    """Learn to predict a column; leave a model, a report and all facts."""
    screen.listen("stage", name="start")  # imports take seconds
    from deeplode import verbs

    run = verbs.train(one_or_many(source), options, screen.listen)
    screen.result(run.facts, lambda out: draw(out, run.facts, run.folder))
    if run.interrupted:
        raise typer.Exit(Interrupted.exit_status)


def draw(out: Console, facts: Mapping[str, Any], folder: Path) -> None:
    """Print the leaderboard, the verdict and where everything is."""
    out.print()
    tables.leaderboard(out, facts)
    out.print()
    out.print(Padding(Text(plain(facts["verdict"]["text"])), (0, 1)))
    out.print()
    left: list[tuple[str, object]] = [
        (say("T-FILE-REPORT"), folder / "report.html"),
        (say("T-FILE-MODEL"), folder / "model.lode"),
        (say("T-FILE-FOLDER"), folder),
    ]
    if facts["warnings"]:
        left.append((say("T-WARNINGS"), len(facts["warnings"])))
    tables.paths(out, left)

"""``deeplode train``: learn to predict a column."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from deeplode.cli import tables
from deeplode.cli.arguments import Sources, one_or_many
from deeplode.cli.flags import takes
from deeplode.cli.screen import Screen
from deeplode.errors import Interrupted
from deeplode.options import TrainOptions


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
    tables.targets(out, facts)
    out.print()
    tables.ending(out, facts, folder)

"""``deeplode evaluate``: how good a model is on labelled rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from deeplode.cli import tables
from deeplode.cli.arguments import Model, Sources, one_or_many
from deeplode.cli.flags import takes
from deeplode.cli.screen import Screen
from deeplode.detectoptions import EvaluateOptions


@takes(EvaluateOptions)
def evaluate(model: Model, source: Sources, *, options: EvaluateOptions, screen: Screen) -> None:
    """Score a model on rows whose answers are known."""
    screen.listen("stage", name="start")  # imports take seconds
    from deeplode import verbs

    facts = verbs.evaluate(model, one_or_many(source), options, screen.listen)
    screen.result(facts, lambda out: draw(out, facts))


def draw(out: Console, facts: Mapping[str, Any]) -> None:
    """Print every metric with its interval."""
    say_it = tables.words()
    tables.pairs(
        out,
        [
            (say_it.named("METRIC", name), tables.score(metric, name))
            for name, metric in facts["metrics"].items()
        ],
    )
    tables.targets(out, facts)
    tables.warnings(out, facts.get("warnings", ()))

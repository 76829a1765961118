"""``deeplode doctor``: what this machine can run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from deeplode.cli import tables
from deeplode.cli.flags import takes
from deeplode.cli.screen import Screen

BYTES = ("memory.", ".free")  # parts of the names of facts that are sizes


@takes()
def doctor(*, screen: Screen) -> None:
    """Show what this machine can run."""
    from deeplode import verbs

    facts = verbs.doctor()
    screen.result(facts, lambda out: draw(out, facts))


def draw(out: Console, facts: Mapping[str, Any]) -> None:
    """Print every fact under its name, sizes in units that people read."""
    size = tables.words().size
    tables.pairs(
        out,
        [
            (name, size(value) if any(part in name for part in BYTES) else value)
            for name, value in tables.flat(facts)
        ],
    )

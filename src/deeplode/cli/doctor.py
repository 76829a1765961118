"""``deeplode doctor``: what this machine can run."""

from __future__ import annotations

from deeplode.cli import tables
from deeplode.cli.flags import takes
from deeplode.cli.screen import Screen


@takes()
def doctor(*, screen: Screen) -> None:
    """Show what this machine can run."""
    from deeplode import verbs

    facts = verbs.doctor()
    screen.result(facts, lambda out: tables.pairs(out, tables.flat(facts)))

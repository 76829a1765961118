"""Tail: the seconds that a run keeps for what comes after learning."""

from __future__ import annotations

from pathlib import Path

from deeplode.runtime import Budget

SECONDS = 2.5  # for scoring, saving and the report, whatever the data …
SHARE = 0.08  # … and this share of the time limit, for larger data
PAGE = 1.5  # seconds of it for the page and the files
MOST = 0.5  # of what is left: the other half is for learning, however busy the machine is


def tail(budget: Budget, limit: float | None, more: float = 0.0) -> float:
    """Seconds to keep after learning; more of them where other programs want the cores, too.

    limit: the whole time limit in seconds; None without one. more: a further share of it.
    """
    alone = SECONDS + (SHARE + more) * (limit or 0.0)
    return max(alone, min(alone * crowding(), MOST * budget.left()))


def page() -> float:
    """Seconds to keep once everything is scored."""
    return PAGE * crowding()


def crowding() -> float:
    """How many times as long as with a core of its own the main thread has taken so far.

    Linux tells how long it ran and how long it waited for a core (sched-stats.rst in the kernel's
    documentation); elsewhere, 1.
    """
    try:
        ran, waited = map(int, Path("/proc/self/schedstat").read_text("ascii").split()[:2])
    except (OSError, ValueError):
        return 1.0
    return 1.0 + waited / ran if ran else 1.0

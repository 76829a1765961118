"""Tail: the seconds that a run keeps for what comes after learning."""

from __future__ import annotations

SECONDS = 2.5  # for scoring, saving and the report, whatever the data …
SHARE = 0.08  # … and this share of the time limit, for larger data
PAGE = 1.5  # seconds of it for the page and the files, once everything is scored


def tail(limit: float | None, more: float = 0.0) -> float:
    """Seconds to keep after learning.

    limit: the whole time limit in seconds; None without one. more: a further share of it.
    """
    return SECONDS + (SHARE + more) * (limit or 0.0)

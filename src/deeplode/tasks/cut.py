"""Cut: what the budget took away from a run, as an error or as notices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deeplode.errors import DeeplodeError, Interrupted, LimitError
from deeplode.messages import Notice, say
from deeplode.runtime import Budget


def nothing(budget: Budget) -> DeeplodeError:
    """Why there is no model."""
    why, spent = budget.stop(), budget.spent()
    if why == "interrupt":
        return Interrupted("E-STOP-001")
    if why == "memory":
        return LimitError("E-LIMIT-002", limit=(budget.memory_limit or 0) // 1_000_000)
    return LimitError("E-LIMIT-003", limit=budget.seconds, spent=spent)


def cut_short(
    found: Mapping[str, Any],
    budget: Budget,
    wanted: Sequence[str],
    replayable: bool = False,
) -> list[Notice]:
    """Say what the budget took away. replayable: whether steps were recorded, to be repeated."""
    why = budget.stop()
    notices = [Notice("W-RUN-001", None, {"why": say(f"W-RUN-WHY-{why.upper()}")})] if why else []
    notices += [Notice("W-RUN-004")] if why and replayable else []
    absent = [name for name in wanted if name not in found]
    return notices + [Notice("W-RUN-002", None, {"name": name}) for name in absent]

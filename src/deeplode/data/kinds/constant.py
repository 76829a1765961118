"""Columns that never change in training: nothing can be learned from them."""

from __future__ import annotations

from deeplode.data.column import Column, Kind
from deeplode.data.facts import Facts
from deeplode.messages import Notice


def recognise(facts: Facts) -> Column | None:
    """A column with at most one value; one value beside empty cells still tells something."""
    if facts.distinct > 1 or (facts.distinct == 1 and facts.empty):
        return None
    code = "KIND-EMPTY" if facts.distinct == 0 else "KIND-CONSTANT"
    reason = Notice(code, facts.name, {"rows": facts.rows})
    return Column(
        facts.name, Kind.CONSTANT, reason, facts.share_missing, facts.distinct, used=False
    )

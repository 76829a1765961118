"""Columns of names that repeat."""

from __future__ import annotations

from deeplode.data.column import Column, Kind
from deeplode.data.facts import Facts
from deeplode.messages import Notice


def recognise(facts: Facts) -> Column | None:
    """Whatever no other kind has claimed."""
    return force(facts)


def force(facts: Facts) -> Column:
    """The column as category."""
    reason = Notice("KIND-CATEGORY", facts.name, {"distinct": facts.distinct})
    return Column(facts.name, Kind.CATEGORY, reason, facts.share_missing, facts.distinct)

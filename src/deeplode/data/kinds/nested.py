"""Lists, structs, bytes and Python objects: no cell of a table."""

from __future__ import annotations

import polars as pl

from deeplode.data.column import Column, Kind
from deeplode.data.facts import Facts
from deeplode.messages import Notice


def recognise(facts: Facts) -> Column | None:
    """A column whose type holds something within its cells."""
    kind = facts.series.dtype
    if not (kind.is_nested() or kind in (pl.Binary, pl.Object)):
        return None
    reason = Notice("KIND-NESTED", facts.name, {"type": str(kind)})
    return Column(facts.name, Kind.NESTED, reason, facts.share_missing, facts.distinct, used=False)

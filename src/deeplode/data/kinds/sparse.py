"""Columns of sparse vectors: bags of words and other long vectors that are mostly zeros."""

from __future__ import annotations

import polars as pl

from deeplode.data.column import Column, Kind
from deeplode.data.facts import Facts
from deeplode.data.sparsecells import is_sparse
from deeplode.messages import Notice

LOOKS = 100  # cells that are looked at


def recognise(facts: Facts) -> Column | None:
    """Bytes that are sparse cells."""
    if facts.series.dtype != pl.Binary:
        return None
    some = facts.series.drop_nulls().head(LOOKS).to_list()
    return force(facts) if some and all(map(is_sparse, some)) else None


def force(facts: Facts) -> Column:
    """A column of sparse vectors, whose cells must be such bytes."""
    reason = Notice("KIND-SPARSE", facts.name, {})
    return Column(facts.name, Kind.SPARSE, reason, facts.share_missing, facts.distinct)

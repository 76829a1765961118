"""Series: each cell holds many moments of one channel or several, oldest first."""

from __future__ import annotations

import polars as pl

from deeplode.data.column import Column, Kind
from deeplode.data.facts import Facts
from deeplode.messages import Notice

FEWEST = 8  # moments of a list of any length; a shorter one is a list of something else
SHORTEST = 2  # moments where all cells have as many by their type
LOOKS = 1_000  # cells that are looked at


def recognise(facts: Facts) -> Column | None:
    """A list of numbers; of moments, each the numbers of all channels; or a record of lists."""
    return force(facts) if fits(facts.series) else None


def force(facts: Facts) -> Column:
    """A column of series, whose type must be one of these."""
    reason = Notice("KIND-SERIES", facts.name, {"channels": max(1, len(names(facts.series.dtype)))})
    return Column(facts.name, Kind.SERIES, reason, facts.share_missing, facts.distinct)


def fits(series: pl.Series) -> bool:
    """Whether the cells are series by their type, and long enough."""
    kind = series.dtype
    if isinstance(kind, pl.Struct):
        return bool(kind.fields) and all(
            fits(series.struct.field(field.name)) for field in kind.fields
        )
    inner = _inside(kind)
    if inner is None or not (inner.is_numeric() or _holds_numbers(inner)):
        return False
    if isinstance(kind, pl.Array):
        return kind.size >= SHORTEST
    plain = series.alias("")  # a name that looks like a pattern would be taken for one
    lengths = plain.drop_nulls().head(LOOKS).list.len()
    middle = lengths.median()
    return isinstance(middle, float | int) and middle >= FEWEST


def names(kind: pl.DataType) -> tuple[str, ...]:
    """The channels of a record of lists; none where they have no names."""
    if isinstance(kind, pl.Struct):
        return tuple(field.name for field in kind.fields)
    return ()


def _holds_numbers(kind: pl.DataType) -> bool:
    inner = _inside(kind)
    return inner is not None and inner.is_numeric()


def _inside(kind: pl.DataType) -> pl.DataType | None:
    """The type of a list's items; None of what is no list."""
    if not isinstance(kind, pl.List | pl.Array):
        return None
    inner = kind.inner
    return inner if isinstance(inner, pl.DataType) else inner()

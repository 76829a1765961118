"""Columns of yes and no, in words or as 0 and 1."""

from __future__ import annotations

import polars as pl

from deeplode.data.column import Column, Kind
from deeplode.data.facts import Facts
from deeplode.data.kinds import category
from deeplode.data.parse import BLANKS
from deeplode.messages import Notice

# Words in lower case, each beside its opposite.
PAIRS = (
    *(("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("off", "on"), ("0", "1")),
    *(("0.0", "1.0"), ("nein", "ja"), ("non", "oui"), ("否", "是"), ("无", "有"), ("假", "真")),
)
TRUTHS = {word: truth for pair in PAIRS for truth, word in zip((False, True), pair, strict=True)}


def recognise(facts: Facts) -> Column | None:
    """Truths, the numbers 0 and 1, or one pair of opposite words. One of the two may be absent
    when there are empty cells beside the other."""
    if facts.series.dtype == pl.Boolean:
        return _column(facts)
    if facts.is_number:
        if facts.distinct <= 2 and facts.whole and facts.low in (0, 1) and facts.high in (0, 1):
            return _column(facts)
        return None
    if facts.texts is None or facts.distinct > 6:  # "Yes", "yes" and "YES" are one word
        return None
    words = set(facts.texts.unique().str.strip_chars(BLANKS).str.to_lowercase())
    if any(words == set(pair) for pair in PAIRS):
        return _column(facts)
    return None


def force(facts: Facts) -> Column:
    """The column as truths; as a category of its words where they are no truths."""
    return recognise(facts) or category.force(facts)


def _column(facts: Facts) -> Column:
    reason = Notice("KIND-BOOLEAN", facts.name, {"distinct": facts.distinct})
    return Column(facts.name, Kind.BOOLEAN, reason, facts.share_missing, facts.distinct)

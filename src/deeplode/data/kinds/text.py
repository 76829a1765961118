"""Columns of free text."""

from __future__ import annotations

from deeplode.data.column import Column, Kind
from deeplode.data.facts import Facts
from deeplode.messages import Notice

MOST_REPEATED = 0.5  # texts differ in more than this share of the rows
WORDS, LETTERS, IDEOGRAMS = 4, 40, 10  # of the mean text


def recognise(facts: Facts) -> Column | None:
    """Mostly different texts of several words, or long ones in a script without spaces."""
    if facts.sample is None or len(facts.sample) < 10:
        return None
    if facts.distinct <= MOST_REPEATED * facts.filled:
        return None
    texts = facts.sample
    words = texts.str.count_matches(r"\S+").mean()
    ideograms = texts.str.count_matches(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]").mean()
    letters = texts.str.len_chars().mean()
    spread = (_figure(words) >= 2 and _figure(letters) >= LETTERS) or _figure(words) >= WORDS
    return force(facts) if spread or _figure(ideograms) >= IDEOGRAMS else None


def force(facts: Facts) -> Column:
    """The column as text."""
    reason = Notice("KIND-TEXT", facts.name, {"distinct": facts.distinct, "rows": facts.filled})
    return Column(facts.name, Kind.TEXT, reason, facts.share_missing, facts.distinct)


def _figure(value: object) -> float:
    """A Polars mean as a float."""
    return float(value) if isinstance(value, (int, float)) else 0.0

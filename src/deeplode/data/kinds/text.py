"""Columns of free text."""

from __future__ import annotations

import polars as pl

from deeplode.data.column import Column, Kind
from deeplode.data.facts import Facts
from deeplode.messages import Notice

MOST_REPEATED = 0.5  # texts differ in more than this share of the rows
WORDS, LETTERS, IDEOGRAMS = 4, 40, 10  # of the mean text
FEW_WORDS = 2.5  # of the mean text that is written as sentences are: titles, short messages
# Names, titles of works and addresses begin their words with capitals, sentences do not; in texts
# of so many words on average, with numbers in most of them or without, this tells them apart.
NAMED, NUMBERED, LEAST_SMALL = 6, 10, 0.3


def recognise(facts: Facts) -> Column | None:
    """Mostly different texts of several words, or long ones in a script without spaces."""
    if facts.sample is None or len(facts.sample) < 10:
        return None
    if facts.distinct <= MOST_REPEATED * facts.filled:
        return None
    texts = facts.sample
    words = _figure(texts.str.count_matches(r"\S+").mean())
    ideograms = texts.str.count_matches(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]").mean()
    if _figure(ideograms) >= IDEOGRAMS:
        return force(facts)
    small = _small(texts)
    if small is not None and small < LEAST_SMALL:
        few = NUMBERED if facts.with_digits else NAMED
        return force(facts) if words >= few else None
    letters = _figure(texts.str.len_chars().mean())
    sentences = small is not None and not facts.with_digits and words >= FEW_WORDS
    long = words >= WORDS or (words >= 2 and letters >= LETTERS)
    return force(facts) if sentences or long else None


def force(facts: Facts) -> Column:
    """The column as text."""
    reason = Notice("KIND-TEXT", facts.name, {"distinct": facts.distinct, "rows": facts.filled})
    return Column(facts.name, Kind.TEXT, reason, facts.share_missing, facts.distinct)


def _small(texts: pl.Series) -> float | None:
    """Share of words that begin with a small letter, among these and those with a capital before
    small letters; None where there are neither, as in scripts without capitals."""
    small = int(texts.str.count_matches(r"(^|\s)\p{Ll}").sum())
    capital = int(texts.str.count_matches(r"(^|\s)\p{Lu}\p{L}*\p{Ll}").sum())
    return small / (small + capital) if small + capital else None


def _figure(value: object) -> float:
    """A Polars mean as a float."""
    return float(value) if isinstance(value, (int, float)) else 0.0

"""Tokens: what a text is made of, for any script, by one regular expression.

Words of letters and digits; single characters where a script sets no spaces between words (Han,
Kana, Thai, …); addresses, mentions, hashtags and emoji whole; other signs one by one.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

MOST_CHARACTERS = 20_000  # of a text that are read; what comes after is cut off

_ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}_]--[{_ALONE}]]"
_HOST = r"[a-z0-9_-]+(?:[.:@][a-z0-9_-]+)*"
_PATTERN = "|".join(
    (
        rf"https?://{_HOST}",
        rf"www\.{_HOST}",
        r"[a-z0-9_][a-z0-9._+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)+",
        r"#[\p{L}\p{M}\p{N}_]+#?",
        r"@[\p{L}\p{N}_][\p{L}\p{M}\p{N}_]*",
        rf"[{_ALONE}]\p{{M}}*",
        rf"{_LETTER}+(?:'{_LETTER}+)*",
        r"[\x{1F1E6}-\x{1F1FF}]{2}",  # two letters that are a flag
        r"[\p{P}\p{S}]",
    )
)
_LONG_NUMBER, _ANY = r"[0-9]{5,}", "00000"  # telephone numbers, codes: hardly any comes twice
_UNSEEN = r"[\p{Cf}\x{FE00}-\x{FE0F}]+"  # marks of direction, joiners, variants: they split words


def tokens(texts: pl.Series) -> tuple[NDArray[np.int64], pl.Series]:
    """All tokens of all texts, null being empty, and the row of each, both (tokens,)."""
    plain = _plain(texts.fill_null("")).str.replace_all(_LONG_NUMBER, _ANY)
    lists = plain.str.extract_all(_PATTERN)
    counts = lists.list.len().to_numpy()
    rows = np.repeat(np.arange(len(texts)), counts)
    return rows, lists.filter(pl.Series(counts > 0)).explode().rename("token")


def spans(text: str) -> list[tuple[int, int]]:
    """Where each token of one text begins and ends, in characters of the text as it was given.

    As many as ``tokens`` finds. Where Unicode's forms make that unclear, the whole text.
    """
    short = text[:MOST_CHARACTERS]
    begins = [place for place, one in enumerate(short) if not place or not _joins(one)]
    parts = list(pairwise([*begins, len(short)]))
    pieces = _plain(pl.Series([text[begin:end] for begin, end in parts], dtype=pl.String))
    origins = [part for part, piece in zip(parts, pieces, strict=True) for _ in piece]
    (whole,) = _plain(pl.Series([text]))
    if len(whole) != len(origins):
        origins = [(0, len(text))] * len(whole)
    for run in reversed(list(re.finditer(_LONG_NUMBER, whole))):
        first, last = run.span()
        origins[first:last] = [(origins[first][0], origins[last - 1][1])] * len(_ANY)
    plain, end, found = re.sub(_LONG_NUMBER, _ANY, whole), 0, []
    for token in tokens(pl.Series([text]))[1]:
        begin = plain.index(token, end)  # what lies between two tokens is no part of any
        end = begin + len(token)
        found.append((origins[begin][0], origins[end - 1][1]))
    return found


def _joins(letter: str) -> bool:
    """Whether NFKC may make one character of this and the one before: marks, parts of Hangul
    syllables, half-width voicing."""
    return (
        unicodedata.category(letter)[0] == "M"
        or "\u1160" <= letter <= "\u11ff"
        or (letter in "\uff9e\uff9f")
    )


def _plain(texts: pl.Series) -> pl.Series:
    """Cut, in Unicode's form NFKC, in lower case, without invisible characters.

    What looks the same becomes the same: full-width letters, ligatures, accents that are
    characters of their own.
    """
    short = texts.str.slice(0, MOST_CHARACTERS).str.normalize("NFKC").str.to_lowercase()
    return short.str.replace_all(_UNSEEN, "").str.replace_all("’", "'", literal=True)


def stands_alone(words: pl.Series) -> NDArray[np.bool_]:
    """Which tokens are characters of a script without spaces. words: (words,) strings."""
    return words.str.contains(rf"^[{_ALONE}]").to_numpy()

"""Tokens: what a text is made of, for any script, by one regular expression.

Words of letters and digits; single characters where a script sets no spaces between words (Han,
Kana, Thai, …); addresses, mentions, hashtags and emoji whole; other signs one by one.
"""

from __future__ import annotations

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


def plain(texts: pl.Series) -> pl.Series:
    """Cut, in Unicode's form NFKC, in lower case, without invisible characters.

    texts: strings. What looks the same becomes the same: full-width letters, ligatures, accents
    that are characters of their own.
    """
    short = texts.str.slice(0, MOST_CHARACTERS).str.normalize("NFKC").str.to_lowercase()
    seen = short.str.replace_all(_UNSEEN, "").str.replace_all("’", "'", literal=True)
    return seen.str.replace_all(_LONG_NUMBER, _ANY)


def tokens(texts: pl.Series) -> tuple[NDArray[np.int64], pl.Series]:
    """All tokens of all texts, null being empty, and the row of each, both (tokens,)."""
    lists = plain(texts).fill_null("").str.extract_all(_PATTERN)
    counts = lists.list.len().to_numpy()
    rows = np.repeat(np.arange(len(texts)), counts)
    return rows, lists.filter(pl.Series(counts > 0)).explode().rename("token")


def stands_alone(words: pl.Series) -> NDArray[np.bool_]:
    """Which tokens are characters of a script without spaces. words: (words,) strings."""
    return words.str.contains(rf"^[{_ALONE}]").to_numpy()

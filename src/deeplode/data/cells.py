"""What a column of text cells holds: whole numbers, numbers, booleans or text."""

from __future__ import annotations

import re

import polars as pl

from deeplode.data.parse import MISSING_WORDS
from deeplode.messages import Notice

# Digits that are a name, not an amount: 00501, +4915112345678.
CODE = r"^[+-]?0[0-9]|^\+[0-9]{7}"

# Whole numbers that no column of 64-bit numbers keeps digit for digit.
_LONG = r"^[+-]?[0-9]{19,}$"

# A text column with this share of numbers is said to be mixed.
_MIXED = 0.5


def number_pattern(decimal: str, thousands: str | None) -> str:
    """A regular expression of whole cells that are numbers written with these signs."""
    whole = r"[0-9]+"
    if thousands:
        whole = rf"(?:[0-9]+|[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+)"
    part = re.escape(decimal)
    finite = rf"(?:{whole}(?:{part}[0-9]*)?|{part}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    return rf"^[+-]?(?:{finite}|(?i:inf|infinity|nan))$"


def emptied(text: pl.Series) -> pl.Series:
    """The column of strings with null for those of no characters."""
    empty = text == ""
    return text.set(empty, None) if empty.any() else text


def settle(
    text: pl.Series, decimal: str = ".", thousands: str | None = None
) -> tuple[pl.Series, Notice | None]:
    """The column in the type that all of its cells fit, empty cells as null.

    text: strings. Whole numbers become Int64, numbers Float64, true and false Boolean;
    codes with leading zeros and whole numbers too long for 64 bits stay text, digit for digit.
    Words such as ``NA`` count as missing where all other cells are numbers. A column that is
    numbers but for some cells stays text, and the notice names the first of these cells.
    """
    text = emptied(text)
    if text.null_count() == len(text):
        return text, None
    bare = text.str.strip_chars()
    lowered = bare.str.to_lowercase()
    if lowered.is_in(["true", "false"]).all():
        return lowered == "true", None
    if bare.str.contains(CODE).any():
        return text, None
    numbers = _numbers(bare, decimal, thousands)
    misfits = numbers.is_null() & text.is_not_null()
    if not misfits.any():
        return numbers, None
    is_word = lowered.is_in(MISSING_WORDS) & misfits
    if numbers.null_count() < len(numbers) and (is_word == misfits).all():
        words = ", ".join(sorted(set(bare.filter(is_word).unique().to_list())))
        values = {"count": int(is_word.sum()), "words": words}
        return numbers, Notice("W-READ-005", text.name, values)
    return text, _mixed(text, misfits & ~is_word)


def _numbers(bare: pl.Series, decimal: str, thousands: str | None) -> pl.Series:
    """Int64 where every number is whole, else Float64; null where a cell is no number."""
    if decimal != "." or thousands:
        fits = bare.str.contains(number_pattern(decimal, thousands))
        plain = bare.str.replace_all(thousands, "", literal=True) if thousands else bare
        if decimal != ".":
            plain = plain.str.replace(decimal, ".", literal=True)
        others = bare if thousands != "." else pl.Series(bare.name, [None], dtype=pl.String)
        bare = plain.zip_with(fits, others)
    whole = bare.cast(pl.Int64, strict=False)
    numbers = bare.cast(pl.Float64, strict=False)
    if whole.null_count() == numbers.null_count():
        return whole
    too_long = bare.str.contains(_LONG) & whole.is_null()
    if too_long.any():  # as floats they would lose digits
        return numbers.zip_with(~too_long, pl.Series(bare.name, [None], dtype=pl.Float64))
    return numbers


def _mixed(text: pl.Series, misfits: pl.Series) -> Notice | None:
    """Says which cell keeps a column of numbers from being one."""
    filled = len(text) - text.null_count()
    count = int(misfits.sum())
    if not 0 < count < _MIXED * filled:
        return None
    row = misfits.arg_max()
    assert row is not None
    values = {"row": row + 1, "value": text[row], "count": count, "filled": filled}
    return Notice("W-READ-004", text.name, values)

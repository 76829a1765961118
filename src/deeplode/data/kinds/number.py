"""Columns of numbers, and texts that spell numbers."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from deeplode.data.column import Column, Kind
from deeplode.data.facts import Facts
from deeplode.data.parse import NumberFormat, find_number_format, has_leading_zeros, numbers
from deeplode.messages import Notice

READABLE = 0.9  # share of the filled cells that must be numbers

# Whole numbers whose name says that they are codes are learned as categories too. Few different
# values alone are no reason: trees cut between any two of them, nets bend at each of them, and
# learning seasons, hours, months or grades both ways made nothing better and some sets worse
# (see docs/kinds.md).
FEWEST_CODES, MOST_CODES, ROWS_A_CODE = 3, 5_000, 4
CODE_NAME = re.compile(
    r"(?i)(^|[^a-z])(zip|zip_?code|postcode|postal|postal_?code|plz|code|codes)"
    r"([^a-z]|$)|[a-z]_?code$|[a-z](?-i:C)ode|(store|shop|branch|product|item|customer|user|seller)"
    r"[ _-]?(id|no|nr|num|number)$|邮编|编码|代码|区号|编号"
)


def recognise(facts: Facts) -> Column | None:
    """Numbers; times of day and spans; texts nine in ten of which read as numbers."""
    if facts.is_number or facts.series.dtype in (pl.Duration, pl.Time):
        return force(facts)
    if facts.sample is None or not facts.with_digits:
        return None
    if _share_read(facts.sample, find_number_format(facts.sample)) < READABLE / 2:
        return None
    texts = facts.texts
    assert texts is not None  # there is a sample
    if has_leading_zeros(texts):
        return None
    form = find_number_format(texts)
    return force(facts) if _share_read(texts, form) >= READABLE else None


def force(facts: Facts) -> Column:
    """The column as numbers, whatever its cells look like."""
    form, code, figures = NumberFormat(), "KIND-NUMBER", {}
    whole, distinct = facts.whole, facts.distinct
    if facts.texts is not None:
        form = find_number_format(facts.texts)
        values, unread = numbers(facts.texts, form)
        code, figures = "KIND-NUMBER-TEXT", {"decimal": form.decimal, "unread": int(unread.sum())}
        finite = values[np.isfinite(values)]
        whole, distinct = bool((finite == np.round(finite)).all()), len(np.unique(finite))
    codes = _may_be_codes(facts, whole, distinct)
    if codes:
        code, figures = "KIND-NUMBER-CODES", {"distinct": distinct}
    reason = Notice(code, facts.name, figures)
    return Column(facts.name, Kind.NUMBER, reason, facts.share_missing, facts.distinct, form, codes)


def _share_read(texts: pl.Series, form: NumberFormat) -> float:
    """Share of the cells that are numbers among those that are not words for missing."""
    values, unread = numbers(texts, form)
    read = int((~np.isnan(values)).sum())
    return read / max(read + int(unread.sum()), 1)


def _may_be_codes(facts: Facts, whole: bool, distinct: int) -> bool:
    """Whether whole numbers are called codes and repeat enough to learn each on its own."""
    if not whole or not FEWEST_CODES <= distinct <= MOST_CODES:
        return False
    return facts.filled >= ROWS_A_CODE * distinct and CODE_NAME.search(facts.name) is not None

"""Columns that only tell rows apart: unique names and counters."""

from __future__ import annotations

import re

from deeplode.data.column import Column, Kind
from deeplode.data.facts import Facts
from deeplode.data.kinds import number
from deeplode.messages import Notice

_UUID = r"(?i)^\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?$"
_NAME = re.compile(
    r"(?i:(^|[^a-z])((row|user|customer|client|order|person|patient|sample|record|case|transaction)"
    r"[ _-]?)?(id|ids|uid|pid|uuid|guid|rowid|index|key|instant)$)|[a-z]I[dD]$|编号|序号|流水号"
)
FEWEST = 10  # rows below which a different value in each row is chance
FEWEST_COUNTER = 32  # the same for numbers that only look like a counter


def recognise(facts: Facts) -> Column | None:
    """A different value in every row: of short texts, of a counter, of numbers called an id."""
    named = _NAME.search(facts.name) is not None
    if facts.is_number:
        found = _counts_rows(facts, named)
    elif facts.sample is None or facts.filled < FEWEST:
        found = False
    elif bool(facts.sample.str.contains(_UUID).all()):
        found = facts.distinct * 2 > facts.filled
    elif named:
        found = facts.distinct >= 0.95 * facts.filled
    else:
        found = facts.distinct == facts.filled and number.recognise(facts) is None
    return force(facts) if found else None


def force(facts: Facts) -> Column:
    """The column as an id."""
    reason = Notice("KIND-ID", facts.name, {"distinct": facts.distinct, "rows": facts.filled})
    return Column(facts.name, Kind.ID, reason, facts.share_missing, facts.distinct, used=False)


def _counts_rows(facts: Facts, named: bool) -> bool:
    """Whole numbers, each once: called an id, or filling the range from 0 or 1 on densely enough
    to be the rows of a table that lost some to the test rows."""
    if not facts.whole or facts.empty or facts.distinct < facts.rows or facts.rows < 3:
        return False
    if named:
        return True
    low, high = facts.low or 0.0, facts.high or 0.0
    dense = high - low < 2 * facts.rows
    return dense and 0 <= low <= max(1, 0.01 * facts.rows) and facts.rows >= FEWEST_COUNTER

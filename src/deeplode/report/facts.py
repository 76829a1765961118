"""Lenient reading of facts: whatever stands in result.json, the page still comes out.

Facts may come from an older run, another verb or an edited file, so each reader returns its
empty value where the fact is absent or of another type.
"""

from __future__ import annotations

import math
from typing import Any


def mapping(value: object) -> dict[str, Any]:
    """``value`` when it is a JSON object, else {}."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """``value`` when it is a JSON list, else []."""
    return value if isinstance(value, list) else []


def rows(value: object) -> list[dict[str, Any]]:
    """The JSON objects in the list ``value``, else []."""
    return [entry for entry in items(value) if isinstance(entry, dict)]


def number(value: object) -> float | None:
    """``value`` as a finite float, else None (also for booleans, NaN and infinities)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        as_float = float(value)
    except OverflowError:
        return None
    return as_float if math.isfinite(as_float) else None


def numbers(entry: dict[str, Any], *names: str) -> dict[str, float] | None:
    """The named facts of ``entry`` when all are finite numbers, else None."""
    found = {name: number(entry.get(name)) for name in names}
    whole = {name: value for name, value in found.items() if value is not None}
    return whole if len(whole) == len(names) else None


def thin(entries: list[Any], limit: int) -> list[Any]:
    """At most ``limit`` entries, evenly spaced, first and last among them."""
    if len(entries) <= limit:
        return entries
    step = (len(entries) - 1) / (limit - 1)
    return [entries[round(i * step)] for i in range(limit)]

"""What is known of one column: its kind, why, and how its cells are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from deeplode.data.dates import EPOCHS, PATTERNS, DatetimeFormat
from deeplode.data.parse import NumberFormat
from deeplode.messages import Notice


class Kind(StrEnum):
    """What a column's cells are."""

    NUMBER = "number"
    CATEGORY = "category"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    SERIES = "series"
    SPARSE = "sparse"
    ID = "id"
    CONSTANT = "constant"
    NESTED = "nested"  # lists, structs, bytes: nothing that a cell of a table should hold


@dataclass(frozen=True)
class Column:
    """One column as its training rows show it.

    reason: the sentence that says why it is of this kind.
    missing: share of empty cells. distinct: different values, empty ones left out.
    format: how its cells are read, for numbers and datetimes.
    codes: the numbers are codes by their name: encoded as numbers and as categories.
    used: whether it is a feature.
    """

    name: str
    kind: Kind
    reason: Notice
    missing: float
    distinct: int
    format: NumberFormat | DatetimeFormat | None = None
    codes: bool = False
    used: bool = True

    def left_out(self) -> Column:
        """The same column, not a feature."""
        return replace(self, used=False)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return {
            "name": self.name,
            "kind": str(self.kind),
            "reason": {"code": self.reason.code, "values": self.reason.values},
            "missing": self.missing,
            "distinct": self.distinct,
            "format": asdict(self.format) if self.format else None,
            "codes": self.codes,
            "used": self.used,
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Column:
        """The column written by ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        reason = facts["reason"]
        return cls(
            name=str(facts["name"]),
            kind=Kind(facts["kind"]),
            reason=Notice(str(reason["code"]), str(facts["name"]), dict(reason["values"])),
            missing=float(facts["missing"]),
            distinct=int(facts["distinct"]),
            format=format_from_json(facts["format"]),
            codes=bool(facts["codes"]),
            used=bool(facts["used"]),
        )


def format_from_json(facts: Mapping[str, Any] | None) -> NumberFormat | DatetimeFormat | None:
    """A cell format from plain JSON; only known names pass. Raises ValueError otherwise."""
    if facts is None:
        return None
    if "decimal" in facts and facts["decimal"] in (".", ","):
        return NumberFormat(facts["decimal"])
    if facts.get("texts") in PATTERNS and facts.get("numbers") in (*EPOCHS, "compact"):
        return DatetimeFormat(facts["texts"], facts["numbers"])
    raise ValueError(f"unknown cell format {facts!r}")

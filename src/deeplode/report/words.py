"""Words and numbers as the reader of one language sees them, and foreign text made harmless."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from deeplode.messages import catalogue, joined, say
from deeplode.report.facts import mapping, number

NOTHING = "–"  # stands where a fact is missing
_MOST_DECIMALS = 8  # smaller numbers are written with an exponent
LONGEST = 500  # characters of one foreign text on the page

# Characters that show nothing, steer the direction of text, or cannot be written as UTF-8.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)

# Scores between 0 and 1 (or -1 and 1), shown with three decimals, four near perfection.
_UNIT_METRICS = frozenset(
    (
        *("roc_auc", "roc_auc_ovr", "average_precision", "accuracy", "f1", "macro_f1", "r2"),
        *("far", "mar", "silhouette", "acc", "nmi", "ari", "modularity"),
        *("recall@10", "ndcg@10", "mrr@10", "hit@10", "precision@10"),
    )
)
_LOSSES = frozenset({"log_loss", "brier"})  # small numbers, shown with four decimals


def plain(value: object, limit: int = LONGEST) -> str:
    """Any value as one line of visible text: control and direction marks become code points."""
    text = "" if value is None else str(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return _UNSEEN.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return " " if code in (9, 10, 13) else f"⟨U+{code:04X}⟩"


def clip(value: object, width: int = 22) -> str:
    """``plain`` text of at most ``width`` columns, where a Chinese character takes two."""
    text, used = plain(value), 0
    for position, character in enumerate(text):
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > width:
            return text[: max(position - 1, 1)] + "…"
    return text


def distinct(names: list[str]) -> list[str]:
    """The names with a count added to repeated ones: clipped names may have become equal."""
    seen: dict[str, int] = {}
    apart = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        apart.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return apart


@dataclass(frozen=True)
class Words:
    """Says sentences and writes numbers in one language."""

    language: str

    def __call__(self, code: str, **values: Any) -> str:
        """The sentence ``code`` with its values."""
        return say(code, language=self.language, **values)

    def known(self, code: str) -> bool:
        """Whether there is such a sentence."""
        return code in catalogue(self.language)

    def named(self, family: str, name: object) -> str:
        """The word for ``name`` (``R-<family>-<NAME>``), or the name itself where none is known."""
        code = f"R-{family}-{str(name).upper()}"
        return self(code) if self.known(code) else plain(name)

    def sentence(self, entry: object) -> str:
        """A stored message: said anew in this language where its code and values are at hand."""
        facts = mapping(entry)
        code, values = facts.get("code"), facts.get("values")
        if isinstance(code, str) and isinstance(values, dict) and self.known(code):
            try:
                parts = [
                    say(code, part, self.language, **{"column": facts.get("column"), **values})
                    for part in ("message", "hint")
                ]
            except (KeyError, IndexError, TypeError, ValueError, AttributeError):
                parts = []  # stored by another version with other values: its own text stands
            if parts:
                return plain(joined(parts, self.language))
        return plain(facts.get("message", "") if facts else entry)

    def count(self, value: object) -> str:
        """A whole number with separators: 39,073."""
        as_float = number(value)
        return NOTHING if as_float is None else _signed(f"{as_float:,.0f}")

    def hundred(self, value: object) -> str:
        """A share as times in 100, with a decimal only near 0 and 100."""
        times = 100 * (number(value) or 0.0)
        if 1 <= times <= 99 or times in (0, 100):
            return f"{times:.0f}"
        return f"{min(times, 99.9):.1f}" if times < 100 else f"{times:.0f}"

    def share(self, value: object, decimals: int = 1) -> str:
        """A share as a percentage: 0.123 is 12.3%."""
        as_float = number(value)
        return NOTHING if as_float is None else _signed(f"{100 * as_float:.{decimals}f}%")

    def figure(self, value: object, decimals: int | None = None) -> str:
        """Any number, four significant digits unless ``decimals`` are given."""
        as_float = number(value)
        if as_float is None:
            return NOTHING
        size = abs(as_float)
        tiny = 0 < size < 1e-4 and (decimals is None or decimals >= _MOST_DECIMALS)
        if tiny or size >= 1e12:
            return _signed(f"{as_float:.3g}")
        return _signed(f"{as_float:,.{places(as_float) if decimals is None else decimals}f}")

    def score(self, value: object, metric: object, like: object = None) -> str:
        """A metric's value; its decimals are those of ``like`` where given."""
        as_float = number(like if number(like) is not None else value)
        if as_float is None:
            return NOTHING
        return self.figure(value, score_places(as_float, metric))

    def interval(self, facts: object, metric: object) -> str:
        """The 95% interval of {value, low, high} in words; '' where it has no width."""
        entry = mapping(facts)
        low, high, value = entry.get("low"), entry.get("high"), entry.get("value")
        if number(low) is None or number(high) is None or low == high:
            return ""
        return self(
            "R-INTERVAL", low=self.score(low, metric, value), high=self.score(high, metric, value)
        )

    def seconds(self, value: object) -> str:
        """A time span: 120 ms, 3.4 s, 2 min 5 s, 1 h 3 min."""
        span = number(value)
        if span is None:
            return NOTHING
        if span < 0.9995:
            text = f"{1000 * span:.0f}" if span >= 0.001 else "<1"
            return self("R-MILLISECONDS", milliseconds=text)
        if span < 59.95:
            return self("R-SECONDS", seconds=f"{span:.1f}")
        whole = round(span)
        if whole < 3600:
            return self("R-MINUTES", minutes=whole // 60, seconds=whole % 60)
        return self("R-HOURS", hours=f"{whole // 3600:,}", minutes=whole % 3600 // 60)

    def size(self, value: object) -> str:
        """Bytes: 1.2 GB."""
        rest = number(value)
        if rest is None:
            return NOTHING
        for unit in ("B", "kB", "MB", "GB"):
            if abs(rest) < 999.5:
                return f"{rest:.3g} {unit}"
            rest /= 1000
        return f"{rest:.3g} TB" if rest < 999.5 else f"{rest:,.0f} TB"


def highest(metric: str) -> float | None:
    """The best value a metric can have where that is 1."""
    return 1.0 if metric in _UNIT_METRICS else None


def score_places(value: float, metric: object) -> int:
    """How many decimals a metric's value is shown with."""
    if metric in _UNIT_METRICS and abs(value) <= 1:
        return 4 if 0.99 <= abs(value) < 1 else 3
    if metric in _LOSSES and 1e-3 <= abs(value) < 10:
        return 4
    return places(value)


def places(value: float, digits: int = 4) -> int:
    """Decimals that leave so many significant digits, none for whole numbers and from 1,000 on."""
    if abs(value) >= 1000 or float(value).is_integer():
        return 0
    return min(_MOST_DECIMALS, max(0, digits - 1 - math.floor(math.log10(abs(value)))))


def _signed(text: str) -> str:
    """The text with a true minus sign, and none before a rounded zero."""
    if not text.startswith("-"):
        return text
    return "−" + text[1:] if text.strip("-0.,%") else text[1:]

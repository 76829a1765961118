"""Cells to float64 numbers: whole columns through Polars, single values in plain Python.

Both ways give the same bits for the same cell. A text is a number when it is a plain number
(``-1.5e3``) or one dressed for people: ``$1,234.50``, ``1.234,5 €``, ``45%``, ``(300)``,
``12-``, ``1.2万`` (12 000; 亿 is 10 000 times 万). A percent sign is dropped, so ``45%`` is 45.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

BLANKS = " \t\r\n\u00a0\u2007\u202f\u3000\ufeff"

# Words that mean "no value" in a column of numbers, in lower case.
MISSING_WORDS = (
    *("", "na", "n/a", "n.a.", "nan", "null", "none", "nil", "missing", "unknown", "undefined"),
    *("-", "--", "—", "?", ".", "..", "#n/a", "#na", "#value!", "#div/0!", "#ref!", "<na>", r"\n"),
    *("无", "空", "缺失", "未知"),
)
_INFINITE_WORDS = {
    **dict.fromkeys(("inf", "+inf", "infinity", "+infinity", "∞", "+∞"), np.inf),
    **dict.fromkeys(("-inf", "-infinity", "-∞"), -np.inf),
}

_PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GAP = f"[{BLANKS}]*"
_MYRIADS = {"万": 1e4, "萬": 1e4, "亿": 1e8, "億": 1e8}
_MONEY = (
    r"(?:[$€£¥￥₹₩元円]|us\$|hk\$|nt\$|[ac]\$|r\$|usd|eur|gbp|cny|rmb|jpy|chf|inr|aud|cad|hkd|twd)"
)


def _dressed(decimal: str) -> str:
    """The pattern of a number dressed for people; groups: (, sign, sign, digits, 万, -, )."""
    point = re.escape(decimal)
    comma = r"\." if decimal == "," else ","
    group = f"[{comma}'’_\u00a0\u2007\u202f ]"
    whole = f"[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}|[0-9]+"
    digits = f"(?:{whole})(?:{point}[0-9]*)?|{point}[0-9]+"
    before, after = f"{_GAP}(?:{_MONEY}{_GAP})?", f"(?:{_GAP}(?:{_MONEY}|[%％]))?{_GAP}"
    number = rf"((?:{digits})(?:e[+-]?[0-9]+)?)(?:{_GAP}([{''.join(_MYRIADS)}]))?"
    return rf"^(\()?{_GAP}([-+−])?{before}([-+−])?{number}{after}([-−])?{_GAP}(\))?$"


_DRESSED = {decimal: _dressed(decimal) for decimal in ".,"}
_DRESSED_RE = {decimal: re.compile(pattern) for decimal, pattern in _DRESSED.items()}
_SEPARATORS = {".": f"[,'’_{BLANKS}]", ",": f"[.'’_{BLANKS}]"}


@dataclass(frozen=True)
class NumberFormat:
    """How a column writes its numbers. decimal: the sign before the fraction, ``.`` or ``,``."""

    decimal: str = "."


def numbers(series: pl.Series, form: NumberFormat) -> tuple[np.ndarray, np.ndarray]:
    """Read a column as numbers.

    Returns values (rows,) float64 with NaN = missing (infinities stay), and unread (rows,) bool:
    cells that hold something that is not a number (their value is NaN too).
    A span of time counts seconds, a time of day seconds since midnight.
    """
    kind = series.dtype
    if kind.is_numeric():
        # nulls become NaN
        return series.cast(pl.Float64).to_numpy(), np.zeros(len(series), dtype=bool)
    if kind == pl.Boolean:
        return series.cast(pl.Float64).to_numpy(), np.zeros(len(series), dtype=bool)
    if kind == pl.Duration or kind == pl.Time:
        per_second = _ticks_per_second(kind)
        whole = series.to_physical().cast(pl.Float64).to_numpy()
        return whole / per_second, np.zeros(len(series), dtype=bool)
    if isinstance(kind, (pl.Categorical, pl.Enum)):
        series = series.cast(pl.String)
    if series.dtype == pl.String:
        return _texts(series, form)
    return np.full(len(series), np.nan), series.is_not_null().to_numpy()


def number(value: Any, form: NumberFormat) -> tuple[float, bool]:
    """Read one cell as ``numbers`` reads a column: its value (NaN = missing), and unread."""
    if isinstance(value, str):
        return _text(value, form)
    if value is None:
        return float("nan"), False
    if isinstance(value, (int, float, np.number, np.bool_, Decimal)):
        try:
            return float(value), False
        except OverflowError:  # an integer beyond float64
            return float("inf") if value > 0 else float("-inf"), False
    return _odd_value(value)


def _odd_value(value: Any) -> tuple[float, bool]:
    """Values that are rarely met one by one: spans of time, pandas' missing, and the unreadable."""
    if hasattr(value, "total_seconds"):
        span = value.total_seconds()
        return float(span), False
    if hasattr(value, "hour") and not hasattr(value, "year"):
        seconds = value.hour * 3600 + value.minute * 60 + value.second
        return (seconds * 1_000_000 + value.microsecond) / 1_000_000, False
    if is_missing(value):
        return float("nan"), False
    return float("nan"), True


def is_missing(value: Any) -> bool:
    """Whether one cell is empty: None, NaN, NaT, pandas.NA."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # pandas.NA refuses to be true or false
        return True


def _ticks_per_second(kind: pl.DataType) -> float:
    unit = getattr(kind, "time_unit", "ns")  # a time of day counts nanoseconds
    return {"ms": 1e3, "us": 1e6, "ns": 1e9}[unit]


def _texts(series: pl.Series, form: NumberFormat) -> tuple[np.ndarray, np.ndarray]:
    """Texts to numbers: plain ones by one cast, the others by pattern."""
    if form.decimal == ".":
        values = series.cast(pl.Float64, strict=False)
    else:  # "1.234" means 1234 here: no shortcut
        values = pl.repeat(None, len(series), dtype=pl.Float64, eager=True)
    rest = (values.is_null() & series.is_not_null()).arg_true()
    out = values.to_numpy(writable=True)
    unread = np.zeros(len(series), dtype=bool)
    if len(rest):
        at = rest.to_numpy()
        out[at], unread[at] = _dressed_texts(series.gather(rest), form)
    return out, unread


def _dressed_texts(texts: pl.Series, form: NumberFormat) -> tuple[np.ndarray, np.ndarray]:
    text = pl.col("text").str.strip_chars(BLANKS).str.to_lowercase()
    parts = pl.col("text").str.extract_groups(_DRESSED[form.decimal]).struct
    body = parts[3].str.replace_all(_SEPARATORS[form.decimal], "")
    size = body.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    size = size * parts[4].replace_strict(_MYRIADS, default=1.0, return_dtype=pl.Float64)
    bracketed = parts[0].is_not_null() & parts[6].is_not_null()
    lone = parts[0].is_null() != parts[6].is_null()
    minus = parts[1].is_in(["-", "−"]) | parts[2].is_in(["-", "−"])
    minus = minus.fill_null(False) | parts[5].is_not_null() | bracketed
    infinite = pl.col("text").replace_strict(_INFINITE_WORDS, default=None, return_dtype=pl.Float64)
    read = pl.when(lone).then(None).when(minus).then(-size).otherwise(size)
    found = (
        texts.alias("text")
        .to_frame()
        .select(text)
        .select(
            value=pl.coalesce(infinite, read),
            missing=pl.col("text").is_in(MISSING_WORDS),
        )
    )
    value = found["value"].to_numpy()
    return value, (found["value"].is_null() & ~found["missing"]).to_numpy()


def _text(cell: str, form: NumberFormat) -> tuple[float, bool]:
    if form.decimal == "." and _PLAIN.fullmatch(cell):
        return float(cell), False
    text = cell.strip(BLANKS).lower()
    if text in MISSING_WORDS:
        return float("nan"), False
    if text in _INFINITE_WORDS:
        return _INFINITE_WORDS[text], False
    match = _DRESSED_RE[form.decimal].match(text)
    if match is None:
        return float("nan"), True
    opened, sign, inner, body, myriad, trailing, closed = match.groups()
    if (opened is None) != (closed is None):
        return float("nan"), True
    body = re.sub(_SEPARATORS[form.decimal], "", body).replace(",", ".", 1)
    minus = opened or trailing or sign in ("-", "−") or inner in ("-", "−")
    size = float(body) * _MYRIADS.get(myriad, 1.0)
    return (-size if minus else size), False


def find_number_format(texts: pl.Series) -> NumberFormat:
    """The decimal sign that these texts use: the one that more of them are read with.

    Where both read all (``1,234``), the point, unless only the comma reads them without taking
    the other sign for a thousands separator.
    """
    point, comma = (numbers(texts, NumberFormat(sign))[1].sum() for sign in ".,")
    return NumberFormat(",") if comma < point else NumberFormat(".")


def has_leading_zeros(texts: pl.Series) -> bool:
    """Whether some of these texts begin with an idle zero, as codes do: ``01234``."""
    return bool(texts.str.contains(r"^[0-9]*$").all() and texts.str.contains(r"^0[0-9]").any())

"""The target: which task it makes, and its values as numbers and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from deeplode.data.dates import find_pattern
from deeplode.data.parse import BLANKS, NumberFormat, find_number_format, numbers
from deeplode.errors import DataError, OptionError
from deeplode.messages import Notice

BINARY, MULTICLASS, REGRESSION = "binary", "multiclass", "regression"
TASKS = (BINARY, MULTICLASS, REGRESSION, "classification")

# Whole numbers are classes when there are few of them, each seen often; else they are amounts.
MOST_NUMBER_CLASSES, ROWS_A_NUMBER_CLASS = 20, 5
# More classes than this must have two rows each on average.
FREE_CLASSES = 30


@dataclass(frozen=True)
class TargetCode:
    """A target's task and code.

    task: ``binary``, ``multiclass`` or ``regression``.
    classes: the original values in rising order, of one type: str, int, float or bool; () for
        regression. The second class of a binary target is the positive one.
    decimal: the decimal sign where texts spell the numbers.
    notices: what the user should know of the target; not part of the code.
    """

    name: str
    task: str
    classes: tuple[str | int | float | bool, ...] = ()
    decimal: str = "."
    notices: tuple[Notice, ...] = dataclasses.field(default=(), compare=False)

    @property
    def n_classes(self) -> int:
        """Number of classes; 1 for regression."""
        return len(self.classes) or 1

    def encode(self, series: pl.Series) -> np.ndarray:
        """Values to codes.

        Returns (rows,) int64 places in ``classes``, -1 = missing or no such class; or (rows,)
        float64 values, NaN = missing or no number.
        """
        if self.task == REGRESSION:
            values = numbers(series, NumberFormat(self.decimal))[0]
            return np.where(np.isfinite(values), values, np.nan)
        if isinstance(self.classes[0], str):
            texts = _texts(series)
            slots = texts.cast(pl.Enum(self._texts), strict=False).to_physical()
            return slots.cast(pl.Int64).fill_null(-1).to_numpy()
        values = numbers(series, NumberFormat(self.decimal))[0]
        places = np.searchsorted(self._numbers, values).clip(max=len(self.classes) - 1)
        return np.where(self._numbers[places] == values, places, -1).astype(np.int64)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Places in ``classes`` back to their values: (rows,) of bool, int64, float64 or object.

        Numbers of a regression come back as they are.
        """
        return codes if self.task == REGRESSION else self._values[codes]

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        return tuple(str(value) for value in self.classes)

    @cached_property
    def _numbers(self) -> np.ndarray:
        return np.array(self.classes, dtype=np.float64)

    @cached_property
    def _values(self) -> np.ndarray:
        if isinstance(self.classes[0], str):
            values = np.empty(len(self.classes), dtype=object)
            values[:] = self.classes
            return values
        return np.array(self.classes)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        classes = list(self.classes)
        return {"name": self.name, "task": self.task, "classes": classes, "decimal": self.decimal}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> TargetCode:
        """The code written by ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        task, classes, decimal = facts["task"], tuple(facts["classes"]), facts["decimal"]
        if task not in (BINARY, MULTICLASS, REGRESSION) or decimal not in (".", ","):
            raise ValueError(f"unknown task {task!r}")
        if (task == REGRESSION) != (not classes) or (task == BINARY and len(classes) != 2):
            raise ValueError(f"{len(classes)} classes for {task}")
        if len({type(value) for value in classes}) > 1 or len(set(classes)) < len(classes):
            raise ValueError("classes of mixed types, or one twice")
        if classes and not isinstance(classes[0], (str, int, float)):
            raise ValueError("classes of an unknown type")
        return cls(str(facts["name"]), task, classes, decimal)


def infer_target(series: pl.Series, task: str | None = None, source: str = "data") -> TargetCode:
    """Find a target's task and classes from all rows that have a value.

    Truths, strings and few whole numbers (at most 20, each in 5 rows on average, or two) are
    classes; other numbers, and texts that spell them, are amounts.
    task: ``binary``, ``multiclass``, ``classification`` or ``regression`` to decide it oneself.
    Raises DataError where nothing can be learned from the target, OptionError for another task.
    """
    if task is not None and task not in TASKS:
        raise OptionError("E-DATA-047", task=task, tasks=", ".join(TASKS))
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        raise DataError("E-DATA-048", column=series.name, type=str(series.dtype))
    values = series.filter(~missing_targets(series))
    if not len(values):
        raise DataError("E-DATA-031", column=series.name, source=source, rows=len(series))
    if len(values) == 1:
        raise DataError("E-DATA-033", column=series.name, source=source, rows=1)
    _refuse_dates(values)
    form = find_number_format(_texts(values)) if not _is_number(values) else NumberFormat()
    if task == REGRESSION or (task is None and _is_amount(values, form)):
        _check_amounts(series, form, source)
        if task is None and values.n_unique() == 1:
            raise DataError("E-DATA-049", column=series.name, value=repr(values[0]))
        code = TargetCode(series.name, REGRESSION, (), form.decimal)
    else:
        code = _classes(values, task, form)
    return dataclasses.replace(code, notices=_notices(series, values, code))


def missing_targets(series: pl.Series) -> np.ndarray:
    """(rows,) bool: rows without a value of the target: null, NaN or blank."""
    missing = series.is_null()
    if series.dtype.is_float():
        missing = missing | series.is_nan().fill_null(False)
    elif series.dtype == pl.String:
        missing = missing | (series.str.strip_chars(BLANKS) == "").fill_null(False)
    return missing.to_numpy()


def _texts(series: pl.Series) -> pl.Series:
    texts = series if series.dtype == pl.String else series.cast(pl.String)
    return texts.str.strip_chars(BLANKS)


def _is_number(values: pl.Series) -> bool:
    return values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Duration)


def _is_amount(values: pl.Series, form: NumberFormat) -> bool:
    """Whether the values are amounts rather than classes."""
    if values.dtype == pl.Boolean or isinstance(values.dtype, (pl.Categorical, pl.Enum)):
        return False
    cells, unread = numbers(values, form)
    if unread.any() or np.isnan(cells).any():
        return False
    different = np.unique(cells)
    if (different != np.round(different)).any():
        return True
    few = len(different) <= MOST_NUMBER_CLASSES
    return not (len(different) <= 2 or (few and len(cells) >= ROWS_A_NUMBER_CLASS * len(different)))


def _refuse_dates(values: pl.Series) -> None:
    dates = values.dtype in (pl.Date, pl.Datetime, pl.Time)
    if values.dtype == pl.String and values.n_unique() > MOST_NUMBER_CLASSES:
        pattern, share, _ = find_pattern(values.unique(maintain_order=True).head(1_000))
        dates = share > 0.95 and pattern != "compact"
    if dates:
        raise DataError("E-DATA-036", column=values.name)


def _check_amounts(series: pl.Series, form: NumberFormat, source: str) -> None:
    """Raise DataError where a value is no number, or infinite."""
    cells, unread = numbers(series, form)
    if unread.any():
        row = int(np.argmax(unread))
        value = repr(series[row])
        raise DataError("E-DATA-037", column=series.name, row=row, value=value, source=source)
    infinite = np.isinf(cells)
    if infinite.any():
        row, count = int(np.argmax(infinite)), int(infinite.sum())
        raise DataError("E-DATA-035", column=series.name, row=row, count=count, source=source)


def _classes(values: pl.Series, task: str | None, form: NumberFormat) -> TargetCode:
    classes = _sorted_classes(values)
    rows, name = len(values), values.name
    if len(classes) < 2:
        raise DataError("E-DATA-032", column=name, value=repr(classes[0]))
    if isinstance(classes[0], float) and any(value != round(value) for value in _finite(classes)):
        fraction = next(value for value in _finite(classes) if value != round(value))
        if len(classes) > 2:
            raise DataError("E-DATA-038", column=name, value=fraction)
    if len(classes) > FREE_CLASSES and 2 * len(classes) > rows:
        raise DataError("E-DATA-034", column=name, classes=len(classes), rows=rows)
    if task == BINARY and len(classes) > 2:
        raise DataError("E-DATA-039", column=name, classes=len(classes))
    binary = len(classes) == 2 and task != MULTICLASS
    return TargetCode(name, BINARY if binary else MULTICLASS, classes, form.decimal)


def _finite(classes: Sequence[Any]) -> list[float]:
    return [value for value in classes if np.isfinite(value)]


def _sorted_classes(values: pl.Series) -> tuple[Any, ...]:
    """Different values in rising order; texts that all spell numbers in the order of these."""
    if _is_number(values) and values.dtype != pl.Duration:
        cells = values.cast(pl.Float64) if values.dtype.is_decimal() else values
        return tuple(cells.unique().sort().to_list())
    texts = _texts(values).unique().sort()
    read = texts.cast(pl.Float64, strict=False)
    if read.null_count() or not read.is_finite().all():
        return tuple(texts.to_list())
    return tuple(texts.gather(read.arg_sort()).to_list())


def _notices(series: pl.Series, values: pl.Series, code: TargetCode) -> tuple[Notice, ...]:
    """Rows dropped for want of a target, and classes of a single row."""
    notices = []
    dropped = len(series) - len(values)
    if dropped:
        facts = {"dropped": dropped, "rows": len(series)}
        notices.append(Notice("W-KIND-010", series.name, facts))
    if code.task != REGRESSION:
        counts = np.bincount(code.encode(values), minlength=code.n_classes)
        single = [repr(code.classes[place]) for place in np.flatnonzero(counts == 1)]
        if single:
            few = ", ".join(single[:8]) + (", …" if len(single) > 8 else "")
            notices.append(
                Notice("W-KIND-011", series.name, {"count": len(single), "classes": few})
            )
    return tuple(notices)

"""Which rows train, which validate and which test: at random, by group or in time.

All positions come out rising and depend on nothing but the arguments: NumPy's generators give
the same numbers on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from deeplode.data.dates import NONE, DatetimeFormat, find_pattern, instants
from deeplode.data.parse import find_number_format, numbers
from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.errors import DataError, OptionError

MARKED = "^(train|val|dev|test)"  # how a cell that marks a row begins
HOWS = ("random", "time", "group", "file")
TEST_SHARE = 0.2
ORDERED = 0.95  # share of texts that must read as dates or numbers to be ordered as such
PARTS = 8  # of the training rows; each member validates on one


@dataclass(frozen=True)
class Split:
    """Positions of the training and of the test rows, int64, rising, disjoint.

    how: ``random``, ``time``, ``group``, ``file`` or ``column``. valid: those of the training rows
    that were marked to validate.
    """

    train: np.ndarray
    test: np.ndarray
    how: str
    valid: np.ndarray = field(default_factory=lambda: np.arange(0))


@dataclass(frozen=True)
class Fold:
    """Positions among the training rows that one member learns from and validates on."""

    train: np.ndarray
    valid: np.ndarray


def hold_out(
    table: Table,
    how: str,
    target: np.ndarray | None = None,
    share: float = TEST_SHARE,
    seed: int = 0,
    column: str | None = None,
) -> Split:
    """Set test rows aside.

    how: ``random``: every fifth row of each class in random order, so that each class of two
        rows or more keeps one for training; ``group``: whole groups, at random, until the share
        is reached; ``time``: the latest rows, rows of one instant together.
    target: (rows,) int64 classes to spread evenly; anything else is not looked at.
    column: whose values are the groups, or the times.
    Raises DataError where there are too few rows, groups or instants for both sides.
    """
    if len(table) < 2:
        raise DataError("E-DATA-050", source=table.source, rows=len(table))
    if how == "random":
        test = _every(_order(len(table), target, seed), share)
        test = _without_lone(test, target)
    elif how == "group" and column is not None:
        test = _whole_groups(keys(table, column), share, seed, table.source, column)
    elif how == "time" and column is not None:
        test = _latest(keys(table, column), share, table.source, column)
    else:
        raise OptionError("E-DATA-051", how=how, hows=", ".join(HOWS))
    everything = np.arange(len(table))
    return Split(np.setdiff1d(everything, test, assume_unique=True), test, how)


def marked(table: Table, column: str) -> Split:
    """Rows parted by what a column says of each: test…, or train…, valid…, val…, dev….

    Raises DataError where the column is absent, says something else, or leaves a side empty.
    """
    if column not in table.names:
        near = closest(column, table.names)
        values = {"role": "split_column", "column": column, "source": table.source, "closest": near}
        raise DataError("E-DATA-045", **values)
    cells = table.frame[column].cast(pl.String).fill_null("").str.to_lowercase().str.strip_chars()
    test = cells.str.starts_with("test").to_numpy()
    known = cells.str.contains(MARKED).to_numpy()
    if not known.all():
        row = int(np.argmin(known))
        value = repr(table.frame[column][row])
        raise DataError("E-DATA-080", source=table.source, column=column, row=row, value=value)
    if test.all() or not test.any():
        raise DataError("E-DATA-081", source=table.source, column=column, count=int(test.sum()))
    valid = cells.str.contains("^(val|dev)").to_numpy()
    return Split(np.flatnonzero(~test), np.flatnonzero(test), "column", np.flatnonzero(valid))


def folds(
    n_rows: int,
    how: str,
    target: np.ndarray | None,
    members: int,
    seed: int = 0,
    groups: np.ndarray | None = None,
    order: np.ndarray | None = None,
) -> tuple[Fold, ...]:
    """Training and validation rows of each member, from ``n_rows`` training rows.

    how: ``random``: rows in 8 parts (spread evenly over the classes), member i validates on part
        i; ``group``: the same with parts of whole groups; ``time``: the latest eighth validates
        every member; ``marked``: the rows of group 1 validate every member. ``file`` counts as
        random.
    target, groups, order: (n_rows,): classes (or None), group numbers, and places in time as
        ``keys`` gives them.
    A class with a single row is never in a validation part.
    """
    everything = np.arange(n_rows)
    if how == "marked" and groups is not None:
        return (Fold(np.flatnonzero(groups == 0), np.flatnonzero(groups == 1)),) * members
    if how == "time" and order is not None and len(np.unique(order)) > 1:
        valid = _latest(order, 1 / PARTS, "", "")
        return (Fold(np.setdiff1d(everything, valid, assume_unique=True), valid),) * members
    if how == "group" and groups is not None and len(np.unique(groups)) > 1:
        parts = _group_parts(groups)
    else:
        parts = _row_parts(n_rows, target, seed)
    count = int(parts.max()) + 1
    return tuple(
        Fold(np.flatnonzero(parts != member % count), np.flatnonzero(parts == member % count))
        for member in range(members)
    )


def keys(table: Table, column: str) -> np.ndarray:
    """(rows,) int64: the place of each row's value among the different ones of a column, in
    their order; dates in order of time however they are written, empty cells first (0)."""
    series = table.frame[column]
    if series.dtype.is_nested():
        series = series.hash()
    elif series.dtype == pl.String:
        series = _in_order(series)
    return series.rank("dense").fill_null(0).cast(pl.Int64).to_numpy()


def _in_order(texts: pl.Series) -> pl.Series:
    """Texts that spell dates or numbers as these; others as they are."""
    pattern, share, _ = find_pattern(texts.drop_nulls().unique())
    if share >= ORDERED:
        counts = instants(texts, DatetimeFormat(pattern)).utc
        return pl.Series(counts).replace(NONE, None)
    form = find_number_format(texts)
    values, unread = numbers(texts, form)
    if unread.sum() > (1 - ORDERED) * len(texts):
        return texts
    return pl.Series(values, nan_to_null=True)


def _order(rows: int, target: np.ndarray | None, seed: int) -> np.ndarray:
    """All rows in random order, then by class if there are any."""
    shuffled = np.random.default_rng(seed).permutation(rows)
    if target is None or target.dtype.kind != "i":
        return shuffled
    return shuffled[np.argsort(target[shuffled], kind="stable")]


def _every(order: np.ndarray, share: float) -> np.ndarray:
    """Rows at even distances along an order: systematic sampling, so each run of one class gives
    its share to within a row, and no two neighbours go."""
    steps = np.floor((np.arange(len(order) + 1) + 0.5) * share)
    taken = np.flatnonzero(np.diff(steps) > 0)
    if not len(taken):
        taken = np.array([len(order) // 2])
    return np.sort(order[taken])


def _without_lone(test: np.ndarray, target: np.ndarray | None) -> np.ndarray:
    """Test rows less those that are the only ones of their class, unless none would be left."""
    if target is None or target.dtype.kind != "i":
        return test
    classes, counts = np.unique(target, return_counts=True)
    kept = test[~np.isin(target[test], classes[counts == 1])]
    return kept if len(kept) else test


def _whole_groups(
    groups: np.ndarray, share: float, seed: int, source: str, column: str
) -> np.ndarray:
    different, which, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(different) < 2:
        raise DataError("E-DATA-052", source=source, column=column)
    shuffled = np.random.default_rng(seed).permutation(len(different))
    wanted = share * len(groups)
    before = np.cumsum(sizes[shuffled]) - sizes[shuffled]
    # a group goes to the test rows if at least half of it is needed to reach the share
    taken = shuffled[before + sizes[shuffled] / 2 <= wanted]
    if not len(taken):  # large groups only: the smallest comes nearest to the share
        taken = shuffled[[np.argmin(sizes[shuffled])]]
    return np.flatnonzero(np.isin(which, taken))


def _latest(order: np.ndarray, share: float, source: str, column: str) -> np.ndarray:
    """The rows from the instant on that cuts off the share most closely. order: (rows,)."""
    instants, counts = np.unique(order, return_counts=True)
    if len(instants) < 2:
        raise DataError("E-DATA-053", source=source, column=column)
    after = np.cumsum(counts[::-1])[::-1][1:]  # rows from the second instant on, third, …
    first = instants[1:][np.argmin(np.abs(after - share * len(order)))]
    return np.flatnonzero(order >= first)


def _group_parts(groups: np.ndarray) -> np.ndarray:
    """(rows,) the part of each row: whole groups, parts as even as they can be."""
    from sklearn.model_selection import GroupKFold

    count = min(PARTS, len(np.unique(groups)))
    parts = np.empty(len(groups), dtype=np.int64)
    for part, (_, rows) in enumerate(GroupKFold(count).split(groups, groups=groups)):
        parts[rows] = part
    return parts


def _row_parts(rows: int, target: np.ndarray | None, seed: int) -> np.ndarray:
    """(rows,) the part of each row; -1 for rows that must always train."""
    order = _order(rows, target, seed)
    if target is not None and target.dtype.kind == "i":
        classes, counts = np.unique(target, return_counts=True)
        repeated = np.isin(target[order], classes[counts > 1])
        order = order[repeated] if repeated.sum() >= 2 else order
    parts = np.full(rows, -1)
    parts[order] = np.arange(len(order)) % max(2, min(PARTS, len(order) // 2))
    return parts

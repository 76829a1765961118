"""Suspects among the training rows: copies of the target, columns too good to be true, copies of
rows and of columns.

Looks at no more than SAMPLE_ROWS rows and SAMPLE_CELLS cells, the same ones each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from deeplode.data.column import Column, Kind
from deeplode.data.parse import NumberFormat, numbers
from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.messages import Notice

SAMPLE_ROWS, SAMPLE_CELLS = 20_000, 20_000_000
FEWEST_ROWS = 50  # below, much looks perfect by chance
ROWS_A_VALUE = 5  # mean rows of a value that its rows can tell on each other by
PERFECT = 0.9995  # AUC, purity or rank correlation of one column alone that no honest one has
SUM = 0.985  # R² from which a few columns nearly add up to the target
MOST_PARTS = 4  # columns tried as parts of such a sum
MOST_SUM_COLUMNS = 500  # numbers up to which sums are tried
COPIED_ROWS = 0.01  # share of rows that are copies, from which it is worth a word


@dataclass(frozen=True)
class Audit:
    """What was found. leave_out: columns that are the target under another name."""

    notices: tuple[Notice, ...] = ()
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Sample:
    """Sampled rows.

    frame: the features; numbers as float64, without infinities.
    levels: {feature: (rows,) int64}: the place of each value among the different ones in their
        order, from 1; 0 = missing.
    target: (rows,) int64 classes or float64 values, without gaps.
    """

    frame: pl.DataFrame
    levels: dict[str, np.ndarray]
    target: np.ndarray

    @property
    def classes(self) -> bool:
        return self.target.dtype.kind == "i"


def audit(train: Table, schema: Schema, target: np.ndarray, keep: Sequence[str] = ()) -> Audit:
    """Look for what would make the scores too good or the model useless.

    target: (rows,) int64 classes, or float64 values, of the training rows; none missing.
    keep: columns to leave among the features even if they are the target.
    """
    if not schema.features:
        return Audit()
    if len(train) < FEWEST_ROWS:
        return Audit()
    sample = _sample(train, schema, target)
    copies: list[tuple[str, float]] = []
    suspects: list[tuple[str, float]] = []
    for column, score in _alone(sample, schema):
        exact = _one_to_one(sample.levels[column.name], sample.target)
        (copies if exact else suspects).append((column.name, score))
    leave_out = [name for name, _ in copies if name not in keep]
    if len(leave_out) == len(schema.features):  # a model of something beats no model
        leave_out = []
    notices = [
        Notice("W-AUDIT-001" if name in leave_out else "W-AUDIT-002", name, _percent(score))
        for name, score in copies
    ]
    notices += [Notice("W-AUDIT-002", name, _percent(score)) for name, score in suspects]
    rest = schema.without([name for name, _ in copies + suspects])
    notices += [*_sums(sample, rest), *_gaps(sample, rest)]
    notices += [*_copied_rows(train, schema, target), *_copied_columns(sample, schema)]
    notices += _lonely_levels(rest, len(train))
    return Audit(tuple(notices), tuple(leave_out))


def _percent(score: float) -> dict[str, str]:
    """A score for a sentence; a rounded 1 only where it is one."""
    return {"score": "1" if score == 1 else f"{min(score, 0.9999):.4f}"}


def _sample(train: Table, schema: Schema, target: np.ndarray) -> _Sample:
    names = [column.name for column in schema.features]
    most = min(SAMPLE_ROWS, max(500, SAMPLE_CELLS // max(len(names), 1)))
    frame = train.frame.select(names)
    if len(train) > most:
        rows = np.sort(np.random.default_rng(0).choice(len(train), most, replace=False))
        frame, target = frame[rows], target[rows]
    frame = pl.DataFrame([_cells(frame[c.name], c) for c in schema.features])
    places = frame.select(pl.all().rank("dense").fill_null(0).cast(pl.Int64))
    levels = {name: places[name].to_numpy() for name in names}
    return _Sample(frame, levels, target)


def _cells(series: pl.Series, column: Column) -> pl.Series:
    """Cells whose order can be told: numbers read, infinities missing; words without their case
    where they are truths."""
    if column.kind == Kind.NUMBER:
        form = column.format if isinstance(column.format, NumberFormat) else NumberFormat()
        values = numbers(series, form)[0]
        finite = np.where(np.isfinite(values), values, np.nan)
        return pl.Series(series.name, finite, nan_to_null=True)
    if column.kind == Kind.BOOLEAN and series.dtype == pl.String:
        return series.str.strip_chars().str.to_lowercase()
    return series


def _alone(sample: _Sample, schema: Schema) -> list[tuple[Column, float]]:
    """The features that give the target away on their own, and how well."""
    found = []
    _, places = np.unique(sample.target, return_inverse=True)
    goal = _ranks(places)
    for column in schema.features:
        levels = sample.levels[column.name]
        score = 0.0
        if column.kind in (Kind.NUMBER, Kind.DATETIME):
            score = _by_order(levels, sample.target, goal)
        if score < PERFECT:
            score = max(score, _by_level(levels, sample.target))
        if score >= PERFECT:
            found.append((column, score))
    return found


def _by_order(levels: np.ndarray, target: np.ndarray, goal: np.ndarray) -> float:
    """How well the order of a column tells the target: AUC of two classes, |rank correlation| of
    numbers, 1 where more classes lie apart. goal: ranks of the target."""
    filled = levels > 0
    if filled.mean() < 0.5 or len(np.unique(target[filled])) < 2:
        return 0.0
    levels, target, goal = levels[filled], target[filled], goal[filled]
    if target.dtype.kind != "i":
        ranks = _ranks(levels)
        together = np.corrcoef(ranks, goal)[0, 1] if np.ptp(ranks) else 0.0
        return float(abs(together))
    classes = np.unique(target)
    if len(classes) > 2:
        along = target[np.lexsort((target, levels))]
        changes = int((along[1:] != along[:-1]).sum())
        return 1.0 if changes == len(classes) - 1 and len(along) > 20 * len(classes) else 0.0
    ranks, positive = _ranks(levels), target == classes[1]
    area = (ranks[positive].mean() - (positive.sum() + 1) / 2) / (~positive).sum()
    return float(max(area, 1 - area))


def _ranks(levels: np.ndarray) -> np.ndarray:
    """(rows,) float64 ranks of places from 0 on; equal ones share their mean rank."""
    counts = np.bincount(levels)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[levels])


def _by_level(levels: np.ndarray, target: np.ndarray) -> float:
    """How well the values of a column that repeat tell the target, each row by the others.

    Classes: share of rows whose class the other rows of their value share, 0 if a constant guess
    would do about as well. Numbers: share of the variance that the values explain.
    """
    _, which, sizes = np.unique(levels, return_inverse=True, return_counts=True)
    if not 2 <= len(sizes) <= len(levels) / ROWS_A_VALUE:
        return 0.0
    if target.dtype.kind != "i":
        return _explained(which, sizes, target)
    _, classes = np.unique(target, return_inverse=True)
    n_classes = int(classes.max()) + 1
    pairs, counts = np.unique(which * n_classes + classes, return_counts=True)
    most = np.zeros(len(sizes), dtype=np.int64)
    np.maximum.at(most, pairs // n_classes, counts)
    many = sizes > 1
    purity = float((most[many] - 1).sum() / (sizes[many] - 1).sum())
    guess = float(np.bincount(classes).max() / len(classes))
    return purity if 1 - purity <= 0.05 * (1 - guess) else 0.0


def _explained(which: np.ndarray, sizes: np.ndarray, target: np.ndarray) -> float:
    """Share of the variance between values, each row's own part in its mean taken out."""
    centred = target - target.mean()
    sums = np.bincount(which, centred)
    many = sizes[which] > 1
    others = (sums[which][many] - centred[many]) / (sizes[which][many] - 1)
    spread = float((centred[many] ** 2).sum())
    return 1 - float(((centred[many] - others) ** 2).sum()) / spread if spread else 0.0


def _one_to_one(levels: np.ndarray, target: np.ndarray) -> bool:
    """Whether each value of the column stands for one value of the target and the other way; of
    a target that hardly repeats, whether they rise, or rise and fall, together."""
    _, values = np.unique(target, return_inverse=True)
    size = int(values.max()) + 1
    if 2 * size > len(target):
        ranks = _ranks(values)
        upward, downward = _ranks(levels), _ranks(levels.max() - levels)
        return np.array_equal(upward, ranks) or np.array_equal(downward, ranks)
    pairs = len(np.unique(levels * size + values))
    return pairs == size == len(np.unique(levels))


def _sums(sample: _Sample, schema: Schema) -> list[Notice]:
    """A target that a few number columns (nearly) add up to, as fare + tip + tolls = total."""
    columns = [column for column in schema.features if column.kind == Kind.NUMBER]
    if sample.classes or not 2 <= len(columns) <= MOST_SUM_COLUMNS:
        return []
    cells = sample.frame.select(c.name for c in columns).fill_null(0.0).to_numpy()
    cells = cells.clip(-1e100, 1e100)
    spread = cells.std(axis=0)
    cells = (cells - cells.mean(axis=0)) / np.where(spread > 0, spread, 1)
    goal = sample.target - sample.target.mean()
    chosen: list[int] = []
    left = goal
    for _ in range(min(MOST_PARTS, len(columns))):
        place = int(np.argmax(np.abs(left @ cells)))
        if place in chosen:
            break
        chosen.append(place)
        weights = np.linalg.lstsq(cells[:, chosen], goal, rcond=None)[0]
        left = goal - cells[:, chosen] @ weights
        explained = 1 - float(left @ left) / max(float(goal @ goal), 1e-300)
        if explained >= SUM:
            names = ", ".join(repr(columns[place].name) for place in chosen)
            facts = {"columns": names, **_percent(explained)}
            return [Notice("W-AUDIT-003", columns[chosen[0]].name, facts)]
    return []


def _gaps(sample: _Sample, schema: Schema) -> list[Notice]:
    """Columns that are empty just where the target is one class."""
    if not sample.classes:
        return []
    notices = []
    names = [c.name for c in schema.features if c.missing > 0]
    classes, counts = np.unique(sample.target, return_counts=True)
    for name in names:
        empty = sample.levels[name] == 0
        near = classes[np.abs(counts - empty.sum()) <= 0.01 * counts]
        if any(((sample.target == one) != empty).sum() <= 0.01 * empty.sum() for one in near):
            notices.append(Notice("W-AUDIT-004", name))
    return notices


def _copied_rows(train: Table, schema: Schema, target: np.ndarray) -> list[Notice]:
    """Rows that repeat another one in every feature and the target."""
    frame = train.frame.select([c.name for c in schema.features])
    if frame.width * frame.height > 5 * SAMPLE_CELLS:
        most = max(1_000, 5 * SAMPLE_CELLS // frame.width)
        frame, target = frame.head(most), target[:most]
    keys = frame.with_columns(pl.Series("\0target", target)).hash_rows()
    copies = len(keys) - keys.n_unique()
    if copies < COPIED_ROWS * len(keys):
        return []
    return [Notice("W-AUDIT-005", None, {"copies": copies, "rows": len(keys)})]


def _copied_columns(sample: _Sample, schema: Schema) -> list[Notice]:
    """Features that repeat another one, in other units at most."""
    first: dict[bytes, str] = {}
    pairs = []
    for column in schema.features:
        files = column.kind in (Kind.IMAGE, Kind.AUDIO)  # the order of names says nothing of them
        cells = sample.frame[column.name].hash().to_numpy() if files else sample.levels[column.name]
        key = cells.tobytes()
        if key in first:
            pairs.append((first[key], column.name))
        first.setdefault(key, column.name)
    if not pairs:
        return []
    shown = ", ".join(f"{two!r} = {one!r}" for one, two in pairs[:8])
    shown += ", …" if len(pairs) > 8 else ""
    return [Notice("W-AUDIT-006", pairs[0][1], {"count": len(pairs), "pairs": shown})]


def _lonely_levels(schema: Schema, rows: int) -> list[Notice]:
    """Categories most of whose values occur in a row or two: nearly ids."""
    return [
        Notice("W-AUDIT-007", column.name, {"distinct": column.distinct})
        for column in schema.features
        if column.kind == Kind.CATEGORY and column.distinct > 0.5 * (1 - column.missing) * rows
    ]

"""Row moves: the least change of one column, or of two, that puts a row into another group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.parse import numbers
from deeplode.data.table import Table
from deeplode.encode.number import NumberEncoder
from deeplode.tasks.changed import Base, Ints
from deeplode.tasks.clustermodel import ClusterModel
from deeplode.tasks.typical import changeable

HALVINGS = 6  # of the way to what is typical: the least change is known to a 64th of it
DIGITS = 2  # after the first one of the whole way, that a number is rounded to

Floats = NDArray[np.float64]
Told = tuple[str | None, str | None]  # column and value
NOTHING: Told = (None, None)


def row_moves(model: ClusterModel, table: Table) -> pl.DataFrame:
    """For each row the least change of one column, else of two, on the way to what is typical of
    the next probable group that puts it there.

    Returns ``id``, ``cluster`` and ``to`` (1 …), ``column_1``, ``value_1``, ``column_2``,
    ``value_2`` (empty where no such change is enough). The least is that which moves the row's
    vector least; two columns go the same share of their ways, levels change at once.
    """
    base = Base.of(model, model.encoder.transform(table).batch)
    outputs = base.answered(base.x).outputs
    own = outputs.argmax(1) if len(outputs) else np.zeros(0, np.int64)
    least = _Least(table, base, own, _second(outputs, own))
    columns = base.differing(least.to) if len(base) else []
    least.try_each([(name,) for name in columns])
    least.try_each(list(combinations(columns, 2)))
    places = [pl.Series("cluster", own + 1), pl.Series("to", least.to + 1)]
    told = [
        pl.Series(f"{what}_{at + 1}", [one[at][place] for one in least.found], pl.String)
        for at in range(2)
        for place, what in enumerate(("column", "value"))
    ]
    return pl.DataFrame([table.ids.alias("id"), *places, *told])


def _second(outputs: Floats, own: Ints) -> Ints:
    """(rows,) the next probable group; the row's own where there is no other."""
    if outputs.shape[1] < 2 or not len(own):
        return own
    others = outputs.copy()
    others[np.arange(len(own)), own] = -1
    return np.asarray(others.argmax(1), np.int64)


class _Least:
    """The least change of each row so far. own, to: (rows,) its group, and that it is to go to."""

    def __init__(self, table: Table, base: Base, own: Ints, to: Ints) -> None:
        self.table, self.base, self.own, self.to = table, base, own, to
        self.found: list[list[Told]] = [[NOTHING, NOTHING] for _ in range(len(table))]
        self.parts = changeable(base.model.encoder)

    def try_each(self, sets: Sequence[tuple[str, ...]]) -> None:
        """Change each of these sets of columns in the rows that have no change yet."""
        left = np.flatnonzero([one[0] == NOTHING for one in self.found])
        size = np.full(len(self.found), np.inf)
        for names in sets if len(left) else ():
            rows = left[self._moved(left, names, np.ones(len(left)))]
            if not len(rows):
                continue
            cells = self._cells(rows, names, self._share(rows, names))
            part = self.base.rows(rows)
            far = (part.changed(cells) - part.x).norm(dim=1).numpy()
            for at in np.flatnonzero(far < size[rows]).tolist():
                size[rows[at]] = far[at]
                said: list[Told] = [(name, _written(cells[name][at])) for name in names]
                self.found[rows[at]] = [*said, NOTHING][:2]

    def _moved(self, rows: Ints, names: Sequence[str], share: Floats) -> NDArray[np.bool_]:
        """(rows,) whether so much of the way moves each."""
        part = self.base.rows(rows)
        told = part.answered(part.changed(self._cells(rows, names, share)))
        return np.asarray(
            (told.outputs.argmax(1) == self.to[rows]) & (self.to[rows] != self.own[rows])
        )

    def _share(self, rows: Ints, names: Sequence[str]) -> Floats:
        """(rows,) the least share of the way that moves rows which all of it moves."""
        low, high = np.zeros(len(rows)), np.ones(len(rows))
        for _ in range(HALVINGS if any(map(self._is_number, names)) else 0):
            middle = (low + high) / 2
            across = self._moved(rows, names, middle)
            low, high = np.where(across, low, middle), np.where(across, middle, high)
        return high

    def _is_number(self, name: str) -> bool:
        return isinstance(self.parts[name], NumberEncoder)

    def _cells(self, rows: Ints, names: Sequence[str], share: Floats) -> dict[str, pl.Series]:
        """The cells of some rows in some columns after so much of the way."""
        found = {}
        for name in names:
            cells = self.table.frame[name][rows]
            goal = self.base.typical(name, self.to[rows])
            encoder = self.parts[name]
            if isinstance(encoder, NumberEncoder):
                now = numbers(cells, encoder.form)[0]
                found[name] = _on_the_way(
                    now, goal.to_numpy(), share, cells.dtype.is_integer()
                ).alias(name)
            else:
                own = cells.cast(goal.dtype, strict=False)
                found[name] = goal.zip_with(pl.Series(share > 0), own)
        return found


def _on_the_way(now: Floats, then: Floats, share: Floats, whole: bool) -> pl.Series:
    """Numbers after so much of the way, without digits that say nothing; an empty cell goes it at
    once. whole: the column's numbers are."""
    way = np.where(np.isfinite(now), then - now, 0.0)
    unit = 10.0 ** (np.floor(np.log10(np.where(way == 0, 1.0, np.abs(way)))) - DIGITS)
    unit = np.maximum(unit, 1.0) if whole else unit
    told = np.rint((then - way * (1 - share)) / unit) * unit
    return pl.Series(np.where(share < 1, np.where(share > 0, told, now), then))


def _written(cell: object) -> str:
    return f"{cell:.12g}" if isinstance(cell, float) else str(cell)

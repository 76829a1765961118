"""Typical cells: what rows of a group usually have in the columns that can be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.parse import numbers
from deeplode.data.table import Table
from deeplode.encode.boolean import BooleanEncoder
from deeplode.encode.category import CategoryEncoder
from deeplode.encode.encoder import Encoder
from deeplode.encode.number import NumberEncoder

Cell = str | float | bool
Typical = Mapping[str, Sequence[Cell]]  # column: a cell for each group


def typical_cells(
    table: Table, encoder: Encoder, labels: NDArray[np.int64], groups: int
) -> dict[str, list[Cell]]:
    """Of each column of numbers the cell in the middle, of categories the most frequent one.

    table: rows that formed the groups. labels: (rows,). A column that is empty in all rows of a
    group is left out.
    """
    found: dict[str, list[Cell]] = {}
    for name, part in changeable(encoder).items():
        own = [table.frame[name].filter(pl.Series(labels == one)) for one in range(groups)]
        told = [
            _middle(one, part) if isinstance(part, NumberEncoder) else _mode(one) for one in own
        ]
        cells = [one for one in told if isinstance(one, str | int | float)]
        if len(cells) == groups:
            found[name] = cells
    return found


def changeable(encoder: Encoder) -> dict[str, NumberEncoder | CategoryEncoder | BooleanEncoder]:
    """The columns of numbers and levels, each with what encodes it alone."""
    found = {}
    for name in encoder.columns:
        part, *more = [part for part in encoder.parts if name in part.columns]
        if not more and isinstance(part, NumberEncoder | CategoryEncoder | BooleanEncoder):
            found[name] = part
    return found


def checked_typical(typical: Typical, encoder: Encoder, groups: int) -> Typical:
    """The cells as a model file has them. Raises ValueError where they cannot be of these columns
    and groups."""
    for name, cells in typical.items():
        plain = all(isinstance(one, str | int | float) for one in cells)
        if name not in changeable(encoder) or len(cells) != groups or not plain:
            raise ValueError(f"no typical cells of column {name!r}")
    return typical


def _middle(cells: pl.Series, part: NumberEncoder) -> float | None:
    values = numbers(cells, part.form)[0]
    there = np.sort(values[np.isfinite(values)])
    return float(there[(len(there) - 1) // 2]) if len(there) else None


def _mode(cells: pl.Series) -> object:
    counts = cells.drop_nulls().value_counts(name="rows")
    counts = counts.sort("rows", cells.name, descending=[True, False])
    return counts[cells.name][0] if len(counts) else None

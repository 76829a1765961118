"""Reasons: the columns that make a row odd, and what is usual in them, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.table import Table
from deeplode.encode.batch import MISSING, Batch
from deeplode.encode.encoder import Encoder
from deeplode.encode.number import NumberEncoder
from deeplode.messages import say

MOST = 3  # columns that are named
LEAST = 0.1  # share of the blame that a named column has
TAIL = 0.05  # of the training rows beyond each end of what is usual
LONGEST = 40  # characters of a cell
COMMON = 0.05  # share of rows from which on a level is not odd in itself


@dataclass(frozen=True)
class Usual:
    """What the training rows had in each input column.

    numbers: {column: (low, high)} between which nine in ten lie. levels: {column: {cell as text:
    share of rows}}, the frequent ones. missing: {column: share of empty cells}.
    """

    numbers: Mapping[str, tuple[float, float]]
    levels: Mapping[str, Mapping[str, float]]
    missing: Mapping[str, float]

    @classmethod
    def of(cls, table: Table, batch: Batch, encoder: Encoder) -> Usual:
        """Look at the training rows. batch: of the same rows."""
        rows, numbers, levels = max(1, len(table)), {}, {}
        missing: dict[str, float] = {}
        for part in encoder.parts:
            name = part.columns[0]
            places = encoder.places[name]
            if isinstance(part, NumberEncoder):
                cells = batch.numbers[:, places.numbers[0]].double().numpy()
                there = cells[~np.isnan(cells)] * part.scale.width + part.scale.center
                if len(there):
                    low, high = np.quantile(there, (TAIL, 1 - TAIL))
                    numbers[name] = (float(low), float(high))
                missing[name] = 1 - len(there) / rows
            elif len(part.category_names) == 1 and not part.media:
                slots = batch.categories[:, places.categories[0]].numpy()
                missing[name] = float((slots == MISSING).mean()) if len(slots) else 0.0
                counts = _cells(table.frame[name]).value_counts(name="rows", sort=True)
                often = counts.drop_nulls().head(100)
                pairs = zip(often[name].to_list(), often["rows"].to_list(), strict=True)
                levels[name] = {cell: count / rows for cell, count in pairs}
        return cls(numbers, levels, missing)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return {
            "numbers": {name: list(ends) for name, ends in self.numbers.items()},
            "levels": {name: dict(own) for name, own in self.levels.items()},
            "missing": dict(self.missing),
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Usual:
        """The inverse of ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        numbers = {str(name): _ends(*ends) for name, ends in facts["numbers"].items()}
        levels = {
            str(name): {str(cell): float(share) for cell, share in own.items()}
            for name, own in facts["levels"].items()
        }
        missing = {str(name): float(share) for name, share in facts["missing"].items()}
        return cls(numbers, levels, missing)

    def sentence(self, name: str, cell: Any) -> str:
        """What is odd about a cell, in words."""
        value = short(cell)
        if cell is None or value.strip() == "":
            share = self.missing.get(name, 0.0)
            return say("D-REASON-MISSING", column=name, share=100 * share)
        if name in self.numbers:
            low, high = self.numbers[name]
            return say("D-REASON-NUMBER", column=name, value=value, low=low, high=high)
        if name in self.levels:
            share = self.levels[name].get(str(cell).strip(), 0.0)
            code = "D-REASON-COMMON" if share >= COMMON else "D-REASON-RARE"
            return say(code, column=name, value=value, share=100 * share)
        return say("D-REASON-CELL", column=name, value=value)


def by_column(blame: NDArray[np.float64], columns: Sequence[str]) -> NDArray[np.float64]:
    """(rows, input columns) the blame of each input column, in the order of their first places.

    blame: (rows, columns of the matrix) >= 0. columns: the input column behind each.
    """
    names = list(dict.fromkeys(columns))
    places = np.array([names.index(name) for name in columns], np.int64)
    found = np.zeros((len(blame), len(names)))
    for at, place in enumerate(places.tolist()):
        found[:, place] += blame[:, at]
    return found


def reasons(
    blame: NDArray[np.float64], names: Sequence[str], table: Table, usual: Usual
) -> list[str]:
    """Why each row is odd: its columns that have most of the blame.

    blame: (rows, input columns) >= 0. names: of the columns.
    """
    told = []
    for row, parts in enumerate(blame):
        whole = parts.sum()
        order = np.argsort(-parts, kind="stable")[:MOST]
        odd = [names[at] for at in order if whole > 0 and parts[at] >= LEAST * whole]
        said = [usual.sentence(name, table.frame[name][row]) for name in odd]
        told.append(say("D-REASON-JOIN").join(said))
    return told


def _cells(series: pl.Series) -> pl.Series:
    """The cells as texts, blanks around them gone."""
    return series.cast(pl.String, strict=False).str.strip_chars()


def short(cell: Any) -> str:
    """A cell as a text of LONGEST characters at most."""
    if isinstance(cell, bytes):
        return f"{len(cell)} bytes"
    text = f"{cell:.6g}" if isinstance(cell, float) else str(cell)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _ends(low: Any, high: Any) -> tuple[float, float]:
    return float(low), float(high)

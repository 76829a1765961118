"""Examples: usual training rows, so that an odd one can be told beside the one nearest to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.table import Table
from deeplode.detectors.neighbours import Neighbours, kept_rows
from deeplode.messages import say
from deeplode.tasks.reasons import LEAST, MOST, by_column, short

KEPT = 1024  # rows, at most


@dataclass(frozen=True)
class Examples:
    """Training rows that were not called, nor known to be anomalies.

    places: where they stand among the rows that the neighbours detector keeps. ids: their names.
    cells: {input column: cells as short texts, None where empty}.
    """

    places: tuple[int, ...]
    ids: tuple[str, ...]
    cells: Mapping[str, Sequence[str | None]]

    @classmethod
    def of(
        cls, table: Table, columns: Sequence[str], odd: NDArray[np.bool_], chance: int
    ) -> Examples:
        """Of the training rows those that neighbours keep and that are not odd.

        columns: to tell of. chance: the seed by which neighbours were fitted.
        """
        rows = kept_rows(len(table), chance)
        places = np.flatnonzero(~odd[rows])[:KEPT]
        some = table.rows(rows[places])
        cells = {name: [_told(cell) for cell in some.frame[name]] for name in columns}
        return cls(tuple(places.tolist()), tuple(map(str, some.ids)), cells)

    def nearest(
        self, neighbours: Neighbours, x: Tensor, columns: Sequence[str], table: Table
    ) -> list[str]:
        """For each row the nearest example that is not the very row, and the columns in which they
        differ most, in words; '' without examples.

        x: (rows, matrix columns). columns: the input column behind each. table: the same rows.
        """
        if not self.places or not len(x):
            return [""] * len(x)
        reference = np.ascontiguousarray(neighbours.reference[list(self.places)])
        nearest = Neighbours(reference, len(reference), 1).nearest(x, 1)[0][:, 0]
        gaps = (x - torch.from_numpy(reference[nearest])).double().square().numpy()
        names = list(dict.fromkeys(columns))
        parts = by_column(gaps, columns)
        return [
            self._sentence(int(at), own, names, {name: table.frame[name][row] for name in names})
            for row, (at, own) in enumerate(zip(nearest, parts, strict=True))
        ]

    def _sentence(
        self, at: int, gaps: NDArray[np.float64], names: Sequence[str], cells: Mapping[str, Any]
    ) -> str:
        told = []
        for place in np.argsort(-gaps, kind="stable")[:MOST]:
            name = names[place]
            usual, value = self.cells[name][at], _told(cells[name])
            if gaps[place] >= LEAST * gaps.sum() and usual != value:
                both = {"usual": usual or say("D-EMPTY"), "value": value or say("D-EMPTY")}
                told.append(say("D-NEAREST-GAP", column=name, **both))
        code = "D-NEAREST" if told else "D-NEAREST-SAME"
        return say(code, id=short(self.ids[at]), gaps=say("D-NEAREST-JOIN").join(told))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        cells = {name: list(own) for name, own in self.cells.items()}
        return {"places": list(self.places), "ids": list(self.ids), "cells": cells}

    def fits(self, columns: Sequence[str], neighbours: Neighbours) -> bool:
        """Whether these may be examples of a model of such columns and neighbours."""
        return set(columns) == set(self.cells) and max((-1, *self.places)) < len(
            neighbours.reference
        )

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Examples:
        """The inverse of ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        places = tuple(int(place) for place in facts["places"])
        ids = tuple(str(one) for one in facts["ids"])
        cells = {
            str(name): [None if cell is None else str(cell) for cell in own]
            for name, own in facts["cells"].items()
        }
        if any(len(own) != len(places) for own in (ids, *cells.values())) or min((0, *places)) < 0:
            raise ValueError("These are no examples.")
        return cls(places, ids, cells)


def _told(cell: Any) -> str | None:
    """A cell as a short text, None where it is empty."""
    text = "" if cell is None else short(cell)
    return text if text.strip() else None

"""Group moves: how many rows of a group a change of one column, or two, puts into another group.

The columns take what is typical of the other group: its middle number, its most frequent level.
That is asked of the model and not of the world: whether such rows can be is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.encode.batch import Batch
from deeplode.evaluate.calibrate import wilson
from deeplode.tasks.changed import Base, Ints
from deeplode.tasks.clustermodel import Assigned, ClusterModel

GROUPS, NEAR = 50, 2  # groups that are asked about, and neighbours of each
ROWS, FEWEST = 200, 5  # rows of a group that are changed
MOST = 2  # columns that change together

Bools = NDArray[np.bool_]


def group_moves(
    model: ClusterModel,
    batch: Batch,
    labels: Ints,
    held: Bools,
    stop: Callable[[], object] = lambda: None,
) -> list[dict[str, Any]]:
    """The ``moves`` of result.json: from each group to the two nearest ones, which column, and
    which two, move most rows across.

    batch, labels: of all rows. held: (rows,) those that formed no group: where there are some,
    columns are chosen on the others and counted on these. Shares have Wilson's 95 % intervals;
    ``inside`` is the share of moved rows that lie within the other group, and not nowhere.
    """
    found: list[dict[str, Any]] = []
    every = Base.of(model, batch)
    for one in range(min(model.grouping.groups, GROUPS)):
        counted = _some(np.flatnonzero((labels == one) & (held | (not held.any()))))
        chosen = _some(np.flatnonzero((labels == one) & ~held))
        if min(len(counted), len(chosen)) < FEWEST:
            continue
        for other in _nearest(model, one):
            if stop():
                return found
            changes = _best(every.rows(chosen), every.rows(counted), other)
            ends = {"from": one + 1, "to": other + 1, "rows": len(counted)}
            found.append({**ends, "changes": changes})
    return found


def _best(chosen: Base, counted: Base, other: int) -> list[dict[str, Any]]:
    """The best change of one column, and with it the best second one; those that move rows, and
    more than before."""
    columns = chosen.differing(np.full(len(chosen), other))
    names: list[str] = []
    told: list[dict[str, Any]] = []
    for _ in range(min(MOST, len(columns))):
        tried = [[*names, name] for name in columns if name not in names]
        names = max(tried, key=lambda each: _nearer(chosen, each, other))
        answers = _asked(counted, names, other)
        across, inside = answers.outputs.argmax(1) == other, answers.cluster == other
        share = float(across.mean())
        if share <= (told[0]["share"] if told else 0.0):
            continue
        low, high = wilson(share, float(len(counted)))
        told.append(
            {
                "columns": names,
                "cells": [counted.model.typical[name][other] for name in names],
                "share": share,
                "low": low,
                "high": high,
                "inside": float(inside[across].mean()),
            }
        )
    return told


def _nearer(base: Base, names: Sequence[str], other: int) -> tuple[float, float]:
    """Share of the rows that the change moves to the other group, and how probable it is then."""
    outputs = _asked(base, names, other).outputs
    return float((outputs.argmax(1) == other).mean()), float(outputs[:, other].mean())


def _asked(base: Base, names: Sequence[str], other: int) -> Assigned:
    """What the model says of the rows with the other group's typical cells in these columns."""
    to = np.full(len(base), other)
    return base.answered(base.changed({name: base.typical(name, to) for name in names}))


def _some(rows: Ints) -> Ints:
    """ROWS of them, evenly."""
    return rows[np.linspace(0, len(rows) - 1, min(ROWS, len(rows))).astype(np.int64)]


def _nearest(model: ClusterModel, one: int) -> list[int]:
    """The groups whose middles are nearest to that of a group."""
    away = np.square(model.centers - model.centers[one]).sum(1)
    return [at for at in np.argsort(away, kind="stable").tolist() if at != one][:NEAR]

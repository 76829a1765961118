"""Cluster: rows to groups that have valleys between them, found without labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.clusters.candidates import CANDIDATES, Grouping, by_size
from deeplode.clusters.number import Found, Grounds, Stability, between, find, stability
from deeplode.clusters.vectors import fit_vectors
from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.encode.encoder import Encoded, Encoder
from deeplode.encode.number import NumberEncoder
from deeplode.errors import DataError
from deeplode.messages import Notice
from deeplode.progress import Listen, silent
from deeplode.runtime import Budget
from deeplode.tasks.clustermodel import ClusterModel, fitted_fences
from deeplode.tasks.cut import cut_short, nothing
from deeplode.tasks.stages import Stages
from deeplode.tasks.typical import typical_cells

FEWEST = 3  # rows
HELD = 0.25  # share of the rows that form no group, so that what is said of groups can be checked
FEW = 200  # rows below which all are needed to form groups
MOST = 20_000  # rows that form groups; the others are put into them
MOST_BAD = 0.05


@dataclass(frozen=True)
class Settings:
    """How to look for groups.

    clusters: how many; None to find out. checkpoint: folder that a killed run goes on from.
    """

    seed: int = 0
    threads: int = 1
    clusters: int | None = None
    most_bad: float = MOST_BAD
    checkpoint: Path | None = None


@dataclass(frozen=True)
class Clustered:
    """A model and how it came to be.

    found: of every candidate, by name. x: (rows, dimensions) vectors. labels: (rows,) groups of
    all rows, NOWHERE too. probability: (rows,) of that group. held: (rows,) which rows formed
    nothing; none where there are few. stability: of the answer, None where no time was left.
    """

    model: ClusterModel
    found: Mapping[str, Found]
    seconds: Mapping[str, float]
    x: Tensor
    probabilities: NDArray[np.float64]
    labels: NDArray[np.int64]
    held: NDArray[np.bool_]
    encoded: Encoded
    stability: Stability | None
    notices: tuple[Notice, ...] = field(default=())

    @property
    def answer(self) -> Found:
        """The candidate that answers."""
        return self.found[self.model.grouping.name]


def check_rows(table: Table, clusters: int | None) -> None:
    """Raise DataError for fewer rows than FEWEST, or than clusters."""
    least = max(FEWEST, clusters or 0)
    if len(table) < least:
        raise DataError("E-DATA-160", source=table.source, rows=len(table), least=least)


def cluster(
    table: Table, schema: Schema, settings: Settings, budget: Budget, listen: Listen = silent
) -> Clustered:
    """Form groups in every space, and let the one with the clearest valleys answer.

    Raises LimitError when the budget leaves no time for any candidate, Interrupted when the user
    stopped before there was one.
    """
    listen("stage", name="encode")
    held = held_out(len(table), settings.seed)
    encoder = Encoder.fit(table.rows(np.flatnonzero(~held)), schema)
    encoded = encoder.transform(table, settings.most_bad)
    forming = _forming(held, settings.seed)
    own = encoded.batch.rows(torch.from_numpy(forming))
    vectors = fit_vectors(own, encoder.sizes.media, units_of(encoder), settings.seed)
    x = vectors.of(encoded.batch)
    rows = x[torch.from_numpy(forming)]
    grounds = Grounds.of(rows, settings.seed, vectors.free())
    found, seconds = _fit_all(rows, grounds, settings, budget, listen)
    if not found:
        raise nothing(budget)
    best = answering(found)
    listen("stage", name="stability")
    steady = stability(
        best, CANDIDATES[best.grouping.name][1], rows, grounds, settings.seed, budget
    )
    order = by_size(best.grouping.probabilities(x).argmax(1), best.grouping.groups)
    grouping = best.grouping.ordered(order)
    labels = grouping.probabilities(rows).argmax(1)
    fences = fitted_fences(rows, labels, grouping.groups)
    typical = typical_cells(table.rows(forming), encoder, labels, grouping.groups)
    model = ClusterModel(schema, encoder, vectors, grouping, *fences, typical)
    found[grouping.name] = Found(grouping, best.separation.ordered(order), best.tried)
    answers = model.assigned(x, encoded.flags)
    notices = (*encoded.notices, *cut_short(found, budget, tuple(CANDIDATES)))
    return Clustered(
        model, found, seconds, x, answers.outputs, answers.cluster, held, encoded, steady, notices
    )


def units_of(encoder: Encoder) -> NDArray[np.float64]:
    """(numbers,): what one of ``Batch.numbers`` is in its column's own unit, NaN where the column
    holds something else than numbers."""
    return np.array(
        [
            part.scale.width if isinstance(part, NumberEncoder) and not at else np.nan
            for part in encoder.parts
            for at in range(len(part.number_names))
        ]
    )


def held_out(rows: int, seed: int) -> NDArray[np.bool_]:
    """(rows,) which rows form no group: HELD of them, none of few."""
    held = np.zeros(rows, bool)
    if rows >= FEW:
        held[np.random.default_rng(seed).permutation(rows)[: round(HELD * rows)]] = True
    return held


def _forming(held: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """Rows that form groups, in their order: all that are not held out, at most MOST."""
    order = np.random.default_rng(seed + 1).permutation(np.flatnonzero(~held))
    return np.sort(order[:MOST])


def answering(found: Mapping[str, Found]) -> Found:
    """The candidate with the most groups and the clearest valleys between them; the simplest of
    equals."""
    return max(found.values(), key=lambda one: one.grouping.groups * one.separation.clear())


def _fit_all(
    rows: Tensor, grounds: Grounds, settings: Settings, budget: Budget, listen: Listen
) -> tuple[dict[str, Found], dict[str, float]]:
    """Every candidate that the budget leaves time for."""
    stages: Stages[Grouping] = Stages(settings.checkpoint, _restored)
    found: dict[str, Found] = {}
    seconds: dict[str, float] = {}
    for name in CANDIDATES:
        if budget.stop():
            break
        listen("stage", name=name)
        began = monotonic()
        grouping, pairs, _ = stages.run(name, _fit(name, rows, grounds, settings, budget))
        tried = {int(clouds): int(groups) for clouds, groups in pairs.tolist()}
        found[name] = between(grouping, rows, grounds, settings.seed, tried)
        seconds[name] = monotonic() - began
    return found, seconds


def _fit(
    name: str, rows: Tensor, grounds: Grounds, settings: Settings, budget: Budget
) -> Callable[[], tuple[Grouping, NDArray[np.float64]]]:
    """What forms a candidate's groups; beside them the pairs of clouds and groups tried."""
    fit_space, form = CANDIDATES[name]

    def run() -> tuple[Grouping, NDArray[np.float64]]:
        space = fit_space(rows, settings.seed, budget, settings.threads)
        clusters, seed = settings.clusters, settings.seed
        made = find(name, space, form, rows, grounds, clusters, seed, budget)
        return made.grouping, np.array(sorted(made.tried.items()), np.float64).reshape(-1, 2)

    return run


def _restored(name: str, facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> Grouping:
    return Grouping.restore(facts, arrays)

"""Detect: rows to a model of what is odd among them, without labels or with a few known cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.detectors.bags import Bags
from deeplode.detectors.detector import Detector
from deeplode.detectors.matrix import fit_matrix
from deeplode.detectors.null import fit_null
from deeplode.detectors.ranks import FITS, KINDS, Ranks, together
from deeplode.detectors.semisupervised import SemiSupervised, fit_semisupervised
from deeplode.encode.encoder import Encoded, Encoder
from deeplode.errors import DataError
from deeplode.messages import Notice
from deeplode.progress import Listen, silent
from deeplode.runtime import Budget
from deeplode.tasks.anomalies import AnomalyModel
from deeplode.tasks.cut import cut_short, nothing
from deeplode.tasks.examples import Examples
from deeplode.tasks.reasons import Usual
from deeplode.tasks.stages import Stages

FEWEST = 2  # rows: one alone has nothing beside it
MOST_BAD = 0.05


@dataclass(frozen=True)
class Settings:
    """How to look for anomalies.

    clean: the rows are known to be normal. share: of the rows that are anomalies, None to estimate
    it. capacity: rows to call, the oddest ones; None where the share decides.
    known: (rows,) which ones are known to be anomalies, None where no row is labelled.
    checkpoint: folder that a killed run goes on from.
    """

    seed: int = 0
    threads: int = 1
    clean: bool = False
    share: float | None = None
    capacity: int | None = None
    most_bad: float = MOST_BAD
    checkpoint: Path | None = None
    known: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Detected:
    """A model and how it came to be.

    scores: (rows,) of the training rows, 0 … 1, by detectors that do not know the row by heart, or
    that it is a known case. known: (rows,) which ones are, None without any.
    parts: the raw scores of every detector, (rows,), the one that answers too.
    seconds: to fit each. encoded: the training rows.
    """

    model: AnomalyModel
    scores: NDArray[np.float64]
    parts: Mapping[str, NDArray[np.float64]]
    seconds: Mapping[str, float]
    encoded: Encoded
    notices: tuple[Notice, ...]
    known: NDArray[np.bool_] | None = None


def check_rows(table: Table) -> None:
    """Raise DataError for fewer than FEWEST rows."""
    if len(table) < FEWEST:
        raise DataError("E-DATA-097", source=table.source, rows=len(table), least=FEWEST)


def detect(
    table: Table, schema: Schema, settings: Settings, budget: Budget, listen: Listen = silent
) -> Detected:
    """Fit every detector, put them together, and find where oddness begins.

    Raises LimitError when the budget leaves no time for any detector, Interrupted when the user
    stopped before there was one.
    """
    listen("stage", name="encode")
    encoder = Encoder.fit(table, schema)
    encoded = encoder.transform(table, settings.most_bad)
    batch = encoded.batch
    matrix = fit_matrix(batch)
    x = matrix.of(batch)
    found, parts, seconds = fit_detectors(x, settings, settings.clean, budget, listen)
    if not found:
        raise nothing(budget)
    listen("stage", name="calibrate")
    ranks = weighed(found, x, settings, budget)
    parts[ranks.name] = ranks.combined(parts)
    answer: Ranks | SemiSupervised = ranks
    if settings.known is not None:
        listen("stage", name="semi_supervised")
        told = (settings.known, settings.seed, budget, settings.threads, parts)
        stages: Stages[Bags] = Stages(settings.checkpoint, _bags)
        answer, parts[SemiSupervised.name] = fit_semisupervised(
            ranks, x, *told, lambda name, fit: stages.run(name, fit)[:2]
        )
    least = 0.0 if settings.known is None else float(settings.known.mean())
    null = fit_null(answer.held, settings.clean, settings.seed, least)
    usual = Usual.of(table, batch, encoder)
    model = AnomalyModel(schema, encoder, matrix, answer, null, 1.0, usual)
    scores = model.calibrated(parts[answer.name])
    model = _with_examples(_called(model, scores, settings), table, scores, settings)
    notices = (*encoded.notices, *cut_short(found, budget, tuple(FITS)))
    return Detected(model, scores, parts, seconds, encoded, notices, settings.known)


def fit_detectors(
    x: Tensor, settings: Settings, clean: bool, budget: Budget, listen: Listen
) -> tuple[dict[str, Detector], dict[str, NDArray[np.float64]], dict[str, float]]:
    """Every detector that the budget leaves time for, its scores of the rows, and its seconds.

    x: (rows, columns) float32. clean: the rows are known to be normal.
    """
    stages: Stages[Detector] = Stages(settings.checkpoint, _restored)
    found: dict[str, Detector] = {}
    parts: dict[str, NDArray[np.float64]] = {}
    seconds: dict[str, float] = {}
    for name in FITS:
        if budget.stop():
            break
        listen("stage", name=name)
        fit = _fit(name, x, replace(settings, clean=clean), budget)
        found[name], parts[name], seconds[name] = stages.run(name, fit)
    return found, parts, seconds


def weighed(
    found: Mapping[str, Detector],
    x: Tensor,
    settings: Settings,
    budget: Budget,
    blocks: NDArray[np.int64] | None = None,
) -> Ranks:
    """The detectors put together, as ``together`` has it. x: (rows, columns) float32."""
    stages: Stages[Ranks] = Stages(settings.checkpoint, _ranks)

    def fit() -> tuple[Ranks, NDArray[np.float64]]:
        told = (settings.seed, settings.clean, budget, settings.threads, blocks)
        return together(found, x, *told), np.empty(0)

    return stages.run(Ranks.name, fit)[0]


def _ranks(name: str, facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> Ranks:
    return Ranks.restore(facts, arrays)


def _bags(name: str, facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> Bags:
    return Bags.restore(facts, arrays)


def _fit(
    name: str, x: Tensor, settings: Settings, budget: Budget
) -> Callable[[], tuple[Detector, NDArray[np.float64]]]:
    """What fits a detector and scores the training rows by it."""

    def run() -> tuple[Detector, NDArray[np.float64]]:
        made = FITS[name](x, settings.seed, settings.clean, budget, settings.threads)
        return made, made.score(x)

    return run


def _restored(name: str, facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> Detector:
    made: Detector = KINDS[name].restore(facts, arrays)
    return made


def _with_examples(
    model: AnomalyModel, table: Table, scores: NDArray[np.float64], settings: Settings
) -> AnomalyModel:
    """The model with usual rows, as its threshold and the user's known cases have it."""
    odd = scores >= model.threshold
    if settings.known is not None:
        odd |= settings.known
    return replace(model, examples=Examples.of(table, model.blamable, odd, settings.seed))


def _called(model: AnomalyModel, scores: NDArray[np.float64], settings: Settings) -> AnomalyModel:
    """The model with the threshold that the user's share or capacity sets, or its own."""
    threshold = float(model.calibrated(np.array([model.null.threshold]))[0])
    if not settings.clean:  # the oddest row is always worth a look
        threshold = min(threshold, float(scores.max()))
    wanted = settings.capacity
    if wanted is None and settings.share is not None:
        wanted = max(1, round(settings.share * len(scores)))
    if wanted is not None:
        order = np.sort(scores)[::-1]
        threshold = float(order[min(wanted, len(order)) - 1])
    return replace(model, threshold=threshold)

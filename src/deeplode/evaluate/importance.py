"""Importance: how much worse the answers get when a column's cells are shuffled.

Breiman, Random Forests, Machine Learning 2001. All encoded columns of one source column are
shuffled together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.encode.batch import Batch, Places
from deeplode.evaluate.metrics import DECIDES, sign
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.resampled import Floats, kernel
from deeplode.runtime import Budget

ROWS = 2000
FEWEST_ROWS = 300
REPEATS = 5
PREDICTIONS = 500_000  # of all shuffles together; more columns are measured on fewer rows …
COLUMNS = 200  # … and of still more only these many, the first ones named
RESAMPLES = 40  # of the rows, each with each shuffle


def importance(
    predict: Callable[[Batch], Floats],
    batch: Batch,
    truth: NDArray[Any],
    problem: Problem,
    columns: Mapping[str, Places],
    weights: NDArray[np.float64] | None,
    budget: Budget,
) -> list[dict[str, Any]]:
    """How much the deciding metric worsens without each column, the worst first.

    predict: the final model. batch, truth, weights: rows to shuffle within.
    columns: source column: its places; those that matter most should come first, as columns
        beyond COLUMNS are not measured, nor those that the budget leaves no time for.
    Returns [{column, value, low, high}]: by how much the metric named in ``metrics.DECIDES``
    worsens, in its unit, with 95 % intervals over shuffles and rows together.
    """
    metric = DECIDES[problem.task]
    chosen = list(columns.items())[:COLUMNS]
    rng = np.random.default_rng(problem.seed)
    affordable = PREDICTIONS // (REPEATS * max(1, len(chosen)))
    rows = rng.permutation(len(truth))[: max(FEWEST_ROWS, min(ROWS, affordable))]
    batch, truth = batch.rows(torch.from_numpy(rows)), truth[rows]
    own = np.ones(len(rows)) if weights is None else weights[rows]
    often = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), RESAMPLES) * own
    weightings = np.concatenate([own[None], often])
    shuffles = [rng.permutation(len(rows)) for _ in range(REPEATS)]

    def score(outputs: Floats) -> Floats:
        return sign(metric) * kernel(problem, truth, outputs)(weightings)[metric]

    whole = score(predict(batch))
    found = []
    order = torch.from_numpy(np.concatenate(shuffles))
    in_order = torch.arange(len(rows)).repeat(REPEATS)
    repeated = batch.rows(in_order)
    for name, places in chosen:
        if budget.stop():
            break
        if batch.linked is None:
            outputs = predict(_arrange(repeated, batch, places, order))
            _arrange(repeated, batch, places, in_order)
        else:
            outputs = _linked(predict, batch, places, shuffles)
        each = [score(part) for part in np.split(outputs, REPEATS)]
        losses = whole - np.stack(each)  # (repeats, 1 + resamples)
        found.append({"column": name, **_summary(losses)})
    return sorted(found, key=lambda one: -float(one["value"]))


def _linked(
    predict: Callable[[Batch], Floats],
    batch: Batch,
    places: Places,
    shuffles: Sequence[NDArray[np.int64]],
) -> Floats:
    """Answers under one shuffle after the other: a node has one set of cells at a time."""
    mixed = (batch.shuffled(places, torch.from_numpy(one)) for one in shuffles)
    return np.concatenate([predict(one) for one in mixed])


def _arrange(repeated: Batch, batch: Batch, places: Places, order: Tensor) -> Batch:
    """``repeated`` with the cells of these places in this order of rows; its numbers and slots are
    changed in place, as copies of wide tables take long."""
    for whole, source, at in (
        (repeated.numbers, batch.numbers, list(places.numbers)),
        (repeated.categories, batch.categories, list(places.categories)),
    ):
        if at:
            whole[:, at] = source[:, at][order]
    media = (
        batch.media[at].rows(order) if at in places.media else own
        for at, own in enumerate(repeated.media)
    )
    return Batch(repeated.numbers, repeated.categories, tuple(media))


def _summary(losses: Floats) -> dict[str, float]:
    value = float(np.nan_to_num(losses[:, 0].mean()))
    samples = losses[:, 1:]
    samples = samples[np.isfinite(samples)]
    low, high = np.quantile(samples, (0.025, 0.975)) if len(samples) else (value, value)
    return {"value": value, "low": min(float(low), value), "high": max(float(high), value)}

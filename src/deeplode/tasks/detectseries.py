"""Detect on series: moments to a model of what is normal in them, and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.data.timeline import moment
from deeplode.detectors.detector import Detector
from deeplode.detectors.moments import Learned, fit_moments
from deeplode.detectors.null import fit_null
from deeplode.detectors.ranks import FITS, Ranks
from deeplode.encode.channels import Channels, Series
from deeplode.errors import DataError
from deeplode.messages import Notice
from deeplode.progress import Listen, silent
from deeplode.runtime import Budget
from deeplode.tasks.cut import cut_short, nothing
from deeplode.tasks.detect import Settings, fit_detectors, weighed
from deeplode.tasks.seriesmodel import SeriesModel, Watched

WINDOW = 30  # moments that an answer looks back on
PART = 10  # of the moments that a series is learned from: a window is no longer than one of these
ALARM = 3.0  # spreads above the middle of normal scores that raise an alarm, were all known
SURE = 20.0  # units out, in one thing alone, that raise an alarm whatever the tail of the scores
FEWEST = 10  # windows that share no moment: with fewer, what is normal is a guess
CLEAN = ("neighbours",)  # who answers where the moments are known to be normal; see RESULTS.md
HALVINGS = 40  # of the scores between which the one lies that gives so many events


@dataclass(frozen=True)
class Normal:
    """Which moments are known to be normal: all; so many first ones of each series; those before
    a time. Nothing set: none is known to be."""

    all: bool = False
    rows: int | None = None
    until: str | None = None

    @property
    def known(self) -> bool:
        """Whether any is."""
        return self.all or self.rows is not None or self.until is not None


@dataclass(frozen=True)
class Found:
    """A model and how it came to be.

    watched: its answers for the moments that it was made of. learned: (moments,) which of the
    ordered ones it learned from. parts: raw scores of every detector, (rows learned from,).
    seconds: to fit each.
    """

    model: SeriesModel
    watched: Watched
    learned: NDArray[np.bool_]
    parts: Mapping[str, NDArray[np.float64]]
    seconds: Mapping[str, float]
    notices: tuple[Notice, ...]


def detect_series(
    table: Table,
    schema: Schema,
    settings: Settings,
    normal: Normal,
    window: int | None,
    budget: Budget,
    listen: Listen = silent,
) -> Found:
    """Learn what is normal in series, and find the events in them.

    schema: with the role of the timestamp, and of the group where there are several series.
    window: moments that an answer looks back on; None = WINDOW, less where series are short.
    Raises DataError where a cell is no moment, no column is a channel, or no moment is normal;
    LimitError and Interrupted as ``detect`` does.
    """
    listen("stage", name="encode")
    encoder, series, notices = Channels.fit(table, schema)
    parts = _parts(series, normal, table, encoder)
    window = window or _window([part.stop - part.start for part in parts])
    learned = fit_moments(series.cells, series.line.starts, parts, window, normal.known)
    found, scores, seconds = fit_detectors(learned.x, settings, normal.known, budget, listen)
    if not found:
        raise nothing(budget)
    listen("stage", name="calibrate")
    ranks = _ranks(found, learned, settings, normal.known, budget)
    scores[ranks.name] = ranks.combined(scores)
    null = fit_null(ranks.held, normal.known, settings.seed)
    windows = len(learned.x) / window
    raised = null.threshold
    if normal.known:
        raised = min(null.bulk.score(_alarm(windows)), _sure(ranks, learned.x.shape[1]))
    first = normal.rows or 0
    model = SeriesModel(schema, encoder, learned.moments, ranks, null, raised, first)
    listen("stage", name="reasons")
    model, watched = _watched(model, series, settings)
    seen = np.zeros(len(series.base), np.bool_)
    for part in parts:
        seen[part] = True
    notices = (*notices, *_few(parts, window, windows), *cut_short(found, budget, tuple(FITS)))
    return Found(model, watched, seen, scores, seconds, notices)


def _watched(model: SeriesModel, series: Series, settings: Settings) -> tuple[SeriesModel, Watched]:
    """The model with the threshold that the user asks for, and what it says of the series."""
    watched = model.watch(series)
    raised = _raised(model, watched, settings)
    if raised == model.raised:
        return model, watched
    model = replace(model, raised=raised)
    return model, model.watch(series)


def _parts(series: Series, normal: Normal, table: Table, encoder: Channels) -> list[slice]:
    """Of each series, the ordered moments that it is learned from: at least one."""
    line = series.line
    heads = [*line.heads.tolist(), len(line.order)]
    until = None if normal.until is None else moment(normal.until, table, encoder.timestamp)
    parts = []
    for number, (head, end) in enumerate(pairwise(heads)):
        stop = end
        if normal.rows is not None:
            stop = min(end, head + normal.rows)
        elif until is not None:
            stop = head + int(np.searchsorted(line.times[head:end], until))
        if stop == head:
            name = line.names[number] or table.source
            values = {"source": table.source, "name": name, "until": normal.until}
            raise DataError("E-DATA-111", **values)
        parts.append(slice(head, stop))
    return parts


def _window(lengths: list[int]) -> int:
    """No longer than a part of the usual series."""
    return max(2, min(WINDOW, int(np.median(lengths)) // PART))


def _few(parts: list[slice], window: int, windows: float) -> list[Notice]:
    """Say that there is too little to tell what is normal. windows: that share no moment."""
    short = sum(part.stop - part.start < 2 * window for part in parts)
    told = {"count": short, "least": 2 * window}
    notices = [Notice("W-SERIES-011", None, told)] if short else []
    if windows < FEWEST:
        notices.append(Notice("W-SERIES-012", None, {"count": max(1, int(windows))}))
    return notices


def _alarm(windows: float) -> float:
    """Spreads above the middle that raise an alarm: Student's prediction limit for a new window
    at the rate of ALARM, since middle and spread come from so many windows that share nothing."""
    freedom = max(2.0, windows - 1)
    return float(stdtrit(freedom, ndtr(ALARM)) * np.sqrt(1 + 1 / (freedom + 1)))


def _sure(ranks: Ranks, features: int) -> float:
    """The score of a moment that is usual but for one thing, which is SURE units out: the least of
    such. Few windows tell little of the tail, and what they tell can be out of all reach."""
    out = SURE * torch.eye(features)
    return float(ranks.score(torch.cat([out, -out])).min())


def _ranks(
    found: Mapping[str, Detector],
    learned: Learned,
    settings: Settings,
    clean: bool,
    budget: Budget,
) -> Ranks:
    """The detectors that answer: on clean moments the one that found made-up faults best."""
    chosen = {name: one for name, one in found.items() if not clean or name in CLEAN}
    settings = replace(settings, clean=clean)
    return weighed(chosen or found, learned.x, settings, budget, learned.blocks)


def _raised(model: SeriesModel, watched: Watched, settings: Settings) -> float:
    """The score that the user's share of moments or number of events asks for, or its own."""
    raw = watched.raw
    if settings.share is not None:
        return float(np.quantile(raw, 1 - settings.share))
    wanted = settings.capacity
    if wanted is None:
        return model.raised
    low, high = float(raw.min()), float(np.nextafter(raw.max(), np.inf))
    for _ in range(HALVINGS):  # the lowest score that raises no more alarms than wanted
        half = (low + high) / 2
        few = len(replace(model, raised=half).events(raw, watched.series)) <= wanted
        low, high = (low, half) if few else (half, high)
    return high

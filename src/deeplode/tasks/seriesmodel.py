"""Series model: what says of each moment of a series how odd it is, and when something happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.detectors.detector import whole
from deeplode.detectors.moments import Moments, baseline
from deeplode.detectors.null import Null
from deeplode.detectors.ranks import Ranks
from deeplode.encode.channels import Channels, Series
from deeplode.parts import below, under
from deeplode.tasks.anomalies import calibrated
from deeplode.tasks.channelreasons import Why, reason
from deeplode.tasks.events import Event, events, numbered

CLOSE = 0.5  # spreads of normal scores that an alarm ends below the score that raises one


@dataclass(frozen=True)
class Watched:
    """What a model says of the moments of a table.

    raw: (moments,) the detector's scores, in order of series and time, as ``x``, (moments,
    features), and ``base``, the baselines' lines. found: the events, in that order, with ``why``.
    Everything else is in the table's order. outputs: (rows,) scores, 0 … 1, of what was known at
    the moment. event: (rows,) number of the event that it lies in, 0 = none.
    """

    series: Series
    moments: Moments
    x: Tensor
    base: NDArray[np.int64]
    raw: NDArray[np.float64]
    found: list[Event]
    why: list[Why]
    outputs: NDArray[np.float64]
    event: NDArray[np.int64]

    @property
    def anomaly(self) -> NDArray[np.bool_]:
        """(rows,): whether it lies in an event."""
        return np.asarray(self.event > 0)

    @property
    def reasons(self) -> list[str]:
        """(rows,): why, '' outside events."""
        told = ["", *(one.sentence() for one in self.why)]
        return [told[number] for number in self.event.tolist()]

    @property
    def flags(self) -> list[str]:
        """(rows,): what is odd about reading each."""
        words: list[str] = self.series.in_table(np.array(self.series.flags, object)).tolist()
        return words


@dataclass(frozen=True)
class SeriesModel:
    """Channels, what moments become, the detector that answers, and what its scores mean.

    raised: the detector's score that raises an alarm. first: moments at the beginning of a series
    that are taken for normal; 0: a series that is not known is compared with all others.
    """

    schema: Schema
    encoder: Channels
    moments: Moments
    detector: Ranks
    null: Null
    raised: float
    first: int

    verb = "detect"
    task = "anomaly"

    @cached_property
    def threshold(self) -> float:
        """The score, 0 … 1, that raises an alarm."""
        return float(calibrated(self.null, np.array([self.raised]))[0])

    @cached_property
    def ended(self) -> float:
        """The detector's score below which an alarm may end."""
        bulk = self.null.bulk
        return bulk.score(float(bulk.out(np.array([self.raised]))[0]) - CLOSE)

    def predict(self, table: Table) -> Watched:
        """Answer for every moment. Raises DataError where a column is absent or unreadable."""
        return self.watch(self.encoder.read(table))

    def scored(self, table: Table) -> NDArray[np.float64]:
        """(rows,) scores of a table's moments, 0 … 1."""
        return self.predict(table).outputs

    def watch(self, series: Series) -> Watched:
        """Answer for series that were read."""
        moments, base = self.moments, series.base
        if self.first:
            moments, base = _with_new(moments, series, self.first)
        x = moments.of(series.cells, series.line.starts, base)
        raw = self.detector.score(x)
        found = self.events(raw, series)
        blames = self.detector.blame(x[[one.at(raw) for one in found]])
        why = [
            self._why(moments, series, one, x, base, own)
            for one, own in zip(found, blames, strict=True)
        ]
        number = numbered(found, len(raw))
        outputs = calibrated(self.null, raw)
        in_table = series.in_table
        return Watched(
            series, moments, x, base, raw, found, why, in_table(outputs), in_table(number)
        )

    def _why(
        self,
        moments: Moments,
        series: Series,
        one: Event,
        x: Tensor,
        base: NDArray[np.int64],
        blame: NDArray[np.float64],
    ) -> Why:
        """The channels that make an event."""

        def mean(into: int) -> NDArray[np.float64]:
            place = np.array([one.raised + into])
            return np.asarray(moments.measured(series.cells, series.line.starts, place)[0])

        alarm = x[one.raised : one.last + 1]
        return reason(moments, self.encoder.names, alarm, int(base[one.raised]), blame, mean)

    def events(self, raw: NDArray[np.float64], series: Series) -> list[Event]:
        """The events that the detector's scores make. raw: (moments,) in order."""
        return events(raw, series.line.begins, self.raised, self.ended, self.moments.window)

    def frame(self, ids: pl.Series, answers: Watched) -> pl.DataFrame:
        """Answers as rows of ``predictions.parquet``: id, score, anomaly, event, reason, flags."""
        event = pl.Series("event", answers.event)
        return pl.DataFrame(
            [
                ids.alias("id"),
                pl.Series("score", answers.outputs),
                pl.Series("anomaly", answers.anomaly.astype(np.int8)),
                event.set(event == 0, None),
                pl.Series("reason", answers.reasons, dtype=pl.String),
                pl.Series("flags", answers.flags, dtype=pl.String),
            ]
        )

    def answered(self, table: Table) -> pl.DataFrame:
        """The answers for a table, a row a row, as ``predict`` of the program writes them."""
        return self.frame(table.ids, self.predict(table))

    def facts(self) -> dict[str, Any]:
        """What is not an array, ready for JSON: the ``schema.json`` of a model file."""
        return {
            "schema": self.schema.to_json(),
            "channels": self.encoder.to_json(),
            "moments": self.moments.facts(),
            "detector": self.detector.facts(),
            "null": self.null.facts(),
            "raised": self.raised,
            "first": self.first,
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays: ``<part>.<name>``."""
        return under({"moments": self.moments.arrays(), "detector": self.detector.arrays()})

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> SeriesModel:
        """The inverse. Raises ValueError, KeyError or TypeError for what no fit can have made."""
        raised = facts["raised"]
        if type(raised) is not float or not np.isfinite(raised):
            raise ValueError(f"no threshold: {raised!r}")
        encoder = Channels.from_json(facts["channels"])
        moments = Moments.restore(facts["moments"], below(arrays, "moments"))
        if moments.level.shape != (len(encoder.known) + 1, len(encoder.names)):
            raise ValueError("These baselines are of other series.")
        return cls(
            Schema.from_json(facts["schema"]),
            encoder,
            moments,
            Ranks.restore(facts["detector"], below(arrays, "detector")),
            Null.restore(facts["null"]),
            raised,
            whole(facts, "first", 0, 1 << 40),
        )


def _with_new(moments: Moments, series: Series, first: int) -> tuple[Moments, NDArray[np.int64]]:
    """Baselines from the first moments of each series that is not known."""
    unknown, base, more = len(moments.level) - 1, series.base.copy(), []
    heads = [*series.line.heads.tolist(), len(base)]
    for head, end in pairwise(heads):
        if series.base[head] == unknown:
            stop = min(head + first, end)
            begins = series.line.starts[head:stop] - head
            more.append(baseline(series.cells[head:stop], begins, moments.window))
            base[head:end] = unknown + len(more)
    return moments.joined(more), base

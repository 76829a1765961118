"""Forecast: a long table, a row a moment, as rows that each ask for one value to come.

A row stands at a moment (the origin) and asks for the target so many moments later (the step). All
it knows was there at the origin: the last values, those of the same phase of earlier periods, and
the other columns of the origin's row. Values count from a level, the mean of the last period, so
that what is learned holds at other heights; the level is added to the answer again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.parse import NumberFormat, find_number_format, numbers
from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.data.timeline import Timeline, timeline
from deeplode.errors import DataError

LAGS = 8  # last values that are seen one by one
PERIODS = 3  # earlier periods of which the value of the same phase is seen
SHORTEST = 8  # moments of the level where there is no period
PAIRS = 40_000  # origins times steps that are learned from and tested on, at most
LIKE = 0.3  # correlation of a series with itself from where on it has a period
NEAR = 0.95  # of the highest correlation: of such lags the shortest is the period
LONGEST = 1_000  # moments of a period that is looked for
FEWEST = 30  # moments, and three horizons, that a series must have
MOST = 10_000  # steps ahead

Values = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Names:
    """Columns of ours: none of the table's has such a name."""

    step: str = "steps ahead"
    when: str = "time"
    phase: str = "clock"
    block: str = "block"
    level: str = "level"
    naive: str = "last value"
    seasonal: str = "one period before"

    @classmethod
    def free(cls, taken: list[str], timestamp: str) -> Names:
        """Names that the table's columns leave free; the moments asked for have that of the
        timestamp."""
        found = {}
        for what, name in asdict(cls()).items():
            while name in taken:
                name += "_"
            found[what] = name
        return cls(**{**found, "when": timestamp})


@dataclass(frozen=True)
class Forecast:
    """How a long table becomes such rows; part of a model's schema.

    group: column that names the series; None = there is one. horizon: moments. period: moments, 1 =
    there is none. decimal: sign of the target's texts.
    """

    timestamp: str
    group: str | None
    target: str
    horizon: int
    period: int
    names: Names
    decimal: str = "."

    def __post_init__(self) -> None:
        whole = all(type(one) is int for one in (self.horizon, self.period))
        if not whole or not 1 <= self.horizon <= MOST or not 1 <= self.period <= LONGEST:
            raise ValueError(f"{self.horizon} moments ahead, periods of {self.period}")

    @property
    def back(self) -> int:
        """Moments that the level is the mean of."""
        return max(self.period, min(SHORTEST, self.horizon)) if self.period > 1 else SHORTEST

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Forecast:
        """The inverse. Raises KeyError, TypeError or ValueError if odd."""
        names = Names(**{name: str(own) for name, own in facts["names"].items()})
        group = None if facts["group"] is None else str(facts["group"])
        texts = (str(facts["timestamp"]), group, str(facts["target"]))
        return cls(*texts, facts["horizon"], facts["period"], names, str(facts["decimal"]))

    def lay(self, table: Table) -> Laid:
        """Put a long table in order. Raises DataError where a column is absent or no moment."""
        if self.target not in table.names:
            near = closest(self.target, table.names)
            values = {"column": self.target, "source": table.source, "closest": near}
            raise DataError("E-DATA-030", role="target", **values)
        line = timeline(table, self.timestamp, self.group)
        cells = numbers(table.frame[self.target], NumberFormat(self.decimal))[0][line.order]
        return Laid(self, table, line, np.where(np.isfinite(cells), cells, np.nan))


@dataclass(frozen=True, eq=False)
class Laid:
    """A long table in order. values: (moments,) the target, NaN where there is none."""

    forecast: Forecast
    table: Table
    line: Timeline
    values: Values

    def past(self, seed: int = 0) -> Table:
        """Rows whose answers are known, with the target as its distance from the level; evenly
        drawn where there are more than PAIRS."""
        place = np.arange(len(self.values))
        ends = np.append(self.line.heads[1:], len(place))[self.line.series]
        starts, horizon = self.line.starts, self.forecast.horizon
        able = (place - starts >= self.forecast.back - 1) & np.isfinite(self.values)
        origins = place[able]
        count = len(origins) * horizon
        some = np.arange(count)
        if count > PAIRS:
            some = np.sort(np.random.default_rng(seed).choice(count, PAIRS, replace=False))
        origin, step = origins[some // horizon], some % horizon + 1
        known = (origin + step < ends[origin]) & np.isfinite(
            self.values[np.minimum(origin + step, len(place) - 1)]
        )
        origin, step = origin[known], step[known]
        made = self._rows(origin, step, self.line.times[origin + step])
        level = made.frame[self.forecast.names.level].to_numpy()
        truth = pl.Series(self.forecast.target, self.values[origin + step] - level)
        return replace(made, frame=made.frame.with_columns(truth))

    def future(self) -> Table:
        """The next moments of every series, in order; ids say which series and when."""
        horizon, line = self.forecast.horizon, self.line
        last = np.append(line.heads[1:], len(self.values)) - 1
        origin = np.repeat(last, horizon)
        step = np.tile(np.arange(1, horizon + 1), len(last))
        return self._rows(origin, step, line.times[origin] + step * line.step)

    def _rows(self, origin: Places, step: Places, when: Values) -> Table:
        """origin: (rows,) places in order. when: (rows,) moments that are asked for."""
        names, line = self.forecast.names, self.line
        level = self._level(origin)
        plain = self.table.rows(line.order[origin])
        out = [self.forecast.target, self.forecast.timestamp]
        frame = plain.frame.drop(out).with_columns(
            pl.Series(names.step, step),
            *self._moments(when),
            pl.Series(names.block, self._blocks(when)),
            pl.Series(names.level, level),
            pl.Series(names.naive, self.values[origin] - level),
            pl.Series(names.seasonal, self._phase(origin, step, 1) - level),
            *(
                pl.Series(f"{names.naive} -{k}", self._lag(origin, k) - level)
                for k in range(1, LAGS)
            ),
            *(
                pl.Series(f"{names.seasonal} x{k}", self._phase(origin, step, k) - level)
                for k in range(2, PERIODS + 1 if self.forecast.period > 1 else 2)
            ),
        )
        return replace(plain, frame=frame, ids=self._ids(line.series[origin], when))

    def before(self, block: int) -> Places:
        """The places of moments in blocks before this one."""
        return np.flatnonzero(self._blocks(self.line.times) < block)

    def _blocks(self, when: Values) -> Places:
        """Which stretch of time, alike for a horizon or a period, moments are in; from 0 on."""
        span = max(self.forecast.horizon, self.forecast.period) * (self.line.step or 1.0)
        return np.asarray((when - self.line.times[0]) // span, np.int64)

    def _moments(self, when: Values) -> list[pl.Series]:
        """The moments that are asked for: where a split looks, and what of it can be learned."""
        names = self.forecast.names
        if not self.line.dates:
            return [pl.Series(names.when, when)]
        dates = pl.Series(names.when, np.round(when * 1e6).astype(np.int64)).cast(pl.Datetime("us"))
        return [dates, dates.alias(names.phase)]

    def _ids(self, series: Places, when: Values) -> pl.Series:
        """``machine 2024-05-01 00:00:00``, or without the series where there is one."""
        times = self._moments(when)[0]
        if self.line.dates:
            times = times.dt.round("1s").dt.to_string("%Y-%m-%d %H:%M:%S")
        times = times.cast(pl.String)
        if self.forecast.group is None:
            return times.alias("id")
        names = pl.Series(self.line.names)[series]
        return (names + " " + times).alias("id")

    def _lag(self, origin: Places, back: int | Places) -> Values:
        place = origin - back
        there = place >= self.line.starts[origin]
        return np.where(there, self.values[np.maximum(place, 0)], np.nan)

    def _phase(self, origin: Places, step: Places, periods: int) -> Values:
        """The value of the same phase, the ``periods``-th that is known at the origin."""
        period = self.forecast.period
        if period == 1:
            return self._lag(origin, 0)
        back = period * (np.ceil(step / period).astype(np.int64) + periods - 1) - step
        return self._lag(origin, back)

    def _level(self, origin: Places) -> Values:
        """The mean of the present ones of the last values."""
        there = np.isfinite(self.values)
        total = np.concatenate([[0.0], np.cumsum(np.where(there, self.values, 0.0))])
        count = np.concatenate([[0], np.cumsum(there)])
        first = np.maximum(self.line.starts[origin], origin + 1 - self.forecast.back)
        many = np.maximum(count[origin + 1] - count[first], 1)
        return np.asarray((total[origin + 1] - total[first]) / many)


def fit_forecast(
    table: Table, timestamp: str, group: str | None, target: str, horizon: int
) -> Forecast:
    """How rows ask ``horizon`` moments ahead; periods are found in the first four fifths of the
    moments. Raises DataError where no series is long enough, or the target holds no numbers."""
    names = Names.free(table.names, timestamp)
    cells = table.frame[target] if target in table.names else pl.Series([0.0])
    form = NumberFormat() if cells.dtype.is_numeric() else find_number_format(cells.cast(pl.String))
    plain = Forecast(timestamp, group, target, horizon, 1, names, form.decimal)
    laid = plain.lay(table)
    sizes = np.bincount(laid.line.series) if len(laid.values) else np.zeros(1, np.int64)
    least = max(FEWEST, 3 * horizon)
    if sizes.max() < least:
        told = {"source": table.source, "horizon": horizon, "least": least}
        raise DataError("E-DATA-120", longest=int(sizes.max()), **told)
    if np.isfinite(laid.values).mean() < 0.5:
        raise DataError("E-DATA-121", source=table.source, column=target)
    return replace(plain, period=_period(laid))


def _period(laid: Laid) -> int:
    """The lag at which series are most like themselves, beyond their first fall: 1 = none."""
    line = laid.line
    bounds = [*line.heads.tolist(), len(laid.values)]
    total, many = np.zeros(LONGEST + 1), np.zeros(LONGEST + 1)
    for head, end in pairwise(bounds):
        own = laid.values[head : head + int(0.8 * (end - head))]
        found = _alike(own)
        total[: len(found)] += found
        many[: len(found)] += 1
    mean = total / np.maximum(many, 1)
    mean[many == 0] = -1
    falls = np.flatnonzero(mean < LIKE / 2)
    falls = falls[many[falls] > 0]
    if not len(falls):
        return 1
    rest = mean[falls[0] :]
    near = np.flatnonzero(rest >= NEAR * rest.max())  # multiples of a period are as like as it
    first = int(near[0])
    best = first + int(rest[first : first + 2].argmax())
    return int(falls[0] + best) if rest[best] >= LIKE else 1


def _alike(values: Values) -> Values:
    """(lags,) correlation of a series with itself, its straight line taken off; as far as a
    third of it."""
    there = np.isfinite(values)
    most = min(LONGEST, len(values) // 3)
    if there.sum() < FEWEST:
        return np.zeros(0)
    place = np.arange(len(values))
    line = np.polyfit(place[there], values[there], 1)
    rest = np.where(there, values - np.polyval(line, place), 0.0)
    size = 1 << int(np.ceil(np.log2(2 * len(rest))))
    spectrum = np.abs(np.fft.rfft(rest, size)) ** 2
    found = np.fft.irfft(spectrum)[: most + 1] / np.maximum(len(rest) - np.arange(most + 1), 1)
    return np.asarray(found / max(found[0], 1e-300))

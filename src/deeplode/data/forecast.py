"""Forecast: a long table, a row a moment, as rows that each ask for one value to come.

A row stands at a moment (the origin) and asks for the target so many moments later (the step). All
it knows was there at the origin: the last values, those of the same phase of earlier periods, and
the other columns of the origin's row. Values count from a level, the mean of the last period, so
that what is learned holds at other heights; the level is added to the answer again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.parse import NumberFormat, find_number_format, numbers
from deeplode.data.period import LONGEST, period
from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.data.timeline import Timeline, moment_names, timeline
from deeplode.errors import DataError

LAGS = 8  # last values that are seen one by one
PERIODS = 3  # earlier periods of which the value of the same phase is seen
SHORTEST = 8  # moments of the level where there is no period
PAIRS = 40_000  # origins times steps that are learned from and tested on, at most
EARLY = 0.8  # share of a series that its period is found in
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
            while any(one == name or one.startswith(f"{name} ") for one in taken):
                name += "_"
            found[what] = name
        return cls(**{**found, "when": timestamp})

    def own(self, columns: Iterable[str]) -> list[str]:
        """Which columns of the rows are ours: nobody can leave one out."""
        several = (f"{self.naive} -", f"{self.seasonal} x")
        one = set(asdict(self).values())
        return [name for name in columns if name in one or name.startswith(several)]


@dataclass(frozen=True)
class Forecast:
    """How a long table becomes such rows; part of a model's schema.

    group: column that names the series; None = there is one. horizon: moments. period: moments, 1 =
    there is none. decimal: sign of the target's texts. longest: the longest period of the columns
    that are asked for together, 0 = it is asked for alone.
    """

    timestamp: str
    group: str | None
    target: str
    horizon: int
    period: int
    names: Names
    decimal: str = "."
    longest: int = 0

    def __post_init__(self) -> None:
        sizes = ((self.horizon, MOST), (self.period, LONGEST), (self.longest or 1, LONGEST))
        if not all(type(one) is int and 1 <= one <= most for one, most in sizes):
            raise ValueError(f"{self.horizon} moments ahead, periods of {self.period}")

    @property
    def back(self) -> int:
        """Moments that the level is the mean of."""
        return max(self.period, min(SHORTEST, self.horizon)) if self.period > 1 else SHORTEST

    @property
    def longest_period(self) -> int:
        """Moments, of all columns that are asked for together."""
        return self.longest or self.period

    @property
    def value(self) -> str:
        """The column of the answers."""
        return self.target

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns that are asked for."""
        return (self.target,)

    @property
    def unlearned(self) -> list[str]:
        """Columns of the rows that only lead back to the target's unit."""
        return [self.names.level]

    def asks(self, table: Table) -> bool:
        """Whether the rows of a table are such rows already."""
        return self.names.step in table.names

    def whole(self, away: Values, frame: pl.DataFrame) -> Values:
        """Values in the target's unit. away: (rows,) from the level of the rows of ``frame``; as
        they are where it does not tell the level."""
        told = self.names.level in frame.columns
        return away + frame[self.names.level].to_numpy() if told else away

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Forecast:
        """The inverse. Raises KeyError, TypeError or ValueError if odd."""
        names = Names(**{name: str(own) for name, own in facts["names"].items()})
        group = None if facts["group"] is None else str(facts["group"])
        texts = (str(facts["timestamp"]), group, str(facts["target"]))
        sizes = (facts["horizon"], facts["period"])
        return cls(*texts, *sizes, names, str(facts["decimal"]), facts.get("longest", 0))

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

    @property
    def parts(self) -> tuple[Laid, ...]:
        """Once a target."""
        return (self,)

    def past(self, seed: int = 0, most: int = PAIRS) -> Table:
        """Rows whose answers are known, with the target as its distance from the level; evenly
        drawn where there are more than ``most``."""
        place = np.arange(len(self.values))
        ends = np.append(self.line.heads[1:], len(place))[self.line.series]
        starts, horizon = self.line.starts, self.forecast.horizon
        able = (place - starts >= self.forecast.back - 1) & np.isfinite(self.values)
        origins = place[able]
        count = len(origins) * horizon
        some = np.arange(count)
        if count > most:
            some = np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
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
        level = self.level(origin)
        plain = self.table.rows(line.order[origin])
        out = [self.forecast.target, self.forecast.timestamp]
        frame = plain.frame.drop(out, strict=False).with_columns(
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
                for k in range(2, PERIODS + 1 if self.forecast.longest_period > 1 else 2)
            ),
        )
        return replace(plain, frame=frame, ids=self._ids(line.series[origin], when))

    def early(self) -> Iterator[Values]:
        """The first part of each series, that periods are found in."""
        for head, end in pairwise([*self.line.heads.tolist(), len(self.values)]):
            yield self.values[head : head + int(EARLY * (end - head))]

    def before(self, block: int) -> Places:
        """The places of moments in blocks before this one."""
        return np.flatnonzero(self._blocks(self.line.times) < block)

    def _blocks(self, when: Values) -> Places:
        """Which stretch of time, alike for a horizon or a period, moments are in; from 0 on."""
        span = max(self.forecast.horizon, self.forecast.longest_period) * (self.line.step or 1.0)
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
        cells = self.table.frame[self.forecast.timestamp]
        times = moment_names(self._moments(when)[0], cells)
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

    def level(self, origin: Places) -> Values:
        """(origins,) the mean of the present ones of the last values."""
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
    return replace(plain, period=period(laid.early()))

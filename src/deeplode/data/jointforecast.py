"""Joint forecast: several columns of a long table, asked of one model, a row a column.

Columns have units of their own. In a row each counts in its own step: the mean error that the value
of one period before (without a period: the last value) makes, as in Hyndman and Koehler's mean
absolute scaled error (2006). A row knows which column it asks for, and where the others stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from deeplode.data.forecast import PAIRS, Forecast, Laid, Names, Places, Values, fit_forecast
from deeplode.data.parse import NumberFormat, numbers
from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.data.timeline import Timeline, timeline
from deeplode.errors import DataError

EARLY = 0.7  # share of the moments that steps are measured on; what is held out comes later
MOST = 100  # columns


@dataclass(frozen=True)
class Channel:
    """A column that is asked for. decimal: sign of its texts. period: moments, 1 = there is none.
    step: what it counts in, in its own unit."""

    name: str
    decimal: str
    period: int
    step: float

    def __post_init__(self) -> None:
        if type(self.period) is not int or not 0 < self.step < float("inf"):
            raise ValueError(f"{self.name} counts in steps of {self.step}, every {self.period}")


@dataclass(frozen=True)
class JointForecast:
    """How a long table becomes such rows; part of a model's schema.

    each: how one column is asked for; its target is the column of all answers. channel: column
    that says which one a row asks for.
    """

    each: Forecast
    channel: str
    channels: tuple[Channel, ...]

    def __post_init__(self) -> None:
        names = {one.name for one in self.channels}
        if not 2 <= len(self.channels) <= MOST or len(names) < len(self.channels):
            raise ValueError(f"{len(self.channels)} columns are no joint forecast")

    @property
    def names(self) -> Names:
        """Columns of ours."""
        return self.each.names

    @property
    def period(self) -> int:
        """The longest one, moments; 1 = there is none."""
        return self.each.longest_period

    @property
    def value(self) -> str:
        """The column of the answers."""
        return self.each.target

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns that are asked for."""
        return tuple(one.name for one in self.channels)

    @property
    def unlearned(self) -> list[str]:
        """Columns of the rows that only lead back to the targets' units."""
        return self.each.unlearned

    def asks(self, table: Table) -> bool:
        """Whether the rows of a table are such rows already."""
        return self.each.asks(table)

    def steps(self, channels: pl.Series) -> Values:
        """(rows,) what each row counts in."""
        known = {one.name: one.step for one in self.channels}
        return np.array([known[name] for name in channels.to_list()], np.float64)

    def whole(self, away: Values, frame: pl.DataFrame) -> Values:
        """Values in the targets' units. away: (rows,) steps from the level of the rows of
        ``frame``; as they are where it does not tell the level."""
        if self.names.level not in frame.columns:
            return away
        return self.each.whole(away, frame) * self.steps(frame[self.channel])

    def lay(self, table: Table) -> JointLaid:
        """Put a long table in order. Raises DataError where a column is absent or no moment."""
        line = timeline(table, self.each.timestamp, self.each.group)
        values = [_values(table, one, line) / one.step for one in self.channels]
        parts = [
            Laid(replace(self.each, period=one.period), table, line, own)
            for one, own in zip(self.channels, values, strict=True)
        ]
        every, place = np.arange(len(line.order)), np.argsort(line.order)
        away = [(part.values - part.level(every))[place] for part in parts]
        columns = [pl.Series(*pair) for pair in zip(self.targets, away, strict=True)]
        beside = replace(table, frame=table.frame.with_columns(columns))
        return JointLaid(self, tuple(replace(part, table=beside) for part in parts))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        channels = [asdict(one) for one in self.channels]
        return {"each": self.each.to_json(), "channel": self.channel, "channels": channels}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> JointForecast:
        """The inverse. Raises KeyError, TypeError or ValueError if odd."""
        channels = tuple(
            Channel(str(one["name"]), str(one["decimal"]), one["period"], float(one["step"]))
            for one in facts["channels"]
        )
        return cls(Forecast.from_json(facts["each"]), str(facts["channel"]), channels)


@dataclass(frozen=True, eq=False)
class JointLaid:
    """A long table in order, once a channel."""

    forecast: JointForecast
    parts: tuple[Laid, ...]

    @property
    def line(self) -> Timeline:
        """The order."""
        return self.parts[0].line

    def past(self, seed: int = 0) -> Table:
        """Rows whose answers are known, as ``Laid.past``; all channels have as many."""
        most = PAIRS // len(self.parts)
        return self._joined([part.past(seed, most) for part in self.parts])

    def future(self) -> Table:
        """The next moments of every series, channel after channel."""
        return self._joined([part.future() for part in self.parts])

    def before(self, block: int) -> Places:
        """The places of moments in blocks before this one."""
        return self.parts[0].before(block)

    def _joined(self, several: Sequence[Table]) -> Table:
        named = [
            part.frame.with_columns(pl.lit(name).alias(self.forecast.channel))
            for name, part in zip(self.forecast.targets, several, strict=True)
        ]
        ids = pl.concat([part.ids for part in several])
        return replace(several[0], frame=pl.concat(named), ids=ids)


AnyForecast = Forecast | JointForecast
AnyLaid = Laid | JointLaid


def forecast_from_json(facts: Mapping[str, Any]) -> AnyForecast:
    """Of one target or of several. Raises KeyError, TypeError or ValueError if odd."""
    kind: type[AnyForecast] = JointForecast if "channels" in facts else Forecast
    return kind.from_json(facts)


def targets_of(target: str, names: Sequence[str]) -> tuple[str, ...]:
    """The columns that a text names: one that is a column, commas and all, or one a comma."""
    if target in names or "," not in target:
        return (target,)
    return tuple(dict.fromkeys(part.strip() for part in target.split(",") if part.strip()))


def fit_joint(
    table: Table, timestamp: str, group: str | None, targets: Sequence[str], horizon: int
) -> JointForecast:
    """How rows ask for several columns. Raises DataError as ``fit_forecast`` does, of any."""
    alone = [fit_forecast(table, timestamp, group, target, horizon) for target in targets]
    channels = tuple(
        Channel(one.target, one.decimal, one.period, _step(one.lay(table), one.period))
        for one in alone
    )
    longest = max(one.period for one in alone)
    names = alone[0].names
    taken = [*table.names, *asdict(names).values()]
    channel, value = _free("channel", taken), _free("value", taken)
    each = Forecast(timestamp, group, value, horizon, longest, names, longest=longest)
    return JointForecast(each, channel, channels)


def _values(table: Table, channel: Channel, line: Timeline) -> Values:
    """(moments,) in order, NaN where there is none."""
    if channel.name not in table.names:
        near = closest(channel.name, table.names)
        values = {"column": channel.name, "source": table.source, "closest": near}
        raise DataError("E-DATA-030", role="target", **values)
    cells = numbers(table.frame[channel.name], NumberFormat(channel.decimal))[0][line.order]
    return np.where(np.isfinite(cells), cells, np.nan)


def _step(laid: Laid, period: int) -> float:
    """The mean change over one period in the early moments, in the target's unit; 1 where there
    is none."""
    line = laid.line
    place = np.arange(period, len(laid.values))
    early = line.times[place] <= np.quantile(line.times, EARLY)
    place = place[early & (place - period >= line.starts[place])]
    change = np.abs(laid.values[place] - laid.values[place - period])
    change = change[np.isfinite(change)]
    mean = float(change.mean()) if len(change) else 0.0
    return mean if 0 < mean < float("inf") else 1.0


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name

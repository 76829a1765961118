"""Windows: a long table, a row a moment, as rows that each look back on the moments before.

A window is the last moments of a series up to a row's own, oldest first, of all channels. It goes
back to where the series begins, or goes on after a gap; what is lacking at the front is NaN. A row
keeps its other columns as they are at its moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.column import Column, Kind
from deeplode.data.kinds.boolean import TRUTHS
from deeplode.data.parse import BLANKS, MISSING_WORDS, NumberFormat, numbers
from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.data.timeline import Timeline, timeline
from deeplode.errors import DataError

IRREGULAR = 0.1  # share of the distances between moments that are not the usual one
OFF = 0.5  # of the usual distance, by which another is not it
LONGEST = 100_000  # moments of a window
NAMES = {"column": "series", "elapsed": "moments before", "steps": "since the moment before"}

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """How a long table is cut; part of a model's schema.

    group: column that names the series; None = there is one. column: of the windows. channels:
    the columns in them. length: moments of a window. whole: a series gets one answer, at its last
    moment, and windows reach over gaps; else each moment gets one. elapsed: column of the moments
    before a row in its series. steps: channel of the time since the moment before, None where
    moments come regularly.
    """

    timestamp: str
    group: str | None
    column: str
    channels: tuple[Column, ...]
    length: int
    whole: bool
    elapsed: str
    steps: str | None

    def __post_init__(self) -> None:
        if type(self.length) is not int or not 1 <= self.length <= LONGEST or not self.channels:
            raise ValueError(f"windows of {self.length} moments of {len(self.channels)} channels")

    @property
    def names(self) -> tuple[str, ...]:
        """The channels, that of the steps too."""
        own = tuple(channel.name for channel in self.channels)
        return own if self.steps is None else (*own, self.steps)

    @property
    def made(self) -> tuple[str, str]:
        """The columns of the rows that the long table does not have."""
        return self.column, self.elapsed

    @property
    def row_bytes(self) -> int:
        """Memory of one window."""
        return 4 * self.length * len(self.names)

    def are_cut(self, table: Table) -> bool:
        """Whether the rows of a table have their windows: as records, or as bytes in a file."""
        kind = table.frame.schema.get(self.column)
        return isinstance(kind, pl.Struct) or kind == pl.Binary

    def lay(self, table: Table) -> Laid:
        """Put a long table in order. Raises DataError where a column is absent or no moment."""
        needed = (self.timestamp, *(channel.name for channel in self.channels))
        absent = [name for name in needed if name not in table.names]
        if absent:
            told = {"columns": ", ".join(map(repr, absent[:20])), "count": len(absent)}
            near = closest(absent[0], table.names)
            raise DataError(
                "E-DATA-060", source=table.source, column=absent[0], closest=near, **told
            )
        line = timeline(table, self.timestamp, self.group)
        values = np.empty((len(self.names), len(table)), np.float32)
        for at, channel in enumerate(self.channels):
            with np.errstate(over="ignore"):
                values[at] = channel_values(table.frame[channel.name], channel)[0][line.order]
        if self.steps is not None:
            values[-1] = steps_of(line)
        return Laid(self, table, line, values)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "channels": [channel.to_json() for channel in self.channels],
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Windows:
        """The inverse of ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        told = {name: facts[name] for name in cls.__dataclass_fields__}
        for name in ("timestamp", "column", "elapsed", "group", "steps"):
            fits = isinstance(told[name], str) or (
                told[name] is None and name in ("group", "steps")
            )
            if not fits:
                raise TypeError(f"{name} is a name")
        if type(told["whole"]) is not bool:
            raise TypeError("whole is true or false")
        channels = tuple(Column.from_json(channel) for channel in facts["channels"])
        return cls(**{**told, "channels": channels})


@dataclass(frozen=True, eq=False)
class Laid:
    """A long table in order. values: (channels, moments) float32, NaN where there is none."""

    windows: Windows
    table: Table
    line: Timeline
    values: NDArray[np.float32]

    @cached_property
    def rows(self) -> Places:
        """Rows of the table that get an answer, in its order: all, or the last of each series, in
        the order in which the series first come."""
        line = self.line
        if not self.windows.whole or not len(line.order):
            return np.arange(len(self.table))
        first = np.minimum.reduceat(line.order, line.heads)
        return last_rows(line)[np.argsort(first)]

    @property
    def ids(self) -> pl.Series:
        """Of the rows that get an answer: the names of whole series, else those of the table."""
        windows = self.windows
        if windows.whole and windows.group is not None:
            return self.table.frame[windows.group][self.rows].alias("id")
        return self.table.ids[self.rows]

    @cached_property
    def _place(self) -> Places:
        """(rows,) where each row of the table stands in the order."""
        found = np.empty(len(self.table), np.int64)
        found[self.line.order] = np.arange(len(found))
        return found

    def at(self, rows: Places) -> Table:
        """These rows with their windows, without the columns of the channels."""
        own = [channel.name for channel in self.windows.channels]
        plain = self.table.rows(rows).without(own)
        return replace(plain, frame=plain.frame.hstack(self.cells(rows)))

    def cells(self, rows: Places) -> pl.DataFrame:
        """Of these rows, the windows and how many moments there were before."""
        windows, line = self.windows, self.line
        place = self._place[rows]
        head = line.heads[line.series[place]] if len(rows) else place
        over = windows.whole or windows.steps is not None
        start = head if over else line.starts[place]
        back = place[:, None] + np.arange(1 - windows.length, 1)
        there = back >= start[:, None]
        back = np.where(there, back, 0)
        cells = [
            pl.Series(name, np.where(there, own[back], np.float32(np.nan)))
            for name, own in zip(windows.names, self.values, strict=True)
        ]
        named = pl.DataFrame(cells).to_struct(windows.column)
        return pl.DataFrame([named, pl.Series(windows.elapsed, place - head)])


def last_rows(line: Timeline) -> Places:
    """The row of the last moment of each series, in the order of their names."""
    ends = np.append(line.heads[1:], len(line.order)) - 1
    return np.asarray(line.order[ends] if len(line.order) else line.order)


def steps_of(line: Timeline) -> NDArray[np.float64]:
    """(moments,) the time since the moment before in the same series; NaN where there is none."""
    apart = np.diff(line.times, prepend=np.nan)
    apart[line.heads[line.heads < len(apart)]] = np.nan
    return apart


def is_irregular(line: Timeline) -> bool:
    """Whether the distances between moments say something themselves."""
    apart = steps_of(line)
    apart = apart[np.isfinite(apart) & (apart > 0)]
    return bool(len(apart) and (np.abs(apart - line.step) > OFF * line.step).mean() > IRREGULAR)


def channel_values(
    series: pl.Series, column: Column
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A column of numbers or truths as numbers, (rows,), NaN where there is none, and (rows,)
    which cells hold something that is neither."""
    if column.kind == Kind.BOOLEAN and not series.dtype.is_numeric():
        if series.dtype == pl.Boolean:
            return series.cast(pl.Float64).to_numpy(), np.zeros(len(series), np.bool_)
        words = series.cast(pl.String, strict=False).str.strip_chars(BLANKS).str.to_lowercase()
        known = list(TRUTHS)
        truths = words.replace_strict(
            known, [float(TRUTHS[word]) for word in known], default=None, return_dtype=pl.Float64
        )
        filled = ~(words.is_null() | words.is_in(MISSING_WORDS))
        return truths.to_numpy(), (filled & truths.is_null()).to_numpy()
    form = column.format if isinstance(column.format, NumberFormat) else NumberFormat()
    return numbers(series, form)


def free_names(taken: Sequence[str]) -> dict[str, str]:
    """Names for the columns of ours that no column has."""
    found = {}
    for what, name in NAMES.items():
        while name in taken:
            name += "_"
        found[what] = name
    return found

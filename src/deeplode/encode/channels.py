"""Channels: a table of moments to series of numbers, in order of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.column import Column, Kind
from deeplode.data.deadchannels import dead_channels
from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.data.timeline import Timeline, timeline
from deeplode.data.windows import channel_values
from deeplode.encode.checks import check_columns, check_readable
from deeplode.encode.column import FILLED_IN, INFINITE, NOT_A_NUMBER, flag_words
from deeplode.errors import DataError
from deeplode.messages import Notice

LARGEST = 1e150  # numbers beyond count as this one: their squares must be numbers, too
NEW = "new_series"  # flag of moments of a series that the model was not made with


@dataclass(frozen=True, eq=False)
class Series:
    """The moments of a table by series, then by time.

    cells: (moments, channels) float64, NaN = missing. base: (moments,) int64, place of the series
    among those that were learned, their number for another one. flags: words, in that order, too.
    """

    cells: NDArray[np.float64]
    line: Timeline
    base: NDArray[np.int64]
    flags: list[str]

    def in_table(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the ordered moments, put back into the order of the table."""
        out = np.empty_like(values)
        out[self.line.order] = values
        return out


@dataclass(frozen=True)
class Channels:
    """Which columns are read. channels: numbers and truths. known: the series that were learned."""

    timestamp: str
    group: str | None
    channels: tuple[Column, ...]
    known: tuple[str, ...]

    media: ClassVar[tuple[()]] = ()  # a table of bare images or sounds is none of moments

    @classmethod
    def fit(cls, table: Table, schema: Schema) -> tuple[Channels, Series, tuple[Notice, ...]]:
        """Every number and truth that is a feature is a channel; what else there is stays out.

        Raises DataError where there is no channel, or a cell of the timestamp is no moment.
        """
        roles = schema.roles
        assert roles.timestamp is not None
        kinds = (Kind.NUMBER, Kind.BOOLEAN)
        chosen = tuple(column for column in schema.features if column.kind in kinds)
        left = [repr(column.name) for column in schema.features if column.kind not in kinds]
        if not chosen:
            told = ", ".join(left[:8]) or "—"
            raise DataError("E-DATA-110", source=table.source, columns=told)
        line = timeline(table, roles.timestamp, roles.group)
        made = cls(roles.timestamp, roles.group, chosen, line.names)
        values = {"count": len(left), "columns": ", ".join(left[:8])}
        notices = (Notice("W-SERIES-010", None, values),) if left else ()
        notices = (*line.notices, *notices, *dead_channels(table, chosen, line))
        return made, made._read(table, line), notices

    @property
    def names(self) -> tuple[str, ...]:
        """Of the channels."""
        return tuple(column.name for column in self.channels)

    def read(self, table: Table) -> Series:
        """The series of a table. Raises DataError where a column is absent or cannot be read."""
        check_columns(table, self.columns)
        return self._read(table, timeline(table, self.timestamp, self.group))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is needed."""
        grouped = () if self.group is None else (self.group,)
        return (self.timestamp, *grouped, *self.names)

    def probe_cells(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The input columns of some moments as they may travel in a model file."""
        return frame.select(self.columns)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact."""
        return {
            "timestamp": self.timestamp,
            "group": self.group,
            "channels": [column.to_json() for column in self.channels],
            "known": list(self.known),
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Channels:
        """The inverse. Raises KeyError, TypeError or ValueError for what could not be."""
        channels = tuple(Column.from_json(column) for column in facts["channels"])
        known = tuple(map(str, facts["known"]))
        if not channels or not known:
            raise ValueError("These are no channels.")
        group = None if facts["group"] is None else str(facts["group"])
        return cls(str(facts["timestamp"]), group, channels, known)

    def _read(self, table: Table, line: Timeline) -> Series:
        cells = np.empty((len(table), len(self.channels)))
        masks = np.zeros(len(table), np.uint8)
        for place, column in enumerate(self.channels):
            values, unread = channel_values(table.frame[column.name], column)
            check_readable(table, column.name, unread)
            infinite = np.isinf(values)
            lost = FILLED_IN * ~np.isfinite(values)
            masks |= (lost + INFINITE * infinite + NOT_A_NUMBER * unread).astype(np.uint8)
            cells[:, place] = np.clip(np.where(infinite, np.nan, values), -LARGEST, LARGEST)
        places = {name: place for place, name in enumerate(self.known)}
        own = np.array([places.get(name, len(places)) for name in line.names], np.int64)
        base = own[line.series]
        words = flag_words(masks[line.order])
        for at in np.flatnonzero(base == len(places)).tolist():
            words[at] = f"{words[at]} {NEW}".strip()
        return Series(cells[line.order], line, base, words)

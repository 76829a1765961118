"""Lookback: a problem whose rows are moments of series, made one whose rows hold windows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import psutil

from deeplode.data.audit import audit
from deeplode.data.column import Column, Kind
from deeplode.data.deadchannels import dead_channels
from deeplode.data.schema import Roles, Schema, infer
from deeplode.data.table import Table
from deeplode.data.timeline import Timeline, timeline
from deeplode.data.windows import (
    LONGEST,
    Windows,
    free_names,
    is_irregular,
    last_rows,
)
from deeplode.encode.target import TargetCode, missing_targets
from deeplode.errors import DataError, OptionError
from deeplode.messages import Notice
from deeplode.tasks.prepare import Plan

ROW = "\0row"  # column of the position that a row has in the long table
ALL = "all"  # moments: the whole series
USUAL = 80  # moments of a window where nothing is said and series are twice as long
SHARE = 0.2  # of the memory that windows may fill
COPIES = 3  # of a window: in the table, encoded, and on its way


@dataclass(frozen=True)
class Lookback:
    """plan: roles and split of the rows that get an answer. length: moments; None = all.

    line: the long table's order. every: so-manieth moments of each series, from its last one
    back, that are used.
    """

    plan: Plan
    length: int | None
    line: Timeline
    every: int = 1
    notices: tuple[Notice, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether each series gets one answer."""
        return self.length is None

    def rows(self, table: Table, line: Timeline | None = None) -> Table:
        """The rows that get an answer, with their positions in ROW. line: of ``table`` if it is
        another one than that of the plan."""
        line = line or self.line
        if self.whole:
            made = table.rows(last_rows(line))
            frame = made.frame.with_columns(_targets(table, line, self.plan.roles.target or ""))
            made = replace(made, frame=frame)
            rows = last_rows(line)
        else:
            ends = np.append(line.heads[1:], len(line.order))
            left = ends[line.series] - 1 - np.arange(len(line.order))
            rows = np.sort(line.order[left % self.every == 0])
            made = table.rows(rows)
        return replace(made, frame=made.frame.with_columns(pl.Series(ROW, rows)))

    def given(self, table: Table) -> Table:
        """As ``rows``, of a table of its own to test on."""
        roles = self.plan.roles
        return self.rows(table, timeline(table, str(roles.timestamp), self._group))

    @property
    def _group(self) -> str | None:
        return self.plan.roles.id if self.whole else self.plan.roles.group

    def windows(
        self, table: Table, train: Table, code: TargetCode
    ) -> tuple[Windows | None, tuple[Notice, ...]]:
        """How windows are cut, by training rows; None where there is no channel to look back on.

        train: labelled rows of ``table`` with ROW.
        """
        plan = self.plan
        learned = _of_series(table, train, self.line) if self.whole else train
        learned = learned.without((ROW, *([plan.split_column] if plan.split_column else [])))
        schema = infer(learned, plan.roles, plan.feature_kinds)
        target = np.array(code.encode(train.frame[code.name]))
        plain = train.without((ROW,))
        found = audit(plain, schema, target, keep=tuple(plan.feature_kinds))
        channels = self._channels(learned, schema.without(found.leave_out))
        if not channels:
            return None, ()
        taken = {channel.name for channel in channels}
        longest = 1
        if self._group is not None:
            longest = int(learned.frame.group_by(self._group).len()["len"].max())  # type: ignore[arg-type]
        names = free_names(table.names)
        made = Windows(
            str(plan.roles.timestamp), self._group, names["column"], channels,
            self.length or min(LONGEST, longest),
            self.whole, names["elapsed"], names["steps"] if is_irregular(self.line) else None,
        )  # fmt: skip
        suspects = (one for one in found.notices if one.column in taken)
        return made, (*suspects, *dead_channels(table, channels, self.line))

    def _channels(self, learned: Table, schema: Schema) -> tuple[Column, ...]:
        """Numbers and truths that change within a series."""
        kinds = (Kind.NUMBER, Kind.BOOLEAN)
        columns = [column for column in schema.features if column.kind in kinds]
        if self._group is None or not columns:
            return tuple(columns)
        names = [column.name for column in columns]
        counts = learned.frame.group_by(self._group).agg(pl.col(names).drop_nulls().n_unique())
        most = counts.select(pl.col(names).max()).row(0)
        static = [count <= 1 for count in most]
        if all(static):
            return tuple(columns)
        return tuple(one for one, same in zip(columns, static, strict=True) if not same)


def lookback(
    table: Table, plan: Plan, window: int | str | None, memory: int | None = None
) -> Lookback | None:
    """How the rows of a table look back; None where they are independent.

    window: moments, ``all``, or None: found from the data where both ``timestamp`` and ``group``
    are named. memory: bytes that the process may hold.
    Raises OptionError for a window that does not go with the roles or the split, DataError where
    series are too short, or have several targets but were to be taken whole.
    """
    roles = plan.roles
    if window is None and (roles.timestamp is None or roles.group is None):
        return None
    if window == 1 or roles.target not in table.names:
        return None
    if roles.timestamp is None:
        raise OptionError("E-OPT-180", window=window)
    if window == ALL and roles.group is None:
        raise OptionError("E-OPT-181")
    line = timeline(table, roles.timestamp, roles.group)
    length, notices = _length(table, line, roles, window)
    if length == 1:
        return None
    if length is None:
        return Lookback(_whole(plan), None, line, 1, (*_told(line, across=True), *notices))
    if plan.how == "random" and plan.split_column is None:
        raise OptionError("E-OPT-182", window=length)
    columns = len(table.names)
    room = SHARE * (memory or psutil.virtual_memory().available)
    every = max(1, int(np.ceil(len(table) * columns * length * 4 * COPIES / room)))
    if every > 1:
        notices.append(Notice("W-SERIES-006", None, {"every": every, "window": length}))
    told = _told(line, across=is_irregular(line))
    return Lookback(plan, length, line, every, (*told, *notices))


def _told(line: Timeline, across: bool) -> tuple[Notice, ...]:
    """What is odd about the moments; gaps do not matter to windows that reach across them."""
    return tuple(one for one in line.notices if not (across and one.code == "W-SERIES-003"))


def _length(
    table: Table, line: Timeline, roles: Roles, window: int | str | None
) -> tuple[int | None, list[Notice]]:
    """Moments of a window, None for whole series, and what to tell of a choice of ours."""
    sizes = np.bincount(line.series)
    if isinstance(window, int):
        if window > sizes.max(initial=0):
            longest = int(sizes.max(initial=0))
            raise DataError("E-DATA-101", source=table.source, window=window, longest=longest)
        return window, []
    split = _several(table, line, str(roles.target))
    if window == ALL and split is not None:
        where = {"source": table.source, "column": roles.target}
        raise DataError("E-DATA-102", group=line.names[split], **where)
    if len(sizes) < 2 or np.median(sizes) < 2:
        return (None, []) if window == ALL else (1, [])
    if split is None:
        told = {"count": len(sizes)}
        return None, [] if window == ALL else [Notice("W-SERIES-008", roles.group, told)]
    length = int(min(USUAL, max(2, np.median(sizes) // 2)))
    return length, [Notice("W-SERIES-005", roles.timestamp, {"window": length})]


def _several(table: Table, line: Timeline, target: str) -> int | None:
    """A series whose rows have several targets; None where there is none."""
    cells = table.frame[target]
    frame = pl.DataFrame({"series": line.series, "target": cells.gather(line.order)})
    counts = frame.filter(~missing_targets(frame["target"])).group_by("series").agg(
        pl.col("target").n_unique()
    )  # fmt: skip
    several = counts.filter(pl.col("target") > 1)["series"]
    return None if several.is_empty() else int(several.min())  # type: ignore[arg-type]


def _targets(table: Table, line: Timeline, target: str) -> pl.Series:
    """The target of each series: the last that is there."""
    if target not in table.names:
        return pl.Series(target, [None] * len(line.names))
    cells = table.frame[target].gather(line.order)
    frame = pl.DataFrame({"series": line.series, target: cells})
    found = frame.group_by("series", maintain_order=True).agg(pl.col(target).drop_nulls().last())
    return found[target]


def _whole(plan: Plan) -> Plan:
    """The plan of rows that are whole series: each is named by its group."""
    roles = replace(plan.roles, id=plan.roles.group, group=None)
    return replace(plan, roles=roles, how="time" if plan.how == "time" else "random")


def _of_series(table: Table, train: Table, line: Timeline) -> Table:
    """All moments of the series that these rows end."""
    which = np.empty(len(table), np.int64)
    which[line.order] = line.series
    own = np.isin(which, which[train.frame[ROW].to_numpy()])
    return table.rows(np.flatnonzero(own))

"""Prepared: a table with a target as training and test rows, series cut into windows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deeplode.data.forecast import fit_forecast
from deeplode.data.future import refuse_future
from deeplode.data.schema import Roles
from deeplode.data.table import Table
from deeplode.data.windows import Laid, Windows
from deeplode.encode.target import infer_target, missing_targets
from deeplode.messages import Notice
from deeplode.tasks.learn import Lesson
from deeplode.tasks.lookback import ROW, lookback
from deeplode.tasks.prepare import Plan, labelled, lesson, tested


@dataclass(frozen=True)
class Prepared:
    """What to learn from, what to test on (without rows where nothing was held out), and how rows
    were parted."""

    lesson: Lesson
    test: Table
    how: str
    train: int
    notices: tuple[Notice, ...]


def prepared_forecast(table: Table, plan: Plan, horizon: int) -> Prepared:
    """A long table as rows that ask for the target up to ``horizon`` moments ahead; the latest of
    these moments are held out. Raises DataError for series that are too short."""
    roles = plan.roles
    target, timestamp = str(roles.target), str(roles.timestamp)
    forecast = fit_forecast(table, timestamp, roles.group, target, horizon)
    laid = forecast.lay(table)
    rows, names = laid.past(plan.seed), forecast.names
    own = Roles(target=target, group=names.block, timestamp=names.when)
    told = {**(plan.kinds or {}), target: "number"}
    kinds = {name: kind for name, kind in told.items() if name in rows.names}
    asked = Plan(own, kinds, "time", plan.seed, forecast=forecast)
    labels, code = labelled(rows, asked)
    train, test, how, odd = tested(labels, code, asked, None)
    made, found = lesson(train, code, asked)
    learned = laid.before(int(train.frame[names.block].max()))  # type: ignore[arg-type]
    late = _refuse_future(table.rows(laid.line.order[learned]), laid.values[learned], made, plan)
    period = Notice("W-SERIES-020", timestamp, {"period": forecast.period})
    known = [period] if forecast.period > 1 else []
    notices = (*laid.line.notices, *known, *found, *late, *odd)
    return Prepared(made, test, how, len(train), notices)


def prepared(
    table: Table,
    plan: Plan,
    given: Table | None = None,
    window: int | str | None = None,
    memory: int | None = None,
) -> Prepared:
    """A table with a target, parted and made a lesson, series cut into windows.

    given: rows to test on; None = a share of ``table``. window, memory: as ``lookback`` has them.
    """
    look = lookback(table, plan, window, memory)
    rows, told = table, tuple[Notice, ...]()
    if look is not None:
        plan, rows = look.plan, look.rows(table)
        told = look.notices
    labels, code = labelled(rows, plan)
    asked = look.given(given) if look is not None and given is not None else given
    train, test, how, odd = tested(labels, code, plan, asked)
    moments, roles = train, plan
    if look is not None:
        windows, more = look.windows(table, train, code)
        told = (*told, *more)
        plan, train, test = _cut_both(plan, windows, (table, train), (given, test))
    made, found = lesson(train, code, plan)
    late = _refuse_future(moments, made.target, made, roles)
    if made.schema.id is not None and made.schema.id in test.names:
        test = test.with_ids(made.schema.id)
    return Prepared(made, test, how, len(train), (*told, *found, *late, *odd))


def taught(
    table: Table,
    plan: Plan,
    task: str | None = None,
    window: int | str | None = None,
    memory: int | None = None,
) -> tuple[Lesson, tuple[Notice, ...]]:
    """All rows of a table as a lesson, and what to know of it; as ``prepared``, with no row held
    out. task: ``classification`` or ``regression``."""
    look = lookback(table, plan, window, memory)
    rows, told = table, tuple[Notice, ...]()
    if look is not None:
        plan, rows, told = look.plan, look.rows(table), look.notices
    target = rows.frame[str(plan.roles.target)]
    code = infer_target(target, task)
    train = rows.rows(np.flatnonzero(~missing_targets(target)))
    moments, roles = train, plan
    if look is not None:
        windows, more = look.windows(table, train, code)
        told = (*told, *more)
        plan, train, _ = _cut_both(plan, windows, (table, train), (None, train.rows(np.arange(0))))
    made, found = lesson(train, code, plan)
    late = _refuse_future(moments, made.target, made, roles)
    return made, (*told, *found, *late)


def _refuse_future(
    moments: Table, target: NDArray[np.generic], made: Lesson, plan: Plan
) -> tuple[Notice, ...]:
    """``refuse_future`` of the columns that a lesson has, as they were before windows were cut.

    moments: training rows, a row a moment. plan: the roles and kinds that their columns have.
    """
    windows = made.schema.windows
    channels = () if windows is None else windows.channels
    columns = [one for one in (*made.schema.features, *channels) if one.name in moments.names]
    return refuse_future(moments, columns, plan.roles, target, tuple(plan.feature_kinds))


def _cut_both(
    plan: Plan,
    windows: Windows | None,
    train: tuple[Table, Table],
    test: tuple[Table | None, Table],
) -> tuple[Plan, Table, Table]:
    """Training and test rows with their windows. train, test: long table, None if it is that of
    training rows, and rows."""
    if windows is None:
        return plan, train[1].without((ROW,)), test[1].without((ROW,))
    names = {channel.name for channel in windows.channels}
    kinds = {name: kind for name, kind in (plan.kinds or {}).items() if name not in names}
    laid = windows.lay(train[0])
    other = laid if test[0] is None else windows.lay(test[0])
    made = replace(plan, kinds=kinds, windows=windows)
    return made, cut(laid, train[1]), cut(other, test[1])


def cut(laid: Laid, rows: Table) -> Table:
    """These rows of the long table with their windows in place of the channels and of ROW."""
    cells = laid.cells(rows.frame[ROW].to_numpy())
    plain = rows.without((ROW, *(channel.name for channel in laid.windows.channels)))
    return replace(plain, frame=plain.frame.hstack(cells))

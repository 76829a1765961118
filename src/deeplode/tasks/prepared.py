"""Prepared: a table with a target as training and test rows, series cut into windows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deeplode.data.forecast import fit_forecast
from deeplode.data.future import refuse_future
from deeplode.data.jointforecast import AnyForecast, AnyLaid, JointForecast, fit_joint, targets_of
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
    forecast = _asked(table, plan, horizon)
    laid = forecast.lay(table)
    rows, names = laid.past(plan.seed), forecast.names
    value = forecast.value
    own = Roles(target=value, group=names.block, timestamp=names.when)
    known = set(rows.names) - set(forecast.targets)
    kinds = {name: kind for name, kind in (plan.kinds or {}).items() if name in known}
    kinds[value] = "number"
    asked = Plan(own, kinds, "time", plan.seed, forecast=forecast)
    labels, code = labelled(rows, asked)
    train, test, how, odd = tested(labels, code, asked, None)
    made, found = lesson(train, code, asked)
    learned = int(train.frame[names.block].max())  # type: ignore[arg-type]
    late = _known_before(table, laid, laid.before(learned), made, plan)
    notices = (*laid.line.notices, *_told(forecast), *found, *late, *odd)
    return Prepared(made, test, how, len(train), notices)


def _told(forecast: AnyForecast) -> list[Notice]:
    """What to know of the rows that a forecast makes."""
    if isinstance(forecast, JointForecast):
        periods = [(one.name, one.period) for one in forecast.channels]
        told = [Notice("W-SERIES-085")]
    else:
        periods, told = [(forecast.timestamp, forecast.period)], []
    known = [Notice("W-SERIES-020", name, {"period": own}) for name, own in periods if own > 1]
    return [*known, *told]


def _known_before(
    table: Table, laid: AnyLaid, learned: NDArray[np.int64], made: Lesson, plan: Plan
) -> tuple[Notice, ...]:
    """``_refuse_future`` of each target. Targets are no leaks of each other: each was measured at
    its moment. learned: places in time of the moments that are learned from."""
    targets = laid.forecast.targets
    moments = table.rows(laid.line.order[learned]).without(targets)
    late: tuple[Notice, ...] = ()
    for target, part in zip(targets, laid.parts, strict=True):
        own = replace(plan, roles=replace(plan.roles, target=target))
        late = _refuse_future(moments, part.values[learned], made, own)
    return late  # of the dates, which are the same for each


def _asked(table: Table, plan: Plan, horizon: int) -> AnyForecast:
    """How rows ask for the target, or for the targets that its name lists."""
    roles = plan.roles
    targets = targets_of(str(roles.target), table.names)
    told = (table, str(roles.timestamp), roles.group)
    if len(targets) == 1:
        return fit_forecast(*told, targets[0], horizon)
    return fit_joint(*told, targets, horizon)


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

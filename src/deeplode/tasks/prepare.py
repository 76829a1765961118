"""Prepare: a table with a target to a lesson, looking at nothing but training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deeplode.data.audit import audit
from deeplode.data.jointforecast import AnyForecast
from deeplode.data.schema import Kind, Roles, infer, row_weights
from deeplode.data.split import Split, hold_out, keys, marked
from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.data.windows import Windows
from deeplode.encode.target import TargetCode, infer_target, missing_targets
from deeplode.errors import DataError
from deeplode.messages import Notice
from deeplode.tasks.learn import Lesson


@dataclass(frozen=True)
class Plan:
    """Columns with a role and what the user said of the others.

    how: ``random``, ``time`` or ``group``; None follows from the roles.
    split_column: says of each row whether it trains or tests. windows: how the rows were cut from
    series; None where they are independent. forecast: how they ask for values to come.
    """

    roles: Roles
    kinds: Mapping[str, str] | None = None
    how: str | None = None
    seed: int = 0
    split_column: str | None = None
    windows: Windows | None = None
    forecast: AnyForecast | None = None

    @property
    def split(self) -> str:
        """How rows are held out."""
        if self.how is not None:
            return self.how
        if self.roles.group is not None:
            return "group"
        return "random" if self.roles.timestamp is None else "time"

    @property
    def by(self) -> str | None:
        """The column that the split looks at."""
        return {"group": self.roles.group, "time": self.roles.timestamp}.get(self.split)

    @property
    def task(self) -> str | None:
        """The task, where the user said what the target holds."""
        kind = (self.kinds or {}).get(self.roles.target or "")
        known = {Kind.NUMBER: "regression", Kind.CATEGORY: "classification"}
        known[Kind.BOOLEAN] = "classification"
        return None if kind is None else known.get(Kind(kind))

    @property
    def feature_kinds(self) -> dict[str, str]:
        """What the user said of the columns that are learned from."""
        told = (self.kinds or {}).items()
        return {name: kind for name, kind in told if name != self.roles.target}


def labelled(table: Table, plan: Plan) -> tuple[Table, TargetCode]:
    """The rows that have a target, and its code. Raises DataError where there is no target."""
    name = plan.roles.target
    if name is None or name not in table.frame.columns:
        near = closest(str(name), table.names)
        raise DataError("E-DATA-030", role="target", column=name, source=table.source, closest=near)
    series = table.frame[name]
    code = infer_target(series, plan.task, table.source)
    missing = missing_targets(series)
    return (table.rows(np.flatnonzero(~missing)) if missing.any() else table), code


def held_out(table: Table, code: TargetCode, plan: Plan) -> Split:
    """Training and test rows of a labelled table."""
    classes = code.encode(table.frame[code.name]) if code.classes else None
    return hold_out(table, plan.split, classes, seed=plan.seed, column=plan.by)


def tested(
    rows: Table, code: TargetCode, plan: Plan, given: Table | None
) -> tuple[Table, Table, str, tuple[Notice, ...]]:
    """Training rows, test rows, how they were parted, and what should be known of it.

    rows: labelled. given: labelled rows to test on; None = a share of ``rows``.
    Raises DataError where no row that was given has a target that the rows know.
    """
    if given is None and plan.split_column is not None:
        split = marked(rows, plan.split_column)
        rows = rows.without((plan.split_column,))
        return rows.rows(split.train), rows.rows(split.test), split.how, ()
    if given is None:
        split = held_out(rows, code, plan)
        return rows.rows(split.train), rows.rows(split.test), split.how, ()
    if code.name not in given.names:
        near = closest(code.name, given.names)
        values = {"column": code.name, "source": given.source, "closest": near}
        raise DataError("E-DATA-030", role="target", **values)
    test, _, unknown = known_rows(given, code)
    if not len(test):
        raise DataError("E-DATA-059", source=test.source, column=code.name)
    return rows, test, "file", (unknown,) if unknown else ()


def lesson(
    train: Table, code: TargetCode, plan: Plan, bare: bool = False
) -> tuple[Lesson, tuple[Notice, ...]]:
    """What to learn from, and what to know of it. train: labelled training rows. bare: as ``infer``
    has it."""
    target = np.array(code.encode(train.frame[code.name]))  # its own memory: torch writes to it
    schema = infer(train, plan.roles, plan.feature_kinds, bare)
    schema = replace(schema, forecast=plan.forecast)
    schema = schema.over(plan.windows).without(plan.forecast.unlearned if plan.forecast else [])
    given = schema.without(plan.forecast.names.own(train.names) if plan.forecast else [])
    found = audit(train, given, target, keep=tuple(plan.feature_kinds))
    weights = None if plan.roles.weight is None else row_weights(train, plan.roles.weight)
    by = None if plan.by is None else keys(train, plan.by)
    made = Lesson(train, schema.without(found.leave_out), target, code, weights, plan.split, by)
    return made, (*train.notices, *code.notices, *schema.notices, *found.notices)


def known_rows(table: Table, code: TargetCode) -> tuple[Table, NDArray[np.int64], Notice | None]:
    """Test rows whose target the model knows: the rows, their positions, and what was left out."""
    codes = code.encode(table.frame[code.name])
    good = codes >= 0 if code.classes else np.isfinite(codes)
    rows = np.flatnonzero(good)
    if len(rows) == len(table):
        return table, rows, None
    first = int(np.flatnonzero(~good)[0])
    values = {
        "count": len(table) - len(rows),
        "row": first,
        "value": repr(table.frame[code.name][first]),
    }
    return table.rows(rows), rows, Notice("W-RUN-003", code.name, values)

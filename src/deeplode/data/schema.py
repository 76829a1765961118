"""Schema: the kind of every column, found on training rows, and the roles some of them play."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeplode.data.column import Column, Kind
from deeplode.data.facts import Facts, measure
from deeplode.data.jointforecast import AnyForecast, forecast_from_json
from deeplode.data.kinds import (
    boolean,
    category,
    constant,
    datetime,
    identifier,
    media,
    nested,
    number,
    series,
    sparse,
    text,
)
from deeplode.data.parse import NumberFormat, numbers
from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.data.windows import Windows
from deeplode.errors import DataError, OptionError
from deeplode.messages import Notice

__all__ = ["Column", "Kind", "Roles", "Schema", "infer", "row_weights"]

# Asked in this order; the first that recognises a column has it. A new kind is one file in
# data/kinds/ and one line here, one file in encode/ and one line in encode/encoder.py.
RECOGNISERS: tuple[Callable[[Facts], Column | None], ...] = (
    constant.recognise,
    sparse.recognise,
    media.recognise,
    series.recognise,
    nested.recognise,
    boolean.recognise,
    datetime.recognise,
    text.recognise,
    identifier.recognise,
    number.recognise,
    category.recognise,
)

# How a kind asked for by the user is made of a column, whatever its cells look like.
FORCED: dict[Kind, Callable[[Facts], Column]] = {
    Kind.NUMBER: number.force,
    Kind.CATEGORY: category.force,
    Kind.BOOLEAN: boolean.force,
    Kind.DATETIME: datetime.force,
    Kind.TEXT: text.force,
    Kind.IMAGE: media.force(Kind.IMAGE),
    Kind.AUDIO: media.force(Kind.AUDIO),
    Kind.SERIES: series.force,
    Kind.SPARSE: sparse.force,
    Kind.ID: identifier.force,
}


@dataclass(frozen=True)
class Roles:
    """The columns that are no features because they serve another end; None = there is none."""

    target: str | None = None
    id: str | None = None
    weight: str | None = None
    group: str | None = None
    timestamp: str | None = None

    def named(self) -> dict[str, str]:
        """{role: column} of the roles that are taken."""
        pairs = dataclasses.asdict(self).items()
        return {role: name for role, name in pairs if name is not None}


@dataclass(frozen=True)
class Schema:
    """All columns of the training rows in input order, their roles, and what to know of them.

    windows: how rows were cut from series; None where they are independent. forecast: how rows ask
    for values to come; None where they do not.
    """

    columns: tuple[Column, ...]
    roles: Roles
    notices: tuple[Notice, ...] = ()
    windows: Windows | None = None
    forecast: AnyForecast | None = None

    @property
    def features(self) -> tuple[Column, ...]:
        """The columns that are learned from."""
        return tuple(column for column in self.columns if column.used)

    @property
    def id(self) -> str | None:
        """The column that names the rows: the one with that role, else the first of that kind."""
        if self.roles.id is not None:
            return self.roles.id
        return next((column.name for column in self.columns if column.kind is Kind.ID), None)

    @property
    def made(self) -> list[str]:
        """Features that no source has: nobody can leave them out."""
        names = [column.name for column in self.features]
        found = [] if self.forecast is None else self.forecast.names.own(names)
        return found if self.windows is None else [*found, *self.windows.made]

    def __getitem__(self, name: str) -> Column:
        """The column of this name. Raises KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def without(self, names: Sequence[str]) -> Schema:
        """The schema with these columns left out of the features."""
        gone = set(names)
        columns = (c.left_out() if c.name in gone else c for c in self.columns)
        return dataclasses.replace(self, columns=tuple(columns))

    def over(self, windows: Windows | None) -> Schema:
        """The schema of rows that were cut so; the channels stand beside the other columns."""
        if windows is None:
            return self
        told = {"column": windows.column}
        channels = (
            dataclasses.replace(
                channel.left_out(), reason=Notice("KIND-CHANNEL", channel.name, told)
            )
            for channel in windows.channels
        )
        return dataclasses.replace(self, columns=(*self.columns, *channels), windows=windows)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, exact. Notices stay behind: they were about the training data."""
        columns = [column.to_json() for column in self.columns]
        made: dict[str, Any] = {"columns": columns, "roles": dataclasses.asdict(self.roles)}
        for name in ("windows", "forecast"):
            own = getattr(self, name)
            made |= {} if own is None else {name: own.to_json()}
        return made

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Schema:
        """The schema written by ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        columns = tuple(Column.from_json(column) for column in facts["columns"])
        told = facts.get("windows")
        windows = None if told is None else Windows.from_json(told)
        asked = facts.get("forecast")
        forecast = None if asked is None else forecast_from_json(asked)
        return cls(columns, Roles(**facts["roles"]), windows=windows, forecast=forecast)


def infer(
    train: Table,
    roles: Roles,
    kinds: Mapping[str, Kind | str] | None = None,
    bare: bool = False,
) -> Schema:
    """Find the kind of every column on the training rows.

    kinds: what the user says a column is, {column: kind}. bare: rows may have nothing to learn from
    but what they are linked to.
    Raises OptionError for a role or kind given to a column that is not there, or an unknown
    kind; DataError where no column is left to learn from.
    """
    wanted = _wanted(train, kinds or {})
    _check_roles(train, roles)
    taken = {name: role for role, name in roles.named().items()}
    columns = tuple(
        _role_column(facts, taken[facts.name])
        if facts.name in taken
        else _column(facts, wanted.get(facts.name))
        for facts in measure(train.frame)
    )
    schema = Schema(columns, roles, tuple(_notices(columns)))
    if not schema.features and not bare:
        left_out = [c.name for c in columns if c.name not in taken]
        raise DataError("E-DATA-040", source=train.source, columns=_few(left_out) or "—")
    return schema


def row_weights(table: Table, name: str) -> np.ndarray:
    """The weights of the rows: (rows,) float64, finite, none below zero, not all zero.

    Raises DataError naming the first row that breaks this.
    """
    values, _ = numbers(table.frame[name], NumberFormat())
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        cell = table.frame[name][row]
        raise DataError("E-DATA-041", source=table.source, column=name, row=row, value=cell)
    if not values.any():
        raise DataError("E-DATA-042", source=table.source, column=name)
    return values


def _column(facts: Facts, wanted: Kind | None) -> Column:
    if wanted is None:
        return _recognised(facts)
    asked = Notice("KIND-ASKED", facts.name, {"kind": str(wanted)})
    if wanted in FORCED:
        made = FORCED[wanted](facts)
    else:
        made = Column(facts.name, wanted, asked, facts.share_missing, facts.distinct)
    unused = wanted in (Kind.CONSTANT, Kind.NESTED, Kind.ID)
    if wanted == Kind.SERIES:
        return dataclasses.replace(made, reason=asked, used=series.fits(facts.series))
    return dataclasses.replace(made, reason=asked, used=not unused and _can_use(facts))


def _recognised(facts: Facts) -> Column:
    for recognise in RECOGNISERS:
        column = recognise(facts)
        if column is not None:
            return column
    raise AssertionError("the last recogniser takes every column")


def _can_use(facts: Facts) -> bool:
    """Whether an encoder could learn anything from the column, even if asked to."""
    bytes_of_media = media.recognise(facts) is not None
    return facts.filled > 0 and (bytes_of_media or nested.recognise(facts) is None)


def _role_column(facts: Facts, role: str) -> Column:
    """A column with a role keeps its kind, for the report, but is no feature."""
    reason = Notice("KIND-ROLE", facts.name, {"role": role})
    return dataclasses.replace(_column(facts, None), reason=reason, used=False)


def _wanted(train: Table, kinds: Mapping[str, Kind | str]) -> dict[str, Kind]:
    for name, kind in kinds.items():
        if name not in train.frame.columns:
            near = closest(name, train.names)
            raise OptionError("E-DATA-043", column=name, source=train.source, closest=near)
        if kind not in list(Kind):
            known = ", ".join(Kind)
            near = closest(str(kind), list(Kind))
            raise OptionError("E-DATA-044", kind=kind, column=name, kinds=known, closest=near)
    return {name: Kind(kind) for name, kind in kinds.items()}


def _check_roles(train: Table, roles: Roles) -> None:
    for role, name in roles.named().items():
        if name not in train.frame.columns:
            near = closest(name, train.names)
            values = {"role": role, "column": name, "source": train.source, "closest": near}
            raise DataError("E-DATA-030" if role == "target" else "E-DATA-045", **values)
        if role != "target" and name == roles.target:
            raise OptionError("E-DATA-046", role=role, column=name)


def _notices(columns: Sequence[Column]) -> list[Notice]:
    """What the user should know: one sentence for each reason to leave columns out."""
    notices = []
    out = [column for column in columns if not column.used and column.reason.code != "KIND-ROLE"]
    for code, kinds in (
        ("W-KIND-001", {Kind.CONSTANT}),
        ("W-KIND-002", {Kind.ID}),
        ("W-KIND-020", {Kind.IMAGE, Kind.AUDIO}),
        ("W-KIND-005", {Kind.NESTED}),
    ):
        names = [column.name for column in out if column.kind in kinds]
        if names:
            only = names[0] if len(names) == 1 else None
            notices.append(Notice(code, only, {"count": len(names), "columns": _few(names)}))
    for column in columns:
        if column.used and column.reason.code == "KIND-DATETIME-GUESS":
            notices.append(Notice("W-KIND-006", column.name, column.reason.values))
        if column.used and column.reason.values.get("unread"):
            notices.append(Notice("W-KIND-007", column.name, column.reason.values))
    return notices


def _few(names: Sequence[str], count: int = 8) -> str:
    """Some names for a sentence: ``'a', 'b', …``."""
    shown = ", ".join(repr(name) for name in names[:count])
    return f"{shown}, …" if len(names) > count else shown

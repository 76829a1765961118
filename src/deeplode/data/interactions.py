"""Interactions: who had what, when and how much it was liked, from the rows of a table."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.ids import ids_of, places
from deeplode.data.parse import NumberFormat, find_number_format, numbers
from deeplode.data.role import serving
from deeplode.data.table import Table
from deeplode.data.timeline import times_of
from deeplode.errors import DataError
from deeplode.messages import Notice

SCALE = 0.25  # share of ratings above the middle from which on they are a scale, not amounts
FAR = 1.0  # spreads of nearly all ratings outside of which one stands alone

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class InteractionColumns:
    """Which column says what."""

    user: str
    item: str
    rating: str | None = None
    timestamp: str | None = None

    def named(self) -> dict[str, str]:
        """{role: column} of those there are."""
        found = {"user": self.user, "item": self.item}
        found |= {"rating": self.rating} if self.rating is not None else {}
        return found | ({"timestamp": self.timestamp} if self.timestamp is not None else {})


@dataclass(frozen=True, eq=False)
class Interactions:
    """Interactions by time, then user, then item; so that the order of rows is no matter.

    users, items: ids in rising order, each once; numbers or texts. user, item: (n,) int64 places
    among them. time: (n,) float64, seconds where ``dated``; None = unknown. rating: (n,) float64;
    None = there are none. row: (n,) int64 of the table. notices: what to know of them.
    """

    users: pl.Series
    items: pl.Series
    user: Ints
    item: Ints
    row: Ints
    time: Floats | None = None
    dated: bool = False
    rating: Floats | None = None
    notices: tuple[Notice, ...] = ()

    def __len__(self) -> int:
        return len(self.user)

    def those(self, kept: Bools | Ints) -> Interactions:
        """Some of them, with all users and items. kept: (n,) bool, or places."""
        return replace(
            self,
            user=self.user[kept],
            item=self.item[kept],
            row=self.row[kept],
            time=None if self.time is None else self.time[kept],
            rating=None if self.rating is None else self.rating[kept],
        )

    def liked(self, least: float | None) -> Bools:
        """(n,) whether the user liked the item. least: rating from which on that is so; None =
        ratings, if any, are amounts, and more than nothing will do."""
        if self.rating is None:
            return np.ones(len(self), bool)
        return self.rating > 0 if least is None else self.rating >= least

    def in_order(self) -> Interactions:
        """By time; where that is unknown, as the rows stand."""
        return self if self.time is not None else self.those(np.argsort(self.row))

    def used(self) -> Interactions:
        """The same without the users and items that have none."""
        user, of_user = np.unique(self.user, return_inverse=True)
        item, of_item = np.unique(self.item, return_inverse=True)
        users, items = self.users[user], self.items[item]
        return replace(self, users=users, items=items, user=of_user, item=of_item)


def interactions(table: Table, columns: InteractionColumns, most_bad: float) -> Interactions:
    """The interactions that the rows of a table tell.

    most_bad: share of the rows that may lack a user, an item or a rating; these are left out and
    told. Raises DataError where a column is absent, a cell is no moment, or too many are lacking.
    """
    given = {role: serving(table, role, name) for role, name in columns.named().items()}
    cells = {role: ids_of(given[role]) for role in ("user", "item")}
    rating = _ratings(table, columns.rating)
    good = cells["user"].is_not_null().to_numpy() & cells["item"].is_not_null().to_numpy()
    good &= True if rating is None else np.isfinite(rating)
    notices = _lacking(table, columns, cells, good, most_bad)
    row = np.flatnonzero(good)
    time, dated = None, False
    if columns.timestamp is not None:
        time, dated, mixed = _times(table, columns.timestamp, row)
        if mixed:
            notices.append(Notice("W-SERIES-004", columns.timestamp, {"count": mixed}))
    ids, of = {}, {}
    for role, column in cells.items():
        kept = column.gather(row)
        ids[role] = kept.unique().sort()
        of[role] = places(kept, ids[role])
    clock = np.zeros(len(row)) if time is None else time
    order = np.lexsort((row, of["item"], of["user"], clock))
    made = Interactions(ids["user"], ids["item"], of["user"], of["item"], row, time, dated,
                        None if rating is None else rating[row])  # fmt: skip
    if made.rating is not None:
        notices += _far(table, made, columns)
    return replace(made.those(order), notices=tuple(notices))


def _times(table: Table, name: str, row: Ints) -> tuple[Floats, bool, int]:
    """As ``times_of``, for some rows. Errors name the row of the table."""
    try:
        return times_of(table.rows(row), name)
    except DataError as error:
        values = {**error.values, "row": int(row[error.values["row"]])}
        raise DataError(error.code, **values) from error


def _ratings(table: Table, name: str | None) -> Floats | None:
    """(rows,) NaN where a cell is no number."""
    if name is None:
        return None
    cells = table.frame[name]
    form = find_number_format(cells) if cells.dtype == pl.String else NumberFormat()
    return numbers(cells, form)[0]


def _lacking(
    table: Table,
    columns: InteractionColumns,
    cells: dict[str, pl.Series],
    good: Bools,
    most_bad: float,
) -> list[Notice]:
    """What to tell of rows that are left out. Raises DataError where there are too many."""
    if good.all() and len(good):
        return []
    count, rows = int((~good).sum()), len(good)
    if not rows:
        raise DataError("E-DATA-006", source=table.source, columns=len(table.names))
    row = int(np.argmin(good))
    role = next((role for role, one in cells.items() if one[row] is None), "rating")
    name = columns.named().get(role, columns.user)
    told = {"source": table.source, "count": count, "rows": rows, "column": name}
    if count > most_bad * rows or count == rows:
        value = table.frame[name][row]
        raise DataError("E-DATA-200", row=row, value="" if value is None else value, **told)
    return [Notice("W-REC-001", name, {one: told[one] for one in ("source", "count", "rows")})]


def _far(table: Table, made: Interactions, columns: InteractionColumns) -> list[Notice]:
    """What to tell of a rating that stands alone, far outside of the others, such as 99."""
    assert made.rating is not None
    low, high = np.quantile(made.rating, (0.005, 0.995))
    room = FAR * (high - low)
    outside = (made.rating < low - room) | (made.rating > high + room)
    if not room or not outside.any() or len(np.unique(made.rating[~outside])) > 20:
        return []
    at = int(np.argmax(outside))
    told = {"source": table.source, "row": int(made.row[at]), "value": float(made.rating[at]),
            "count": int(outside.sum()), "low": float(low), "high": float(high)}  # fmt: skip
    return [Notice("W-REC-002", columns.rating, told)]


def least_liked(rating: Floats) -> float | None:
    """The middle of a scale, from which on a user liked an item; None where ratings are amounts,
    such as how often something was played: few of those are above the middle."""
    middle = float(rating.min() + rating.max()) / 2
    return middle if (rating >= middle).mean() >= SCALE else None


def repeated(made: Interactions, how: str) -> tuple[Interactions, int]:
    """A user's repeated interactions with an item as one, and how many are gone.

    how: ``last``: the latest stays; ``sum``: it gets the sum of the ratings; ``keep``: all stay.
    """
    pair = made.user * max(len(made.items), 1) + made.item
    _, which, counts = np.unique(pair, return_inverse=True, return_counts=True)
    gone = int((counts - 1).sum())
    if how == "keep" or not gone:
        return made, 0
    last = np.zeros(len(counts), np.int64)
    last[which] = np.arange(len(made))  # of several assignments the last one stays
    kept = np.sort(last)
    if how == "sum" and made.rating is not None:
        made = replace(made, rating=np.bincount(which, made.rating)[which].astype(float))
    return made.those(kept), gone


def core(made: Interactions, least: int) -> Interactions:
    """Those of users and items that have at least so many of them, until all have."""
    while len(made):
        of_user = np.bincount(made.user, minlength=len(made.users))
        of_item = np.bincount(made.item, minlength=len(made.items))
        kept = (of_user[made.user] >= least) & (of_item[made.item] >= least)
        if kept.all():
            break
        made = made.those(kept)
    return made

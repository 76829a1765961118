"""Gathered: the interactions of a table that can be learned from, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.ids import ids_of, one_form, places
from deeplode.data.interactions import (
    InteractionColumns,
    Interactions,
    core,
    interactions,
    least_liked,
    repeated,
)
from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.messages import Notice
from deeplode.recommenders.histories import Histories

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Wish:
    """What to learn from. min_rating: least rating of what was liked; None = the middle of the
    scale. min_count: interactions that every user and item needs. duplicates: last, sum or keep.
    most_bad: share of the rows that may be unusable."""

    min_rating: float | None = None
    min_count: int = 1
    duplicates: str = "last"
    most_bad: float = 0.05


@dataclass(frozen=True, eq=False)
class Gathered:
    """liked: interactions to learn from, with their users and items. disliked: of the same users,
    what they rated lower. least: rating from which on an item was liked; None = always. counts: of
    rows, by what became of them."""

    liked: Interactions
    disliked: Histories
    least: float | None
    counts: Mapping[str, int]
    notices: tuple[Notice, ...]

    def with_items(self, ids: pl.Series) -> Gathered:
        """The same with further items behind those of the interactions, that nobody had yet."""
        (own, asked), _ = one_form([self.liked.items, ids_of(ids)])
        new = asked.drop_nulls().unique().sort()
        new = new.filter(pl.Series(places(new, own) < 0))
        items = pl.concat([own.alias("id"), new.alias("id")])
        disliked = replace(self.disliked, items=len(items))
        return replace(self, liked=replace(self.liked, items=items), disliked=disliked)

    def histories(self, kept: NDArray[np.bool_] | None = None) -> Histories:
        """Of all users, or some interactions of theirs. kept: (interactions,)."""
        of = self.liked if kept is None else self.liked.those(kept)
        return Histories.of(len(of.users), len(of.items), of.user, of.item)


def gather(table: Table, columns: InteractionColumns, wish: Wish) -> Gathered:
    """The interactions of a table. Raises DataError where none is left."""
    read = interactions(table, columns, wish.most_bad)
    notices = list(read.notices)
    made, gone = repeated(read, wish.duplicates)
    if gone:
        summed = wish.duplicates == "sum" and made.rating is not None
        code = "W-REC-016" if summed else "W-REC-003"
        notices.append(Notice(code, None, {"count": gone, "rows": len(read)}))
    least, good = wish.min_rating, np.ones(len(made), bool)
    if made.rating is not None and len(made):
        least = least_liked(made.rating) if least is None else least
        good = made.liked(least)
        code = "W-REC-004" if least is not None else "W-REC-005"
        told: dict[str, Any] = {"least": least, "count": int((~good).sum()), "rows": len(made)}
        notices.append(Notice(code, columns.rating, told))
    liked = core(made.those(good), wish.min_count)
    if wish.min_count > 1 and len(liked) < int(good.sum()):
        told = {"count": int(good.sum()) - len(liked), "least": wish.min_count}
        notices.append(Notice("W-REC-006", None, told))
    if not len(liked):
        raise DataError("E-DATA-203", source=table.source, rows=len(table),
                        least="-" if least is None else least, count=wish.min_count)  # fmt: skip
    used = liked.used()
    counts = {"rows": len(table), "lacking": len(table) - len(read), "repeated": gone,
              "disliked": int((~good).sum()), "rare": int(good.sum()) - len(liked)}  # fmt: skip
    return Gathered(used, _disliked(made.those(~good), used), least, counts, tuple(notices))


def _disliked(low: Interactions, used: Interactions) -> Histories:
    """Low ratings of users and items that are learned from."""
    user = places(low.users, used.users)[low.user]
    item = places(low.items, used.items)[low.item]
    both = (user >= 0) & (item >= 0)
    return Histories.of(len(used.users), len(used.items), user[both], item[both])


def with_features(histories: Histories, features: NDArray[np.float32] | None) -> Histories:
    """Histories with what is known of their users besides. features: (users, columns)."""
    return replace(histories, features=features)

"""Catalogue: the users and items that a model knows, and what users had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.ids import ids_of, matching, packed, unpacked
from deeplode.data.interactions import InteractionColumns, interactions
from deeplode.data.role import serving
from deeplode.data.table import Table
from deeplode.detectors.detector import kept
from deeplode.parts import below, under
from deeplode.recommenders.histories import Histories

NO_HISTORY, UNKNOWN = "no_history", "unknown_items"  # flags
COLUMNS = ("user", "item", "rating", "timestamp")

Ints = NDArray[np.int64]
Arrays = Mapping[str, NDArray[Any]]
More = tuple[Ints, Ints, NDArray[np.bool_]]  # (interactions,) user, item, liked

NOTHING: More = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool)


@dataclass(frozen=True, eq=False)
class Asked:
    """Users that recommendations are asked for.

    ids: of users. histories: what they had. seen: that, and what they did not like. flags: what is
    odd about each.
    """

    ids: pl.Series
    histories: Histories
    seen: Histories
    flags: list[str]

    def __len__(self) -> int:
        return len(self.ids)

    def with_features(self, values: NDArray[np.float32]) -> Asked:
        """The same with what is known of users besides; a row of 0 changes nothing.

        values: (users, columns).
        """
        own = self.histories.features
        assert own is not None
        told = np.where((values != 0).any(1)[:, None], values, own)
        return replace(self, histories=replace(self.histories, features=told))

    def rows(self, index: Ints) -> Asked:
        """Some of them."""
        flags = [self.flags[at] for at in index.tolist()]
        return Asked(self.ids[index], self.histories.rows(index), self.seen.rows(index), flags)


@dataclass(frozen=True, eq=False)
class Catalogue:
    """columns: of interactions. users, items: ids. titles: (items,) what people call them; None =
    by their ids. known: histories of users, with what is known of them besides. disliked: what
    they had and did not like. least: rating from which on an item was liked; None = always.
    """

    columns: InteractionColumns
    users: pl.Series
    items: pl.Series
    titles: pl.Series | None
    known: Histories
    disliked: Histories
    least: float | None

    @property
    def names(self) -> pl.Series:
        """(items,) what people call them."""
        return self.items if self.titles is None else self.titles

    @cached_property
    def named_or_none(self) -> pl.Series:
        """(items + 1,) the same, and a missing one behind them."""
        return self.names.extend_constant(None, 1)

    def places_of(self, ids: pl.Series, items: bool = True) -> Ints:
        """(ids,) places of items, or of users; -1 where one is unknown."""
        return matching(ids, self.items if items else self.users)

    def users_of(self, ids: pl.Series) -> Asked:
        """Users by their ids, each once, known or not."""
        return self._of(ids, self.places_of(ids, items=False))

    def everyone(self) -> Asked:
        """All users known."""
        return self._of(self.users, np.arange(len(self.users)))

    def asked(self, table: Table) -> Asked:
        """The users of a table, in the order of their first rows: what they had by the table, if it
        says, on top of what is known of them.

        Raises DataError where the user column is absent, or cells cannot be read.
        """
        cells = ids_of(serving(table, "user", self.columns.user))
        ids = cells.drop_nulls().unique(maintain_order=True)
        place = self.places_of(ids, items=False)
        name = self.columns.item
        if name not in table.names or not ids_of(table.frame[name]).count():
            return self._of(ids, place)
        given = {role: own for role, own in self.columns.named().items() if own in table.names}
        made = interactions(table, InteractionColumns(**given), 1.0).in_order()
        user = matching(made.users, ids)[made.user]
        item = self.places_of(made.items)[made.item]
        return self._of(ids, place, (user, item, made.liked(self.least)))

    def _of(self, ids: pl.Series, place: Ints, more: More = NOTHING) -> Asked:
        """Users by their places, -1 = new, and (users, items, liked) what they had besides."""
        strange = np.bincount(more[0][more[1] < 0], minlength=len(ids)) > 0
        real = more[1] >= 0
        user, item, liked = more[0][real], more[1][real], more[2][real]
        history = joined(self.known, place, user[liked], item[liked])
        disliked = joined(self.disliked, place, user[~liked], item[~liked])
        seen = both(history, disliked)
        flags = [
            " ".join(flag for flag, so in ((NO_HISTORY, not n), (UNKNOWN, odd)) if so)
            for n, odd in zip(history.length.tolist(), strange.tolist(), strict=True)
        ]
        return Asked(ids, history, seen, flags)

    def facts(self) -> dict[str, Any]:
        """What is not an array."""
        columns = {name: getattr(self.columns, name) for name in COLUMNS}
        return {"columns": columns, "least": self.least}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays."""
        parts: dict[str, Arrays] = {"users": packed(self.users), "items": packed(self.items)}
        parts |= {"known": _written(self.known), "disliked": _written(self.disliked)}
        if self.titles is not None:
            cells, of = np.unique(self.titles.to_numpy(), return_inverse=True)
            parts["titles"] = {**packed(pl.Series(cells, dtype=pl.String)), "of": of}
        return under(parts)

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what is no catalogue."""
        columns = InteractionColumns(**{name: facts["columns"][name] for name in COLUMNS})
        users, items = (unpacked(below(arrays, part)) for part in ("users", "items"))
        titles = None
        if (own := below(arrays, "titles")) != {}:
            of = kept(own, "of", "int64", len(items))
            cells = unpacked(own)
            if len(of) and not 0 <= of.min() <= of.max() < len(cells):
                raise ValueError("a title for each item is wanted")
            titles = cells.gather(of)
        known, disliked = (
            _read(below(arrays, part), len(users), len(items)) for part in ("known", "disliked")
        )
        least = facts["least"]
        return cls(
            columns, users, items, titles, known, disliked, None if least is None else float(least)
        )


def joined(known: Histories, place: Ints, user: Ints, item: Ints) -> Histories:
    """The histories of users by their places among those known, -1 = none, and after that the
    items that they had besides, unless they stand there already. user: (n,) rows of ``place``."""
    if not len(user) and (place >= 0).all():
        return known.rows(place)
    before = known.rows(np.maximum(place, 0))
    old = (place >= 0)[before.user]
    old_user, old_item = before.user[old], before.item[old]
    had = old_user * known.items + old_item
    new = ~np.isin(user * known.items + item, had)
    every = np.concatenate([old_user, user[new]]), np.concatenate([old_item, item[new]])
    made = Histories.of(len(place), known.items, *every)
    if before.features is None:
        return made
    features = np.where((place >= 0)[:, None], before.features, 0.0).astype(np.float32)
    return Histories(made.items, made.start, made.item, features)


def both(one: Histories, other: Histories) -> Histories:
    """Two histories of the same users as one."""
    if not len(other.item):
        return one
    user, item = np.concatenate([one.user, other.user]), np.concatenate([one.item, other.item])
    return Histories.of(len(one), one.items, user, item)


def _written(histories: Histories) -> Arrays:
    features = {} if histories.features is None else {"features": histories.features}
    return {"start": histories.start, "item": histories.item, **features}


def _read(arrays: Arrays, users: int, items: int) -> Histories:
    features = kept(arrays, "features", "float32", users, -1) if "features" in arrays else None
    start = kept(arrays, "start", "int64", users + 1)
    return Histories(items, start, kept(arrays, "item", "int64", -1), features)

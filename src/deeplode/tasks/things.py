"""Things: what files beside the interactions tell of items and users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.messages import Notice
from deeplode.tasks.described import Described, describe, found, spread
from deeplode.tasks.listed import in_stock

NAMED = (
    "title",
    "name",
    "label",
    "product",
    "标题",
    "名称",
    "名字",
    "商品",
)  # what titles are called
DIFFERENT = 0.5  # share of items with a title of their own, from which on a column is one

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Things:
    """item_features: (items, columns), user_features: (users, columns); None = nothing is known.
    titles: (items,) what people call items. stock: (items,) what can be recommended now.
    of_items, of_users: how their columns became numbers."""

    item_features: Floats | None = None
    user_features: Floats | None = None
    titles: pl.Series | None = None
    stock: NDArray[np.bool_] | None = None
    of_items: Described | None = None
    of_users: Described | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Beside:
    """A table beside the interactions. key: its column of ids. kinds, drop: as for any table."""

    table: Table
    key: str
    kinds: Mapping[str, str] | None = None
    drop: tuple[str, ...] = ()
    seed: int = 0
    most_bad: float = 0.05


def of_items(beside: Beside, items: pl.Series, stock: str | None) -> Things:
    """What a table tells of items. Raises DataError where it does not name them."""
    row = found(beside.table, beside.key, "item", items)
    notices = _absent(beside, row, "W-REC-008")
    open_ = None
    if stock is not None:
        says = in_stock(beside.table, stock)
        open_ = np.where(row >= 0, says[np.maximum(row, 0)], False)
    made, features = _described(beside, row, (stock,) if stock else ())
    titles = titles_of(beside.table, beside.key, row, items)
    return Things(features, None, titles, open_, made, None, notices)


def of_users(beside: Beside, users: pl.Series) -> Things:
    """What a table tells of users. Raises DataError where it does not name them."""
    row = found(beside.table, beside.key, "user", users)
    made, features = _described(beside, row, ())
    return Things(None, features, of_users=made, notices=_absent(beside, row, "W-REC-009"))


def _described(
    beside: Beside, row: NDArray[np.int64], apart: tuple[str, ...]
) -> tuple[Described | None, Floats | None]:
    """The columns as numbers, of the rows that are asked for; None where none says anything, such
    as a table of titles alone."""
    table = beside.table.without([*beside.drop, *apart])
    if not (row >= 0).any():
        return None, None
    try:
        made, values = describe(table, beside.key, beside.kinds, beside.seed, beside.most_bad)
    except DataError as error:
        if error.code != "E-DATA-040":
            raise
        return None, None
    return made, spread(values, row)


def _absent(beside: Beside, row: NDArray[np.int64], code: str) -> tuple[Notice, ...]:
    """What to tell where the table does not have all."""
    lacking = int((row < 0).sum())
    if not lacking:
        return ()
    told = {"source": beside.table.source, "count": lacking, "all": len(row)}
    return (Notice(code, beside.key, told),)


def titles_of(table: Table, key: str, row: NDArray[np.int64], items: pl.Series) -> pl.Series | None:
    """What people call items: the column that is called so, or the first of texts that differ;
    the id where there is none. None where no column is a title."""
    texts = [one for one in table.names if one != key and table.frame[one].dtype == pl.String]
    named = [one for one in texts if one.strip().lower() in NAMED]
    different = [one for one in texts
                 if table.frame[one].n_unique() >= DIFFERENT * max(1, len(table))]  # fmt: skip
    column = next(iter(named + different), None)
    if column is None:
        return None
    titles = table.frame[column].gather(np.maximum(row, 0)).set(pl.Series(row < 0), None)
    return titles.fill_null(items.cast(pl.String)).alias("title")

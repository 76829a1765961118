"""Listed: which items may be recommended, and to whom not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.ids import one_form, places
from deeplode.data.kinds.boolean import TRUTHS
from deeplode.data.parse import BLANKS
from deeplode.data.role import serving
from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.recommenders.histories import Histories
from deeplode.tasks.catalogue import Asked, Catalogue, both

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


Tables = Mapping[str, Table]


def allowed(
    catalogue: Catalogue, asked: Asked, tables: Tables, stock: Bools | None = None
) -> tuple[Asked, Bools | None]:
    """Users, and what they may be recommended. Raises DataError as ``opened`` does."""
    open_ = opened(catalogue, tables, stock)
    if "exclude" in tables and catalogue.columns.user in tables["exclude"].names:
        asked = apart(catalogue, tables["exclude"], asked)
    return asked, open_


def opened(catalogue: Catalogue, tables: Tables, stock: Bools | None) -> Bools | None:
    """(items,) what may be recommended: in stock, listed by the table ``only``, not by ``exclude``
    where that names no users; None = everything.

    Raises DataError where a table has no items column, ``only`` none that is known, or nothing is
    left.
    """
    made = [] if stock is None else [stock]
    if "only" in tables:
        made.append(only(catalogue, tables["only"]))
    if "exclude" in tables:
        found = listed(catalogue, tables["exclude"])
        if catalogue.columns.user not in tables["exclude"].names:
            made.append(~found)
    if not made:
        return None
    open_: Bools = np.logical_and.reduce(made)
    if not open_.any():
        raise DataError("E-DATA-207", items=len(open_))
    return open_


def only(catalogue: Catalogue, table: Table) -> Bools:
    """(items,) those that the table lists. Raises DataError where it lists none that is known."""
    open_ = listed(catalogue, table)
    if not open_.any():
        raise DataError("E-DATA-204", source=table.source, column=catalogue.columns.item)
    return open_


def listed(catalogue: Catalogue, table: Table) -> Bools:
    """(items,) whether the table lists them. Raises DataError where it has no items column."""
    found = np.zeros(len(catalogue.items), bool)
    place = catalogue.places_of(serving(table, "item", catalogue.columns.item))
    found[place[place >= 0]] = True
    return found


def apart(catalogue: Catalogue, table: Table, asked: Asked) -> Asked:
    """The users, with the items that the table lists for each as if they had seen them."""
    place = catalogue.places_of(serving(table, "item", catalogue.columns.item))
    (own, named), _ = one_form([asked.ids, table.frame[catalogue.columns.user]])
    who = places(named, own)
    good = (who >= 0) & (place >= 0)
    more = Histories.of(len(asked), len(catalogue.items), who[good], place[good])
    return replace(asked, seen=both(asked.seen, more))


def in_stock(table: Table, column: str) -> Bools:
    """(rows,) whether the column says yes, or a number above 0. Raises DataError where a cell is
    neither."""
    cells = serving(table, "in_stock", column)
    if cells.dtype == pl.Boolean:
        return cells.fill_null(False).to_numpy()
    if cells.dtype.is_numeric():
        return (cells.fill_null(0) > 0).to_numpy()
    texts = cells.cast(pl.String).str.strip_chars(BLANKS).str.to_lowercase().fill_null("no")
    said = texts.replace_strict(TRUTHS, default=None, return_dtype=pl.Boolean)
    if said.null_count():
        row = int(said.is_null().arg_max() or 0)
        told = {"source": table.source, "column": column, "row": row, "value": cells[row]}
        raise DataError("E-DATA-205", **told)
    return said.to_numpy()

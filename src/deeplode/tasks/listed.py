"""Listed: which items may be recommended, and to whom not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.ids import one_form, places
from deeplode.data.kinds.boolean import TRUTHS
from deeplode.data.parse import BLANKS
from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.recommenders.histories import Histories
from deeplode.tasks.catalogue import Asked, Catalogue, both

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def allowed(
    catalogue: Catalogue, asked: Asked, tables: Mapping[str, Table], stock: Bools | None = None
) -> tuple[Asked, Bools | None]:
    """Users, and (items,) what they may be recommended: in stock, listed by the table ``only``, not
    by ``exclude``; None = everything.

    Raises DataError where a table has no items column, or none that is known.
    """
    open_ = stock
    if "only" in tables:
        more = only(catalogue, tables["only"])
        open_ = more if open_ is None else open_ & more
    if "exclude" in tables:
        more, asked = excluded(catalogue, tables["exclude"], asked)
        open_ = more if open_ is None else open_ & more
    return asked, open_


def only(catalogue: Catalogue, table: Table) -> Bools:
    """(items,) those that the table lists. Raises DataError where it lists none that is known."""
    open_ = np.zeros(len(catalogue.items), bool)
    place = catalogue.places_of(_column(catalogue, table))
    open_[place[place >= 0]] = True
    if not open_.any():
        raise DataError("E-DATA-204", source=table.source, column=catalogue.columns.item)
    return open_


def excluded(catalogue: Catalogue, table: Table, asked: Asked) -> tuple[Bools, Asked]:
    """(items,) those that the table does not list; if it names users, all are open, and what it
    lists is taken as seen by these."""
    place = catalogue.places_of(_column(catalogue, table))
    open_ = np.ones(len(catalogue.items), bool)
    user = catalogue.columns.user
    if user not in table.names:
        open_[place[place >= 0]] = False
        return open_, asked
    (own, named), _ = one_form([asked.ids, table.frame[user]])
    who = places(named, own)
    good = (who >= 0) & (place >= 0)
    more = Histories.of(len(asked), len(open_), who[good], place[good])
    return open_, Asked(asked.ids, asked.histories, both(asked.seen, more), asked.flags)


def in_stock(table: Table, column: str) -> Bools:
    """(rows,) whether the column says yes, or a number above 0. Raises DataError where a cell is
    neither."""
    if column not in table.names:
        values = {"role": "in_stock", "column": column, "source": table.source}
        raise DataError("E-DATA-045", **values, closest=closest(column, table.names))
    cells = table.frame[column]
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


def _column(catalogue: Catalogue, table: Table) -> pl.Series:
    name = catalogue.columns.item
    if name not in table.names:
        values = {"role": "item", "column": name, "source": table.source}
        raise DataError("E-DATA-045", **values, closest=closest(name, table.names))
    return table.frame[name]

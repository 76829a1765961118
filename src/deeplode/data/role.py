"""Role: the column that serves as something."""

from __future__ import annotations

import polars as pl

from deeplode.data.suggest import closest
from deeplode.data.table import Table
from deeplode.errors import DataError


def serving(table: Table, role: str, name: str) -> pl.Series:
    """The column that serves in this role. Raises DataError with names like it if it is absent."""
    if name not in table.names:
        values = {"role": role, "column": name, "source": table.source}
        raise DataError("E-DATA-045", **values, closest=closest(name, table.names))
    return table.frame[name]

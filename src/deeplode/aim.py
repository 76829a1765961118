"""Aim: the column to learn and the rows to test, as the user or the source itself names them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TypeVar

from deeplode.data.table import Table
from deeplode.errors import OptionError
from deeplode.experiments.settings import CompareOptions, TraceOptions
from deeplode.messages import Notice
from deeplode.options import TrainOptions

# Options that part rows.
PARTED = ("split", "split_column", "test", "group", "timestamp", "horizon")

Options = TypeVar("Options", TrainOptions, CompareOptions, TraceOptions)


def aimed(options: Options, table: Table) -> Options:
    """The options with what the source itself tells where the user told nothing.

    That is as target the classes of a folder of class folders or the labels of an archive, and the
    test rows of an archive that has some. Raises OptionError where nothing tells the target.
    """
    told, found = table.reading, dict[str, str]()
    if options.target is None:
        if told.get("target") not in table.names:
            raise OptionError("E-OPT-093", columns=", ".join(table.names[:20]))
        found["target"] = told["target"]
    parts = told.get("split_column") in table.names and isinstance(options, TrainOptions)
    if parts and not any(getattr(options, name) for name in PARTED):
        found["split_column"] = told["split_column"]
    return options.with_values(found) if found else options


def bare(table: Table, named: Collection[str | None]) -> Table:
    """The table less what its source itself calls classes, or parts to train and to test: what is
    looked for without them must not be formed by them. named: columns that the user speaks of."""
    told = [table.reading.get(role) for role in ("target", "split_column")]
    found = [name for name in told if name in table.names and name not in named]
    if not found:
        return table
    notice = Notice("W-READ-014", None, {"columns": ", ".join(found)})
    return replace(table.without(found), notices=(*table.notices, notice))

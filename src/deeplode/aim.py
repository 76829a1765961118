"""Aim: the column to learn and the rows to test, as the user or the source itself names them."""

from __future__ import annotations

from typing import TypeVar

from deeplode.data.table import Table
from deeplode.errors import OptionError
from deeplode.experiments.settings import CompareOptions, TraceOptions
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

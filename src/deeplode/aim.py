"""Aim: the column to learn, as the user named it or as the source itself tells."""

from __future__ import annotations

from typing import TypeVar

from deeplode.data.table import Table
from deeplode.errors import OptionError
from deeplode.experiments.settings import CompareOptions, TraceOptions
from deeplode.options import TrainOptions

Options = TypeVar("Options", TrainOptions, CompareOptions, TraceOptions)


def aimed(options: Options, table: Table) -> Options:
    """The options with a target: where none was named, the classes of a folder of class folders.

    Raises OptionError where nothing tells the target.
    """
    if options.target is not None:
        return options
    told = table.reading.get("target")
    if told not in table.names:
        raise OptionError("E-OPT-093", columns=", ".join(table.names[:20]))
    return options.with_values({"target": told})

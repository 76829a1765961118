"""What reading one file gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from deeplode.messages import Notice


@dataclass(frozen=True)
class Part:
    """One file as it was read.

    frame: its columns; every k-th row only where it was thinned.
    rows: how many rows the file has, before any thinning.
    reading: how it was read. notices: what to tell the user about it.
    """

    frame: pl.DataFrame
    rows: int
    reading: dict[str, Any] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()


def thinned(lazy: pl.LazyFrame, every: int) -> pl.LazyFrame:
    """Rows 0, k, 2 k, …, without holding the others."""
    if every == 1:
        return lazy
    index = "\0row"
    return lazy.with_row_index(index).filter(pl.col(index) % every == 0).drop(index)


def blank_notice(blank: pl.Series) -> Notice:
    """Tells of blank lines left out. blank: marks on them among the rows."""
    values = {"count": int(blank.sum()), "row": (blank.arg_max() or 0) + 1}
    return Notice("W-READ-007", values=values)

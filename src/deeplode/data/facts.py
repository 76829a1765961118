"""Figures about every column of the training rows, taken in a few passes over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl
import polars.selectors as cs

from deeplode.data.parse import BLANKS

SAMPLE = 1_000  # texts looked at for a first guess


@dataclass(frozen=True)
class Facts:
    """One column of the training rows.

    empty: null, NaN or blank cells. distinct: different values of the others.
    low, high: of numbers, infinities left out. whole: all of them are whole numbers.
    """

    name: str
    series: pl.Series
    empty: int
    distinct: int
    low: float | None = None
    high: float | None = None
    whole: bool = False

    @property
    def rows(self) -> int:
        """Training rows."""
        return len(self.series)

    @property
    def filled(self) -> int:
        """Cells that hold something."""
        return self.rows - self.empty

    @property
    def share_missing(self) -> float:
        """Share of empty cells."""
        return self.empty / max(self.rows, 1)

    @property
    def is_number(self) -> bool:
        """Whether the cells are numbers already, rather than texts that may spell some."""
        return self.series.dtype.is_numeric()

    @cached_property
    def texts(self) -> pl.Series | None:
        """The filled cells as strings where the column holds strings; None otherwise."""
        series = self.series
        if isinstance(series.dtype, (pl.Categorical, pl.Enum)):
            series = series.cast(pl.String)
        if series.dtype != pl.String:
            return None
        series = series.drop_nulls()
        return series.filter(series.str.strip_chars(BLANKS) != "")

    @cached_property
    def sample(self) -> pl.Series | None:
        """Different texts of rows evenly spread over the table."""
        if self.texts is None:
            return None
        spread = self.texts.gather_every(max(1, len(self.texts) // SAMPLE)).head(SAMPLE)
        return spread.unique(maintain_order=True)

    @cached_property
    def with_digits(self) -> bool:
        """Whether at least half of the sample holds a digit, as numbers and dates do."""
        if self.sample is None or not len(self.sample):
            return False
        return 2 * int(self.sample.str.contains("[0-9]").sum()) >= len(self.sample)


def measure(frame: pl.DataFrame) -> list[Facts]:
    """The facts of every column, in order."""
    numeric = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    figures = _numeric_figures(frame.select(numeric))
    return [
        Facts(name, frame[name], *figures[name]) if name in figures else _other(frame[name])
        for name in frame.columns
    ]


def _numeric_figures(frame: pl.DataFrame) -> dict[str, tuple[int, int, float, float, bool]]:
    """Per column: empty, distinct, low, high, whole."""
    if not frame.height:
        return dict.fromkeys(frame.columns, (0, 0, 0.0, 0.0, False))
    cells = frame.with_columns(
        pl.col(pl.Decimal, pl.Int128, pl.UInt128).cast(pl.Float64),
    ).with_columns(cs.float().fill_nan(None))
    finite = cells.with_columns(
        pl.when(cs.float().is_finite()).then(cs.float()).otherwise(None).name.keep()
    )
    whole = finite.select(
        cs.float().eq(cs.float().round()).all(), cs.integer().is_null().all() | True
    )
    rows = (
        cells.select(pl.all().null_count()),
        cells.select(pl.all().n_unique()),
        finite.select(pl.all().min()),
        finite.select(pl.all().max()),
        whole.select(frame.columns),
    )
    empty, distinct, low, high, whole_number = (row.row(0) for row in rows)
    return {
        name: (
            empty[i],
            distinct[i] - (empty[i] > 0),
            float(low[i] or 0),
            float(high[i] or 0),
            bool(whole_number[i]),
        )
        for i, name in enumerate(frame.columns)
    }


def _other(series: pl.Series) -> Facts:
    """Texts, truths, times, and what no table should hold."""
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        return Facts(series.name, series, series.null_count(), len(series) - series.null_count())
    distinct, empty = series.n_unique(), series.null_count()
    distinct -= empty > 0
    if series.dtype == pl.String:
        blank = series.filter(series.str.strip_chars(BLANKS) == "")
        distinct, empty = distinct - blank.n_unique(), empty + len(blank)
    return Facts(series.name, series, empty, distinct)

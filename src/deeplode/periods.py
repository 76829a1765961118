"""Periods: how the shares of groups change from month to month."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import norm

from deeplode.data.dates import EPOCHS, SECOND
from deeplode.data.kinds.datetime import counted
from deeplode.data.table import Table
from deeplode.data.timeline import timeline

FEWEST = 20  # rows of a period
MOST = 24  # periods that are told, the latest ones
PARTS = 12  # of the whole time, where the column holds no dates
CERTAIN = 0.975


def periods(
    table: Table, timestamp: str | None, labels: NDArray[np.int64], groups: int
) -> dict[str, Any] | None:
    """Rows of each group by month, or by twelfths of numbers that count no time since 1970, and the
    change of the latest period against the one before.

    labels: (rows,) 0 … groups - 1, below 0 nowhere. None without a timestamp or with less than two
    periods of FEWEST rows. Intervals of changes hold together (Bonferroni).
    """
    if timestamp is None:
        return None
    line = timeline(table, timestamp)
    names, codes = _named(line.times, line.dates)
    own = labels[line.order]
    counts = np.zeros((len(names), groups + 1), np.int64)
    np.add.at(counts, (codes, np.where(own < 0, groups, own)), 1)
    kept = np.flatnonzero(counts.sum(1) >= FEWEST)[-MOST:]
    if len(kept) < 2:
        return None
    before, latest = counts[kept[-2]], counts[kept[-1]]
    return {
        "names": [names[at] for at in kept],
        "counts": counts[kept][:, :groups].tolist(),
        "rows": counts[kept].sum(1).tolist(),
        "changes": [_change(before, latest, group, groups) for group in range(groups)],
    }


def _named(times: NDArray[np.float64], dates: bool) -> tuple[list[str], NDArray[np.int64]]:
    """The periods in their order, and which each moment is in."""
    if not dates and (unit := counted(times.min(), times.max())) is not None:
        a_count, parts = EPOCHS[unit]
        times, dates = times * a_count / parts / SECOND, True
    if dates:
        stamps = pl.Series((times * 1e6).astype(np.int64)).cast(pl.Datetime("us"))
        months = stamps.dt.strftime("%Y-%m")
        names = months.unique().sort().to_list()
        return names, np.searchsorted(np.array(names), months.to_numpy().astype(str))
    ends = np.linspace(times.min(), times.max(), PARTS + 1)
    codes = np.clip(np.searchsorted(ends, times, side="right") - 1, 0, PARTS - 1)
    return [f"{one:.6g} – {two:.6g}" for one, two in pairwise(ends)], codes


def _change(
    before: NDArray[np.int64], latest: NDArray[np.int64], group: int, groups: int
) -> dict[str, Any]:
    """Difference of a group's shares, with half a row added to each (Agresti and Caffo 2000)."""
    rows = np.array([before.sum(), latest.sum()], np.float64)
    shares = (np.array([before[group], latest[group]]) + 0.5) / (rows + 1)
    reach = float(norm.ppf(1 - (1 - CERTAIN) / groups))
    error = float(np.sqrt((shares * (1 - shares) / (rows + 1)).sum()))
    gap = float(latest[group] / rows[1] - before[group] / rows[0])
    return {
        "cluster": group + 1,
        "before": float(before[group] / rows[0]),
        "latest": float(latest[group] / rows[1]),
        "change": gap,
        "low": gap - reach * error,
        "high": gap + reach * error,
    }

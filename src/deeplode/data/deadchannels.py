"""Dead channels: those that stop changing, or have no more values, half-way through a series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deeplode.data.column import Column
from deeplode.data.table import Table
from deeplode.data.timeline import Timeline
from deeplode.data.windows import channel_values
from deeplode.messages import Notice

DEAD = 10  # moments, and half of its series, without a change of a channel …
LIVELY = 0.5  # … that changed in such a share of the moments before


def dead_channels(table: Table, channels: Sequence[Column], line: Timeline) -> list[Notice]:
    """A notice of each. line: the order of the table's moments."""
    sizes, notices = np.bincount(line.series, minlength=len(line.names)), []
    for channel in channels:
        values = channel_values(table.frame[channel.name], channel)[0][line.order]
        quiet, changes = _quiet(values, line)
        lively = changes > LIVELY * (sizes - quiet)
        ended = (quiet > np.maximum(DEAD, sizes // 2)) & (sizes - quiet >= DEAD) & lively
        if ended.any():
            first = line.names[int(np.argmax(ended))]
            told = {"count": int(ended.sum()), "series": first or "1"}
            notices.append(Notice("W-SERIES-007", channel.name, told))
    return notices


def _quiet(
    values: NDArray[np.float64], line: Timeline
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(series,) moments at the end of each that repeat the one before, or have no value, and how
    many moments of each do not."""
    before = np.roll(values, 1)
    changed = np.isfinite(values) & (values != before)
    changed[line.heads[line.heads < len(values)]] = True
    last = np.maximum.accumulate(np.where(changed, np.arange(len(values)), 0))
    ends = np.append(line.heads[1:], len(values)) - 1
    changes = np.bincount(line.series[changed], minlength=len(ends))
    return np.asarray(ends - last[ends], np.int64), changes

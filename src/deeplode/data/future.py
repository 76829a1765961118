"""Future: columns that nobody could have filled at a row's own moment.

Two of them can be told from the rows alone: dates that lie after the row's moment, and numbers that
are the target of a later moment of the same series. Both are refused, not left out: what was
meant, a wrong moment or a wrong column, only the user knows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deeplode.data.column import Column, Kind
from deeplode.data.dates import DAY, NONE, SECOND, DatetimeFormat, Instants, instants
from deeplode.data.facts import measure
from deeplode.data.kinds import datetime
from deeplode.data.schema import Roles
from deeplode.data.split import keys
from deeplode.data.table import Table
from deeplode.data.windows import channel_values
from deeplode.errors import DataError
from deeplode.messages import Notice

LATER = 0.05  # share of a column's dates after their rows' moments that is no slip of the pen
FEWEST = 50  # pairs of moments, and
FEWEST_CHANGES = 30  # of them with a change of the target, that a copy is told by
PERFECT = 5e-4  # 1 - |correlation| of changes up to which one column is the other, moved
WORTH_A_LOOK = 0.15  # rough correlation below which no distance is tried: most pairs are not there
CLEARLY = 10.0  # times as far from the target of the same and of earlier moments
FURTHEST = 100  # moments ahead that are looked at
PROBE = 4_000  # moments in a row that every distance is tried on
LARGEST = 1e100  # numbers beyond count as this one: their squares must be numbers, too
TIES = 0.1  # share of rows at the moment of the row before from which there is no next moment

Values = NDArray[np.float64]
Places = NDArray[np.int64]


def refuse_future(
    train: Table,
    columns: Sequence[Column],
    roles: Roles,
    target: NDArray[np.generic],
    keep: Sequence[str] = (),
) -> tuple[Notice, ...]:
    """What to know of columns that lie in the future of a few rows.

    train: training rows, a row a moment. columns: those that are learned from. target: (rows,)
    classes or values, NaN = none. keep: columns that the user gave a kind, and so vouches for.
    Raises DataError for a column that lies in the future of many rows, or is the target of a
    later moment. Without a timestamp there is no future, and nothing is looked at.
    """
    if roles.timestamp is None or len(train) < FEWEST:
        return ()
    asked = [column for column in columns if column.name not in keep]
    notices = _refuse_dates(train, asked, roles.timestamp)
    _refuse_copies(train, asked, roles, target.astype(np.float64))
    return notices


def _refuse_dates(train: Table, columns: Sequence[Column], timestamp: str) -> tuple[Notice, ...]:
    """Refuse columns of dates after the rows' own moments; tell of those with a few."""
    dated = [column for column in columns if column.kind == Kind.DATETIME]
    if not dated:
        return ()
    stamp = datetime.recognise(measure(train.frame.select(timestamp))[0])
    if stamp is None:  # a count: no date can be later
        return ()
    moments = _instants(train, stamp)
    found: list[tuple[float, Column, NDArray[np.bool_], int]] = []
    for column in dated:
        later, filled = _later(_instants(train, column), moments)
        if later.any():
            found.append((float(later.sum() / filled), column, later, filled))
    found.sort(key=lambda one: -one[0])
    bad = [column.name for share, column, *_ in found if share > LATER]
    notices = []
    for share, column, later, filled in found:
        row = int(np.argmax(later))
        told = {"count": int(later.sum()), "filled": filled, "timestamp": timestamp}
        told["row"] = train.ids[row]
        if bad:
            cells = {"value": train.frame[column.name][row], "moment": train.frame[timestamp][row]}
            where = {"source": train.source, "column": column.name, "drop": ",".join(bad)}
            raise DataError("E-DATA-122", **where, **cells, **told, percent=100 * share)
        notices.append(Notice("W-AUDIT-008", column.name, told))
    return tuple(notices)


def _instants(train: Table, column: Column) -> Instants:
    form = column.format if isinstance(column.format, DatetimeFormat) else DatetimeFormat()
    return instants(train.frame[column.name], form)


def _later(dates: Instants, moments: Instants) -> tuple[NDArray[np.bool_], int]:
    """(rows,) bool: a date lies after its row's moment, by the clock and in UTC: where only one
    of the two names its time zone, one of them is right. Also how many rows have both."""
    both = (dates.utc != NONE) & (moments.utc != NONE)
    if not both.any():
        return both, 0
    unit = _unit(moments.wall[both])
    later = both.copy()
    for date, moment in ((dates.utc, moments.utc), (dates.wall, moments.wall)):
        later[both] &= date[both] - moment[both] >= unit
    return later, int(both.sum())


def _unit(wall: NDArray[np.int64]) -> int:
    """Microseconds that a moment stands for: a row of 2024-05-01 is of that day, and of that
    month where all rows are of the first of one."""
    days = wall.astype("datetime64[us]").astype("datetime64[D]")
    months, years = days.astype("datetime64[M]"), days.astype("datetime64[Y]")
    if (wall % DAY == 0).all():
        if (days == years).all():
            return 366 * DAY
        if (days == months).all():
            return 31 * DAY
        weekdays = wall // DAY % 7
        return 7 * DAY if (weekdays == weekdays[0]).all() else DAY
    for unit in (3600 * SECOND, 60 * SECOND, SECOND):
        if (wall % unit == 0).all():
            return unit
    return 1


def _refuse_copies(train: Table, columns: Sequence[Column], roles: Roles, target: Values) -> None:
    """Refuse columns of numbers that are the target of a later moment, in whatever unit."""
    order, series = _in_order(train, roles)
    if not len(order):
        return
    goal = _changes(target[order], series)
    moving = np.abs(np.nan_to_num(goal)) > 0
    if moving.sum() < FEWEST_CHANGES:
        return
    seen = np.convolve(moving, np.ones(min(PROBE, len(moving))), "valid")
    start = int(np.argmax(seen))
    probe = slice(start, start + PROBE)
    for column in columns:
        if column.kind not in (Kind.NUMBER, Kind.BOOLEAN):
            continue
        cells = channel_values(train.frame[column.name], column)[0][order]
        own = _changes(np.where(np.isfinite(cells), cells, np.nan), series)
        if np.isfinite(own[probe]).sum() < FEWEST:
            continue
        ahead = _ahead(own[probe], goal[probe], series[probe])
        if ahead and _apart(own, goal, series, ahead) <= PERFECT:
            raise DataError(
                "E-DATA-123", source=train.source, column=column.name, target=roles.target,
                ahead=ahead, timestamp=roles.timestamp,
            )  # fmt: skip


def _in_order(train: Table, roles: Roles) -> tuple[Places, Places]:
    """Rows by series and time, and the series of each; none where moments do not follow each
    other."""
    times = keys(train, str(roles.timestamp))
    series = np.zeros(len(train), np.int64) if roles.group is None else keys(train, roles.group)
    order = np.lexsort((times, series))
    same = series[order][1:] == series[order][:-1]
    ties = same & (np.diff(times[order]) == 0)
    if ties.mean() > TIES:
        return order[:0], series[:0]
    return order, series[order]


def _changes(values: Values, series: Places) -> Values:
    """(rows,) from the moment before; NaN where there is none."""
    found = np.diff(np.clip(values, -LARGEST, LARGEST), prepend=np.nan)
    found[1:][series[1:] != series[:-1]] = np.nan
    return found


def _ahead(own: Values, goal: Values, series: Places) -> int:
    """Moments ahead of which these changes are the target's; 0 where they are not, or say no more
    than the target of the same or of an earlier moment does."""
    most = min(FURTHEST, len(own) - FEWEST)
    if most < 1 or _together(own, goal, most) < WORTH_A_LOOK:
        return 0
    later = np.array([_apart(own, goal, series, k) for k in range(1, most + 1)])
    best = int(np.argmin(later))
    if later[best] > PERFECT:
        return 0
    known = min(_apart(own, goal, series, -k) for k in range(most + 1))
    return best + 1 if known > max(CLEARLY * later[best], 1e-9) else 0


def _together(own: Values, goal: Values, most: int) -> float:
    """Roughly, the highest |correlation| of changes with the target's up to so many moments later:
    gaps count as no change, and neighbours of other series as of the same. One Fourier transform
    for all distances."""
    one, other = (np.nan_to_num(values - np.nanmean(values)) for values in (own, goal))
    size = 1 << int(np.ceil(np.log2(2 * len(one))))
    found = np.fft.irfft(np.fft.rfft(one, size).conj() * np.fft.rfft(other, size), size)
    norm = float(np.sqrt(one @ one) * np.sqrt(other @ other))
    return float(np.abs(found[1 : most + 1]).max()) / norm if norm > 0 else 0.0


def _apart(own: Values, goal: Values, series: Places, ahead: int) -> float:
    """1 - |correlation| of changes with the target's so many moments later; 1 where too few are
    known."""
    size = len(own) - abs(ahead)
    here = slice(max(0, -ahead), max(0, -ahead) + size)
    there = slice(max(0, ahead), max(0, ahead) + size)
    one, other = own[here], goal[there]
    good = np.isfinite(one) & np.isfinite(other) & (series[here] == series[there])
    one, other = one[good], other[good]
    if len(one) < FEWEST or (other != 0).sum() < FEWEST_CHANGES:
        return 1.0
    one, other = one - one.mean(), other - other.mean()
    norm = float(np.sqrt(one @ one) * np.sqrt(other @ other))
    return 1.0 - abs(float(one @ other)) / norm if norm > 0 else 1.0

"""Events: alarms that begin, last and end, made of scores that flicker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

QUIET = 4  # part of a window for which scores must stay low before an alarm is over


@dataclass(frozen=True)
class Event:
    """Places of moments, in order by series and time.

    raised, last: of the alarm, both within. start, end: where what it tells of began and ended.
    """

    raised: int
    last: int
    start: int
    end: int

    def at(self, scores: NDArray[np.float64]) -> int:
        """The place of its highest score."""
        return self.raised + int(scores[self.raised : self.last + 1].argmax())


def events(
    scores: NDArray[np.float64],
    begins: NDArray[np.bool_],
    high: float,
    low: float,
    window: int,
) -> list[Event]:
    """Alarms with hysteresis, in order.

    An alarm is raised where a score reaches ``high``, and is over once all scores of a while
    (a fourth of a window) stayed below ``low``, or the series breaks off. Scores look back on a
    window: what raised it lies in the middle of one, so that half a window is taken off both ends.

    scores, begins: (moments,). An event never reaches over a place where a series begins.
    """
    found: list[Event] = []
    quiet, half = max(1, window // QUIET), window // 2
    heads = np.flatnonzero(begins)
    at = 0
    loud = np.flatnonzero(scores >= high)
    while True:
        place = int(np.searchsorted(loud, at))
        if place == len(loud):
            return found
        raised = int(loud[place])
        following = int(np.searchsorted(heads, raised, side="right"))
        stretch = int(heads[following - 1])
        stop = int(heads[following]) if following < len(heads) else len(scores)
        last = _last(scores, raised, stop, low, quiet)
        start = max(stretch, raised - half, found[-1].end + 1 if found else 0)
        start = min(start, raised)
        end = last if last == stop - 1 else max(start, last - half)
        found.append(Event(raised, last, start, end))
        at = last + 1


def _last(scores: NDArray[np.float64], raised: int, stop: int, low: float, quiet: int) -> int:
    """The last moment before ``quiet`` ones below ``low``; ``stop`` - 1 if there is none."""
    calm = 0
    for place in range(raised + 1, stop):
        calm = calm + 1 if scores[place] < low else 0
        if calm == quiet:
            return place - quiet
    return stop - 1


def numbered(found: list[Event], moments: int) -> NDArray[np.int64]:
    """(moments,): 1, 2, … within the events, 0 outside."""
    out = np.zeros(moments, np.int64)
    for number, one in enumerate(found, start=1):
        out[one.start : one.end + 1] = number
    return out

"""Channel reasons: which channels make an event, and what they do, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from deeplode.detectors.moments import Moments
from deeplode.detectors.rolling import LOG, TOLD
from deeplode.messages import say

MOST = 3  # channels that are named
LEAST = 0.1  # share of the blame that a named channel has
STILL = 0.1  # of the usual spread or movement, below which a channel hardly moves
LEVEL, SPREAD, MOVEMENT, GAPS = range(TOLD)
SENTENCES = {
    LEVEL: "D-SERIES-LEVEL",
    SPREAD: "D-SERIES-SPREAD",
    MOVEMENT: "D-SERIES-MOVEMENT",
    GAPS: "D-SERIES-GAPS",
}


@dataclass(frozen=True)
class Blamed:
    """A channel: its share of an event, 0 … 1, which of the four things about it is oddest, what
    that is and what is usual: means in the channel's unit, spreads and movements as multiples of
    the usual ones (which are 1), gaps as shares."""

    channel: str
    share: float
    what: int
    value: float
    usual: float

    @property
    def code(self) -> str:
        """Of the sentence."""
        still = self.what in (SPREAD, MOVEMENT) and self.value < STILL
        return "D-SERIES-STILL" if still else SENTENCES[self.what]

    @property
    def values(self) -> dict[str, Any]:
        """That the sentence takes."""
        value = 100 * self.value if self.what == GAPS else self.value
        return {"column": self.channel, "value": value, "usual": self.usual}

    def sentence(self) -> str:
        """What the channel does, in words."""
        return say(self.code, **self.values)


@dataclass(frozen=True)
class Why:
    """The channels that make an event, the most odd one first. shares: (channels,) of all."""

    blamed: tuple[Blamed, ...]
    shares: NDArray[np.float64]

    def sentence(self) -> str:
        """In words."""
        return say("D-REASON-JOIN").join(one.sentence() for one in self.blamed)

    def as_json(self) -> list[dict[str, Any]]:
        """Plain values."""
        return [
            {
                "channel": one.channel,
                "share": one.share,
                "says": one.sentence(),
                "code": one.code,
                "values": one.values,
            }
            for one in self.blamed
        ]


def reason(
    moments: Moments,
    names: Sequence[str],
    x: Tensor,
    base: int,
    blame: NDArray[np.float64],
    mean: Callable[[int], NDArray[np.float64]],
) -> Why:
    """Why an event is one.

    x: (moments, features) of the alarm. base: line of the baseline. blame: (features,) >= 0 of
    its oddest moment. mean: (channels,) of the window so many moments into the alarm, in the
    channels' units.
    """
    parts = blame.reshape(TOLD, len(names))
    shares = parts.sum(axis=0) / max(parts.sum(), 1e-300)
    order = np.argsort(-shares, kind="stable")[:MOST]
    rows = x.double().numpy()
    odd = []
    for at in order.tolist():
        if shares[at] >= LEAST:
            what = int(parts[:, at].argmax())
            far = np.abs(rows[:, what * len(names) + at])
            ends = np.flatnonzero(far == far.max())  # far out all are alike: the middle one of them
            into = int(ends[len(ends) // 2])
            level = float(mean(into)[at]) if what == LEVEL else 0.0
            said = _said(moments, rows[into], level, base, what, at)
            odd.append(Blamed(names[at], float(shares[at]), what, *said))
    return Why(tuple(odd), shares)


def _said(
    moments: Moments,
    row: NDArray[np.float64],
    level: float,
    base: int,
    what: int,
    at: int,
) -> tuple[float, float]:
    """What is found and what is usual. row: (features,) of the moment in the event that is farthest
    out. level: mean of its window."""
    place = what * moments.channels + at
    usual = float(moments.center[base, place])
    if what == LEVEL:
        normal = float(moments.level[base, at] + moments.width[base, at] * usual)
        return level if np.isfinite(level) else normal, normal
    far = float(row[place] * moments.unit[place])
    if what == GAPS:
        return min(1.0, max(0.0, usual + far)), usual
    normal = max(float(np.exp(usual)) - LOG, LOG / 10)
    return max(0.0, float(np.exp(usual + far)) - LOG) / normal, 1.0

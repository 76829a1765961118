"""Scorer: what every way of recommending can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from deeplode.recommenders.histories import Histories
from deeplode.runtime import Budget

Arrays = Mapping[str, NDArray[Any]]
Setting = Mapping[str, float]  # what was chosen of a way, by name
Floats = NDArray[np.float32]


def setting_of(facts: Mapping[str, Any]) -> Setting:
    """``setting`` of a scorer's facts. Raises KeyError, TypeError or ValueError if it is none."""
    found = facts["setting"]
    if not isinstance(found, dict) or len(found) > 16:
        raise TypeError("setting must be a few numbers by name.")
    if any(type(value) not in (int, float) for value in found.values()):
        raise TypeError("a setting must be a number.")
    if not all(isfinite(value) for value in found.values()):
        raise ValueError("a setting must be finite.")
    return dict(found)


class Scorer(Protocol):
    """Learned from histories, says what users will want next.

    It knows users by their histories alone, so that one never seen is no other case. A user's
    scores do not depend on the users beside it.
    """

    @property
    def setting(self) -> Setting:
        """What it was fitted with; of a net, ``epochs`` says how long it trained."""

    def scores(self, histories: Histories) -> Floats:
        """(users, items) float32, finite: higher is likelier; the unit is the scorer's own."""

    def facts(self) -> dict[str, Any]:
        """What was chosen and counted, as plain JSON values; ``setting`` among them."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse of ``facts`` and ``arrays``.

        Raises ValueError, KeyError or TypeError for what it could not have written.
        """


@dataclass(frozen=True)
class Grounds:
    """What a scorer learns with besides histories.

    budget: a net hands over its best so far when it stops. memory: bytes that it may take; None =
    no limit. item_features: (items, columns) float32 what is known of items; None = nothing.
    judge: how good a scorer is on validation users, higher is better; None where it was chosen
    before and nothing is left to judge with: ``setting`` says how long to train then. earlier: a
    net goes on from that one; what only counts or is solved does not need it.
    """

    seed: int = 0
    threads: int = 1
    budget: Budget = field(default_factory=Budget)
    memory: int | None = None
    item_features: Floats | None = None
    judge: Callable[[Scorer], float] | None = None
    earlier: Scorer | None = None

    @property
    def trained(self) -> int:
        """Epochs that the earlier net trained for."""
        return 0 if self.earlier is None else int(self.earlier.setting["epochs"])


Fit = Callable[[Histories, Setting, Grounds], Scorer]


@dataclass(frozen=True)
class Way:
    """A way of recommending.

    settings: those to try on validation users, the most promising first. restore: inverse of
    ``facts`` and ``arrays``. deep: whether it is a net. needs: "order" where histories must be in
    order of time, "items" where something must be known of items. most: items above which it
    would know too few of them for its time; None = it takes any number. each: bytes that an item
    takes while a net learns.
    """

    fit: Fit
    settings: tuple[Setting, ...]
    restore: Callable[[Mapping[str, Any], Arrays], Scorer]
    deep: bool = False
    needs: str | None = None
    most: int | None = None
    each: int = 0

    def allowed(self, items: int, memory: int | None) -> bool:
        """Whether so many items are not too many for it. memory: bytes; None = no limit."""
        few = self.most is None or items <= self.most
        return few and (memory is None or self.each * items <= memory)

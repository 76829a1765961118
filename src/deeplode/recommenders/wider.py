"""Wider: a scorer among further items that it has not learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from deeplode.recommenders.histories import Histories
from deeplode.recommenders.scorer import Arrays, Floats, Scorer, Setting


@dataclass(frozen=True, eq=False)
class Wider:
    """scorer: of the first ``items`` items; it says nothing of the ``more`` behind them."""

    scorer: Scorer
    items: int
    more: int

    name: ClassVar[str] = "wider"

    @property
    def setting(self) -> Setting:
        """That of the scorer."""
        return self.scorer.setting

    def scores(self, histories: Histories) -> Floats:
        """(users, items + more): an item that nobody had yet stands level with the least likely."""
        own = self.scorer.scores(among(histories, self.items))
        least = own.min(1, keepdims=True) if self.items else np.zeros((len(own), 1), np.float32)
        return np.concatenate([own, np.repeat(least, self.more, 1)], 1)

    def facts(self) -> dict[str, Any]:
        """Raises TypeError: further items come and go, a model file holds none."""
        raise TypeError("a scorer among further items is not saved")

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Raises TypeError, as ``facts``."""
        raise TypeError("a scorer among further items is not saved")

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Raises TypeError, as ``facts``."""
        raise TypeError("a scorer among further items is not saved")


def among(histories: Histories, items: int) -> Histories:
    """The histories without what lies behind the first items."""
    kept = histories.item < items
    made = Histories.of(len(histories), items, histories.user[kept], histories.item[kept])
    return Histories(items, made.start, made.item, histories.features)

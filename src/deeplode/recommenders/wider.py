"""Wider: a scorer among further items that it has not learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deeplode.recommenders.blend import standard
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.scorer import Arrays, Floats, Scorer, Setting
from deeplode.recommenders.towers import TwoTowers

USERS = 500  # that a slope is found by


@dataclass(frozen=True, eq=False)
class Wider:
    """scorer: of the first ``items`` items. towers: know those behind them, too, by their columns.
    slope: standardised score to be expected of an item, for each of the towers'."""

    scorer: Scorer
    towers: TwoTowers
    items: int
    slope: float

    @property
    def setting(self) -> Setting:
        """That of the scorer."""
        return self.scorer.setting

    def scores(self, histories: Histories) -> Floats:
        """(users, all items): what is to be expected of an item that nobody had yet, by how the
        scorer follows the towers on those that it knows."""
        own = self.scorer.scores(among(histories, self.items))
        told = self.towers.scores(histories)
        known, unknown = told[:, : self.items], told[:, self.items :]
        spread = np.maximum(known.std(1, keepdims=True), 1e-12)
        placed = self.slope * (unknown - known.mean(1, keepdims=True)) / spread
        new = own.mean(1, keepdims=True) + own.std(1, keepdims=True) * placed
        return np.concatenate([own, new.astype(np.float32)], 1)

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


def slope_of(scorer: Scorer, towers: TwoTowers, histories: Histories) -> float:
    """How far standardised scores follow those of the towers, 0 … 1, on items that both know: their
    mean correlation over at most USERS users."""
    few = histories.rows(np.arange(min(USERS, len(histories))))
    if not len(few) or not few.items:
        return 0.0
    both = standard(scorer.scores(few)) * standard(towers.scores(few))
    return float(np.clip(both.mean(), 0.0, 1.0))


def among(histories: Histories, items: int) -> Histories:
    """The histories without what lies behind the first items."""
    kept = histories.item < items
    made = Histories.of(len(histories), items, histories.user[kept], histories.item[kept])
    return Histories(items, made.start, made.item, histories.features)

"""Popularity: everybody is recommended what most users had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deeplode.detectors.detector import kept
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.linear import checked
from deeplode.recommenders.scorer import Arrays, Floats, Grounds, Setting, setting_of


@dataclass(frozen=True, eq=False)
class Popularity:
    """users: (items,) int64 how many users had each."""

    users: NDArray[np.int64]
    setting: Setting = field(default_factory=dict)

    def scores(self, histories: Histories) -> Floats:
        """(users, items): the same for everybody."""
        checked(histories, len(self.users))
        one = self.users.astype(np.float32)
        return np.repeat(one[None], len(histories), axis=0)

    def facts(self) -> dict[str, Any]:
        """The setting."""
        return {"setting": dict(self.setting)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The counts."""
        return {"users": self.users}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError."""
        return cls(kept(arrays, "users", "int64", -1), setting_of(facts))


def fit_popularity(histories: Histories, setting: Setting, grounds: Grounds) -> Popularity:
    """Count the users of each item."""
    return Popularity(np.asarray(histories.matrix.sum(0)).ravel().round().astype(np.int64))

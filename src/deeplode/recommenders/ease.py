"""EASE: a shallow autoencoder of items, in closed form.

Steck 2019, arXiv 1905.03375; with the loss of dropout out of Steck 2020 (EDLAE, NeurIPS).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from deeplode.detectors.detector import kept
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.linear import common_users, scored_densely
from deeplode.recommenders.scorer import Arrays, Floats, Grounds, Setting, setting_of
from deeplode.runtime import configured

MOST = 10_000  # items with weights: their inverse takes two minutes on two cores
COPIES = 4  # matrices items x items that are held at once


@dataclass(frozen=True, eq=False)
class Ease:
    """weights: (own, own) from an item of a history (rows) to items (columns).

    place: (items,) int32 the row of each; -1 = an item without weights, scored 0.
    """

    place: NDArray[np.int32]
    weights: Floats
    setting: Setting

    def scores(self, histories: Histories) -> Floats:
        """(users, items): weights from the items of the history, summed."""
        return scored_densely(histories, self.place, self.weights)

    def facts(self) -> dict[str, Any]:
        """The setting."""
        return {"setting": dict(self.setting)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Weights, and whose they are."""
        return {"place": self.place, "weights": self.weights}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError."""
        place = kept(arrays, "place", "int32", -1)
        own = place[place >= 0]
        if (own != np.arange(len(own))).any() or (place < -1).any():
            raise ValueError("place must count the items with weights.")
        weights = kept(arrays, "weights", "float32", len(own), len(own))
        return cls(place, np.ascontiguousarray(weights), setting_of(facts))


def fit_ease(histories: Histories, setting: Setting, grounds: Grounds) -> Ease:
    """B = I - P diag(P)^-1 with P = (XᵀX + Λ)^-1, X = who had what.

    setting: l2 and dropout, Λ = l2 · mean users of an item + dropout · users of the item; so l2
    suits data of any size, and dropout = p / (1 - p) where each item of a history is left out with
    probability p.
    """
    place, common = common_users(histories, grounds, MOST, COPIES)
    with configured(grounds.threads, grounds.seed):
        users = common.diagonal().clone()
        penalty = setting["l2"] * users.mean() + setting["dropout"] * users
        common.diagonal().add_(penalty.clamp(min=1e-3))
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(common))
        weights = inverse.div_(-inverse.diagonal().clone())
        weights.fill_diagonal_(0)
    return Ease(place, weights.contiguous().numpy(), setting)

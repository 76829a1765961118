"""ADMM-SLIM: sparse weights from item to item that are not negative.

Steck, Dimakopoulou, Riabov, Jebara 2020 (WSDM), solved by alternating directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from deeplode.nets.products import multiply
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.linear import as_arrays, common_users, from_arrays, scored
from deeplode.recommenders.scorer import Arrays, Floats, Grounds, Setting, setting_of
from deeplode.runtime import Budget, configured

MOST = 5_000  # items with weights: a step takes some seconds
COPIES = 7  # matrices items x items that are held at once
STEPS = 20  # after 20 rankings are as good as after 50
STRENGTH = 5.0  # of the tie between the two halves of the problem, in mean users of an item


@dataclass(frozen=True, eq=False)
class Slim:
    """weights: (items, items) sparse, from an item of a history (rows) to items (columns)."""

    weights: csr_array
    setting: Setting

    name: ClassVar[str] = "ADMM-SLIM"

    def scores(self, histories: Histories) -> Floats:
        """(users, items): weights from the items of the history, summed."""
        return scored(histories, self.weights)

    def facts(self) -> dict[str, Any]:
        """The setting."""
        return {"setting": dict(self.setting)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights."""
        return as_arrays(self.weights)

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError."""
        return cls(from_arrays(arrays), setting_of(facts))


def fit_slim(histories: Histories, setting: Setting, grounds: Grounds) -> Slim:
    """Least ½‖X - XB‖² + ½ tr(Bᵀ Λ B) + l1 · m |B|₁ with B >= 0 and no item its own reason.

    m = mean users of an item. setting: l1, l2 and alpha, Λ = l2 · m · (users / m)^alpha.
    grounds.budget: fewer steps when it ends.
    """
    place, common = common_users(histories, grounds, MOST, COPIES)
    with configured(grounds.threads, grounds.seed):
        users = common.diagonal().clone()
        mean = users.mean().clamp(min=1e-3)
        penalty = setting["l2"] * mean * (users / mean) ** setting["alpha"]
        tie = STRENGTH * mean
        dense = _solve(common, penalty, float(setting["l1"] * mean), float(tie), grounds.budget)
    own = np.flatnonzero(place >= 0)
    row, column = (one.numpy() for one in dense.nonzero(as_tuple=True))
    cells = (dense.numpy()[row, column], (own[row], own[column]))
    return Slim(csr_array(cells, shape=(histories.items, histories.items)), setting)


def _solve(common: Tensor, penalty: Tensor, l1: float, tie: float, budget: Budget) -> Tensor:
    """(own, own) weights. common: (own, own) = XᵀX."""
    ridge = common.clone()
    ridge.diagonal().add_(penalty + tie)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(ridge)).contiguous()
    room = ridge  # its memory serves again
    start = multiply(inverse[None], common[None], torch.empty_like(common)[None])[0]
    sparse, dual = torch.zeros_like(common), torch.zeros_like(common)
    for step in range(STEPS):
        if step and budget.stop():
            break
        target = torch.sub(tie * sparse, dual, out=common)
        dense = multiply(inverse[None], target[None], room[None])[0].add_(start)
        lift = dense.diagonal() / inverse.diagonal()
        dense.sub_(torch.mul(inverse, lift, out=common))  # its diagonal is 0 now
        torch.add(dense, dual, alpha=1 / tie, out=sparse).sub_(l1 / tie).clamp_(min=0)
        dual.add_(dense.sub_(sparse), alpha=tie)
    return sparse.fill_diagonal_(0)

"""ADMM-SLIM: sparse weights from item to item that are not negative.

Steck, Dimakopoulou, Riabov, Jebara 2020 (WSDM), solved by alternating directions.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from deeplode.nets.products import multiply
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.linear import SparseWeights, common_users
from deeplode.recommenders.scorer import Grounds, Setting
from deeplode.runtime import Budget, configured

MOST = 5_000  # items with weights: a step takes some seconds
COPIES = 7  # matrices items x items that are held at once
STEPS = 20  # after 20 rankings are as good as after 50
STRENGTH = 5.0  # of the tie between the two halves of the problem, in mean users of an item


class Slim(SparseWeights):
    """Few weights, none negative."""


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

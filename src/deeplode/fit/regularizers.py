"""What is done to gradients before a step and to weights after it.

Members lie along the first dimension of every parameter and never touch each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer


@torch.no_grad()
def prepare(optimizer: Optimizer, clip_norm: float) -> None:
    """Before a step: clip each member's gradient (0 = never), then l2 and decay left to us.

    l2 adds ``l2 * weight`` to the gradient; decay takes ``lr * decay`` of the weight away.
    """
    if clip_norm > 0:
        clip([one for group in optimizer.param_groups for one in group["params"]], clip_norm)
    for group in optimizer.param_groups:
        if group["l2"] > 0:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad.add_(parameter, alpha=group["l2"])
        if group["decay"] > 0:
            for parameter in group["params"]:
                parameter.mul_(1 - group["lr"] * group["decay"])


@torch.no_grad()
def project(optimizer: Optimizer, max_norm: float) -> None:
    """After a step: l1's soft threshold, then max-norm (0 = never)."""
    for group in optimizer.param_groups:
        if group["l1"] > 0:
            for parameter in group["params"]:
                soften(parameter, group["lr"] * group["l1"])
        if max_norm > 0:
            for parameter in group["units"]:
                bound(parameter, max_norm)


def clip(parameters: Sequence[Parameter], limit: float) -> None:
    """Shorten each member's whole gradient to ``limit`` (Pascanu et al. 2013).

    The norm is taken over all parameters of a member together.
    """
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not grads:
        return
    squares = torch.stack([grad.flatten(1).square().sum(1) for grad in grads])
    factor = limit / squares.sum(0).sqrt().clamp_min(limit)  # (members,), 1 below the limit
    for grad in grads:
        grad.mul_(factor.view(-1, *(1 for _ in grad.shape[1:])))


def soften(weights: Tensor, threshold: float) -> None:
    """sign(w) * max(|w| - threshold, 0): the proximal step of l1, which reaches exact zeros.

    Soft threshold of ISTA (Daubechies et al. 2004); with adaptive optimizers, too, the threshold
    is the plain learning rate times l1.
    """
    weights.copy_(torch.nn.functional.softshrink(weights, threshold))


def bound(weights: Tensor, limit: float) -> None:
    """Scale each unit's incoming weights to norm ``limit`` at most (Srivastava et al. 2014).

    weights: (members, inputs, units).
    """
    norms = weights.norm(dim=1, keepdim=True)
    weights.mul_(limit / norms.clamp_min(limit))

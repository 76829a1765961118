"""Muon: momentum whose steps are turned into nearly orthogonal matrices.

Jordan et al. 2024 (kellerjordan.github.io/posts/muon), with the scale of Liu et al. 2025
(arXiv 2502.16982), which makes the steps as large as AdamW's, so that one learning rate serves
both: matrices are moved by Muon, all other parameters by Adam.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from deeplode.fit import keras_style
from deeplode.fit.ruled import Memory, kept

MOMENTUM = 0.95
ROUNDS = 5  # of Newton and Schulz
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # steepest at 0: small singular values grow quickly
SCALE = 0.2  # root mean square of a step of AdamW
EPS = 1e-7


def orthogonal(matrices: Tensor) -> Tensor:
    """Matrices with the same singular vectors and singular values near 1.

    (members, a, b) -> (members, a, b): X = a X + (b X X' + c (X X')²) X, ROUNDS times.
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.square().sum((1, 2), keepdim=True).sqrt() + EPS)
    for _ in range(ROUNDS):
        square = torch.bmm(x, x.mT)
        x = a * x + torch.bmm(torch.baddbmm(square, square, square, beta=b, alpha=c), x)
    return x.mT if tall else x


def muon(p: Tensor, g: Tensor, memory: Memory, set_: dict[str, Any]) -> None:
    """m = momentum * m + g; p -= lr * SCALE * sqrt(longer side) * orthogonal(g + momentum * m)."""
    if not set_["matrix"]:
        (keras_style.adam if set_["keras"] else adam)(p, g, memory, set_)
        return
    m = kept(memory, "momentum", p).mul_(MOMENTUM).add_(g)
    longer = max(p.shape[1:])
    p.sub_(set_["lr"] * SCALE * longer**0.5 * orthogonal(g + MOMENTUM * m))


def adam(p: Tensor, g: Tensor, memory: Memory, set_: dict[str, Any]) -> None:
    """p -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps), torch's form."""
    (first, second), t = set_["betas"], int(memory["step"])
    m = kept(memory, "momentum", p).lerp_(g, 1 - first)
    v = kept(memory, "velocity", p).mul_(second).addcmul_(g, g, value=1 - second)
    root = (v.sqrt() / (1 - second**t) ** 0.5).add_(set_["eps"])
    p.addcdiv_(m, root, value=-set_["lr"] / (1 - first**t))

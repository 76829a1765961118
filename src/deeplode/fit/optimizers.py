"""Optimizers by the name they have on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.optim import Optimizer

Builder = Callable[[Iterable[nn.Parameter], float, float], Optimizer]

BETAS = (0.9, 0.95)  # of Adam: the second is quicker than usual, for short trainings

OPTIMIZERS: dict[str, Builder] = {
    "sgd": lambda ps, lr, l2: torch.optim.SGD(ps, lr, weight_decay=l2, fused=True),
    "momentum": lambda ps, lr, l2: torch.optim.SGD(
        ps, lr, momentum=0.9, weight_decay=l2, fused=True
    ),
    "nesterov": lambda ps, lr, l2: torch.optim.SGD(
        ps, lr, momentum=0.9, nesterov=True, weight_decay=l2, fused=True
    ),
    "rmsprop": lambda ps, lr, l2: torch.optim.RMSprop(ps, lr, weight_decay=l2),
    "adagrad": lambda ps, lr, l2: torch.optim.Adagrad(ps, lr, weight_decay=l2, fused=True),
    "adam": lambda ps, lr, l2: torch.optim.Adam(ps, lr, BETAS, weight_decay=l2, fused=True),
    "adamw": lambda ps, lr, l2: torch.optim.AdamW(ps, lr, BETAS, weight_decay=l2, fused=True),
}


def build(name: str, net: nn.Module, learning_rate: float, l2: float) -> Optimizer:
    """The optimizer ``name`` over all weights of ``net``.

    l2: weight decay as torch has it: decoupled in adamw, added to the gradient in the others.
    """
    return OPTIMIZERS[name](list(net.parameters()), learning_rate, l2)

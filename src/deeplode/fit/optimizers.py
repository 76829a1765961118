"""Optimizers by the name they have on the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.optim import Optimizer

from deeplode.nets.group import Group

Builder = Callable[[list[dict[str, Any]], float], Optimizer]

BETAS = (0.9, 0.95)  # of Adam: the second is quicker than usual, for short trainings

OPTIMIZERS: dict[str, Builder] = {
    "sgd": lambda groups, lr: torch.optim.SGD(groups, lr, fused=True),
    "momentum": lambda groups, lr: torch.optim.SGD(groups, lr, momentum=0.9, fused=True),
    "nesterov": lambda groups, lr: torch.optim.SGD(
        groups, lr, momentum=0.9, nesterov=True, fused=True
    ),
    "rmsprop": lambda groups, lr: torch.optim.RMSprop(groups, lr),
    "adagrad": lambda groups, lr: torch.optim.Adagrad(groups, lr, fused=True),
    "adam": lambda groups, lr: torch.optim.Adam(groups, lr, BETAS, fused=True),
    "adamw": lambda groups, lr: torch.optim.AdamW(groups, lr, BETAS, fused=True),
}


def build(name: str, groups: Sequence[Group], learning_rate: float, l2: float) -> Optimizer:
    """The optimizer ``name`` over groups of parameters; each keeps its rate as ``factor``.

    l2: weight decay as torch has it: decoupled in adamw, added to the gradient in the others.
    """
    described = [
        {
            "params": list(group.parameters),
            "factor": group.rate,
            "weight_decay": l2 if group.decay else 0.0,
        }
        for group in groups
        if any(parameter.numel() for parameter in group.parameters)
    ]
    return OPTIMIZERS[name](described, learning_rate)

"""Ruled: an optimizer that is one function of a parameter, its gradient and its memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

Memory = dict[str, Tensor]
Update = Callable[[Tensor, Tensor, Memory, dict[str, Any]], None]


class Ruled(Optimizer):
    """Applies ``update(parameter, gradient, memory, settings)`` to each parameter in place.

    memory: tensors by name, all that a checkpoint must keep; ``step`` counts from 1.
    settings: of the parameter's group, ``lr`` among them.
    """

    def __init__(
        self, groups: list[dict[str, Any]], lr: float, update: Update, **settings: Any
    ) -> None:
        super().__init__(groups, {"lr": lr, **settings})
        self.update = update

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step of every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                memory = self.state[parameter]
                counted(memory)
                self.update(parameter, parameter.grad, memory, group)


def counted(memory: Memory) -> None:
    """Count one step more."""
    if "step" not in memory:
        memory["step"] = torch.zeros((), dtype=torch.long)
    memory["step"] += 1


def kept(memory: Memory, name: str, like: Tensor, start: float = 0.0) -> Tensor:
    """The tensor of that name, shaped as ``like``; filled with ``start`` at its first use."""
    if name not in memory:
        memory[name] = torch.full_like(like, start)
    return memory[name]

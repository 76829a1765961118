"""Group: parameters that are trained alike."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Group:
    """Parameters with a learning rate of their own.

    rate: factor on the learning rate. decay: whether weight decay (l2) and l1 apply.
    """

    parameters: tuple[nn.Parameter, ...]
    rate: float = 1.0
    decay: bool = True

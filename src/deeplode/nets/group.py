"""Group: parameters that are trained alike."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import nn


@dataclass(frozen=True)
class Group:
    """Parameters with a learning rate of their own.

    rate: factor on the learning rate. decay: whether weight decay, l2 and l1 apply.
    units: those of them that are (members, inputs, units) weights, for max-norm and muon.
    """

    parameters: tuple[nn.Parameter, ...]
    rate: float = 1.0
    decay: bool = True
    units: tuple[nn.Parameter, ...] = ()


def even(members: int, parts: int) -> list[slice]:
    """Consecutive members in so many parts of nearly the same size; none is empty."""
    ends = [members * part // parts for part in range(parts + 1)]
    return [slice(start, end) for start, end in pairwise(ends) if start < end]

"""Dropout without drawing random numbers at every step."""

from __future__ import annotations

import torch
from torch import Tensor


class MaskPool:
    """Dropout masks cut from one long random strip at random offsets.

    Drawing a mask for 256 x 256 activations costs several times the product that follows; cutting
    one from a strip costs nothing. The strip holds 0 with probability ``rate`` and 1 / (1 - rate)
    otherwise, so that the mean of an activation stays what it was (inverted dropout, Srivastava
    et al. 2014).

    rate: share of activations set to 0, in [0, 1).
    size: number of activations of the largest layer at one step.
    generator: decides strip and offsets; its state is all that a checkpoint must keep, as long as
        the strip was drawn first.
    """

    def __init__(self, rate: float, size: int, generator: torch.Generator) -> None:
        self.rate = rate
        self.offsets: list[int] = []
        self.generator = generator
        if rate > 0:
            strip = torch.rand(2 * size + 4096, generator=generator)
            self.strip = (strip >= rate).to(strip.dtype).mul_(1 / (1 - rate))

    def refill(self, count: int) -> None:
        """Draw the offsets of the next ``count`` masks."""
        if self.rate > 0:
            top = len(self.strip) // 2
            self.offsets = torch.randint(top, (count,), generator=self.generator).tolist()

    def __call__(self, hidden: Tensor) -> Tensor:
        """The activations, any shape of at most ``size`` numbers, some set to 0."""
        if self.rate <= 0:
            return hidden
        start = self.offsets.pop()
        return hidden * self.strip[start : start + hidden.numel()].view(hidden.shape)

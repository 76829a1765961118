"""Dropout without drawing random numbers at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Masks:
    """The masks of one step. starts: where each layer's mask begins in ``strip``."""

    strip: Tensor
    starts: Sequence[int]
    first: int = 0

    def of(self, members: int) -> Masks:
        """The masks for the members from this one on."""
        return Masks(self.strip, self.starts, members)

    def layer(self, number: int, shape: torch.Size) -> Tensor:
        """The mask of a hidden layer, counted from 0. shape: (members, rows, width)."""
        start = self.starts[number] + self.first * shape[1] * shape[2]
        return self.strip[start : start + shape.numel()].view(shape)


class MaskPool:
    """Dropout masks cut from one long random strip at random offsets.

    Drawing a mask for 256 x 256 activations costs several times the product that follows; cutting
    one from a strip costs nothing. The strip holds 0 with probability ``rate`` and 1 / (1 - rate)
    otherwise, so that the mean of an activation stays what it was (inverted dropout, Srivastava
    et al. 2014).

    rate: share of activations set to 0, in [0, 1).
    layers: hidden layers of a step. size: activations of the largest one, all members together.
    generator: decides strip and offsets; its state is all that a checkpoint must keep, as long as
        the strip was drawn first.
    """

    def __init__(self, rate: float, layers: int, size: int, generator: torch.Generator) -> None:
        self.rate = rate
        self.layers = layers
        self.generator = generator
        self.starts: list[list[int]] = []
        if rate > 0:
            strip = torch.rand(2 * size + 4096, generator=generator)
            self.strip = (strip >= rate).to(strip.dtype).mul_(1 / (1 - rate))

    def refill(self, steps: int) -> None:
        """Draw the offsets for so many steps."""
        if self.rate > 0:
            top = len(self.strip) // 2
            shape = (steps, self.layers)
            self.starts = torch.randint(top, shape, generator=self.generator).tolist()

    def step(self, number: int) -> Masks | None:
        """The masks of a step since the last ``refill``, counted from 0; None without dropout."""
        return Masks(self.strip, self.starts[number]) if self.rate > 0 else None

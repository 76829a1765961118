"""Convnext: convolutional nets built like transformers (Liu et al., 2022; Woo et al., 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

STAGES = 4
PATCH = 4  # pixels of a side that the first convolution brings together
EPSILON = 1e-6  # of all norms but the last
MOST_BLOCKS, MOST_CHANNELS, MOST_SIDE = 40, 16_384, 1_024


@dataclass(frozen=True)
class ConvnextSizes:
    """The plain values that fix such an encoder.

    side: pixels of an image's sides. blocks, widths: of each stage. scaled: what a block adds is
    scaled channel by channel. responding: channels are weighed by how strong they are over the
    whole image, as the second version does. epsilon: of the last norm.
    """

    side: int
    channels: int
    blocks: tuple[int, ...]
    widths: tuple[int, ...]
    scaled: bool = True
    responding: bool = False
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        if len(self.blocks) != STAGES or len(self.widths) != STAGES:
            raise ValueError("an encoder of images with other parts")
        counts = ((self.blocks, MOST_BLOCKS), ((*self.widths, self.channels), MOST_CHANNELS))
        for own, most in counts:
            if any(type(one) is not int or not 1 <= one <= most for one in own):
                raise ValueError(f"an encoder of images with {own}")
        if type(self.side) is not int or not 32 <= self.side <= MOST_SIDE:
            raise ValueError(f"images of {self.side} pixels")
        if type(self.scaled) is not bool or type(self.responding) is not bool:
            raise ValueError("an encoder of images whose facts are no truths")
        if not 0 < self.epsilon < 1:
            raise ValueError(f"epsilon {self.epsilon}")

    @property
    def features(self) -> int:
        """Numbers that it makes of an image."""
        return self.widths[-1]

    def step_bytes(self, cells: int) -> int:
        """Bytes on the way of so many images through a block, at their peak."""
        return 4 * cells * (self.side // PATCH) ** 2 * 14 * self.widths[0]

    def build(self) -> Convnext:
        """The module, whose weights are to be filled."""
        return Convnext(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "blocks": list(self.blocks), "widths": list(self.widths)}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> ConvnextSizes:
        """The inverse of ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        parts = {name: tuple(facts[name][: STAGES + 1]) for name in ("blocks", "widths")}
        return cls(**{**facts, **parts})


class Block(nn.Module):
    """A convolution of each channel alone, then two products at each place; added to the input."""

    def __init__(self, width: int, sizes: ConvnextSizes) -> None:
        super().__init__()
        self.apart = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, EPSILON)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.ones(width)) if sizes.scaled else None
        self.strong = nn.Parameter(torch.zeros(2, 4 * width)) if sizes.responding else None

    def forward(self, images: Tensor) -> Tensor:
        """(images, width, height, width) -> the same shape."""
        found: Tensor = gelu(self.fc1(self.norm(self.apart(images).permute(0, 2, 3, 1))))
        if self.strong is not None:
            size = found.norm(p=2, dim=(1, 2), keepdim=True)
            share = size / (size.mean(-1, keepdim=True) + EPSILON)
            found = found + self.strong[1] + self.strong[0] * (found * share)
        found = self.fc2(found)
        if self.gamma is not None:
            found = found * self.gamma
        return images + found.permute(0, 3, 1, 2)


class ChannelNorm(nn.LayerNorm):
    """A layer norm over the channels of images."""

    def forward(self, images: Tensor) -> Tensor:
        """(images, channels, height, width) -> the same shape."""
        normed: Tensor = super().forward(images.permute(0, 2, 3, 1))
        return normed.permute(0, 3, 1, 2)


class Convnext(nn.Module):
    """Images to one vector each: the mean over all places of the last stage, normed."""

    def __init__(self, sizes: ConvnextSizes) -> None:
        super().__init__()
        widths = sizes.widths
        first = nn.Conv2d(sizes.channels, widths[0], PATCH, PATCH)
        self.before = nn.ModuleList([nn.Sequential(first, ChannelNorm(widths[0], EPSILON))])
        for inputs, outputs in pairwise(widths):
            halve = nn.Conv2d(inputs, outputs, 2, 2)
            self.before.append(nn.Sequential(ChannelNorm(inputs, EPSILON), halve))
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width, sizes) for _ in range(count)))
            for width, count in zip(widths, sizes.blocks, strict=True)
        )
        self.norm = nn.LayerNorm(widths[-1], sizes.epsilon)

    def forward(self, images: Tensor) -> Tensor:
        """(images, channels, side, side) float32 -> (images, features)."""
        for before, stage in zip(self.before, self.stages, strict=True):
            images = stage(before(images))
        pooled: Tensor = self.norm(images.mean((2, 3)))
        return pooled

"""Resnet: residual convolutional nets that people publish (He et al. 2016, Xie et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import relu

STAGES = 4
MOST_BLOCKS, MOST_CHANNELS, MOST_SIDE = 40, 16_384, 1_024


@dataclass(frozen=True)
class Stage:
    """blocks: one after the other. inner: channels between their convolutions. outer: channels
    that they give. three: convolutions in a block, else two. groups: of inner channels that the
    middle one of three keeps apart."""

    blocks: int
    inner: int
    outer: int
    three: bool
    groups: int = 1


@dataclass(frozen=True)
class ResnetSizes:
    """The plain values that fix such an encoder.

    side: pixels of an image's sides. channels: of an image. stem: channels of the first
    convolutions: one of 7 x 7 pixels, or three of 3 x 3. averaged: a shortcut that halves
    averages first.
    """

    side: int
    channels: int
    stem: tuple[int, ...]
    stages: tuple[Stage, ...]
    averaged: bool = False

    def __post_init__(self) -> None:
        counts = [self.channels, *self.stem]
        for stage in self.stages:
            counts += [stage.inner, stage.outer, stage.groups]
        if any(type(own) is not int or not 1 <= own <= MOST_CHANNELS for own in counts):
            raise ValueError(f"an encoder of images of {counts} channels")
        blocks = [stage.blocks for stage in self.stages]
        if any(type(own) is not int or not 1 <= own <= MOST_BLOCKS for own in blocks):
            raise ValueError(f"an encoder of images of {blocks} blocks")
        if len(self.stages) != STAGES or len(self.stem) not in (1, 3):
            raise ValueError("an encoder of images with other parts")
        if type(self.side) is not int or not 32 <= self.side <= MOST_SIDE:
            raise ValueError(f"images of {self.side} pixels")
        if any(stage.inner % stage.groups for stage in self.stages):
            raise ValueError("channels that do not fit into their groups")

    @property
    def features(self) -> int:
        """Numbers that it makes of an image."""
        return self.stages[-1].outer

    def step_bytes(self, cells: int) -> int:
        """Bytes on the way of so many images through a block, at their peak."""
        first = (self.side // 4) ** 2
        widest = max(4 * self.stem[-1], 3 * self.stages[0].outer + 2 * self.stages[0].inner)
        return 4 * cells * first * 2 * widest

    def build(self) -> Resnet:
        """The module, whose weights are to be filled."""
        return Resnet(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "stem": list(self.stem), "stages": [*map(asdict, self.stages)]}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> ResnetSizes:
        """The inverse of ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        stages = tuple(Stage(**own) for own in facts["stages"][: STAGES + 1])
        return cls(**{**facts, "stem": tuple(facts["stem"][:4]), "stages": stages})


class Block(nn.Module):
    """Two or three convolutions, added to what came in."""

    def __init__(self, inputs: int, stage: Stage, stride: int, sizes: ResnetSizes) -> None:
        super().__init__()
        inner, outer, self.three = stage.inner, stage.outer, stage.three
        if stage.three:
            self.conv1, self.bn1 = _conv(inputs, inner, 1), nn.BatchNorm2d(inner)
            self.conv2 = _conv(inner, inner, 3, stride, groups=stage.groups)
            self.bn2 = nn.BatchNorm2d(inner)
            self.conv3, self.bn3 = _conv(inner, outer, 1), nn.BatchNorm2d(outer)
        else:
            self.conv1, self.bn1 = _conv(inputs, inner, 3, stride), nn.BatchNorm2d(inner)
            self.conv2, self.bn2 = _conv(inner, outer, 3), nn.BatchNorm2d(outer)
        self.downsample = None
        if stride > 1 or inputs != outer:
            self.downsample = _shortcut(inputs, outer, stride, sizes.averaged)

    def forward(self, images: Tensor) -> Tensor:
        """(images, channels, height, width) -> the same with other channels, perhaps halved."""
        found = self.bn2(self.conv2(relu(self.bn1(self.conv1(images)))))
        if self.three:
            found = self.bn3(self.conv3(relu(found)))
        return relu(found + (images if self.downsample is None else self.downsample(images)))


class Resnet(nn.Module):
    """Images to one vector each: the mean over all places of the last stage."""

    def __init__(self, sizes: ResnetSizes) -> None:
        super().__init__()
        self.conv1 = _stem((sizes.channels, *sizes.stem))
        self.bn1 = nn.BatchNorm2d(sizes.stem[-1])
        self.pool = nn.MaxPool2d(3, 2, 1)
        inputs = sizes.stem[-1]
        for number, stage in enumerate(sizes.stages, 1):
            stride = 1 if number == 1 else 2
            first = Block(inputs, stage, stride, sizes)
            rest = [Block(stage.outer, stage, 1, sizes) for _ in range(stage.blocks - 1)]
            setattr(self, f"layer{number}", nn.Sequential(first, *rest))
            inputs = stage.outer

    def forward(self, images: Tensor) -> Tensor:
        """(images, channels, side, side) float32 -> (images, features)."""
        found = self.pool(relu(self.bn1(self.conv1(images))))
        for number in range(1, STAGES + 1):
            found = getattr(self, f"layer{number}")(found)
        pooled: Tensor = found.mean((2, 3))
        return pooled


def _conv(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)


def _stem(channels: tuple[int, ...]) -> nn.Module:
    """One convolution that halves, or three of which the first does."""
    if len(channels) == 2:
        return _conv(*channels, 7, 2)
    parts: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise(channels)):
        parts.append(_conv(inputs, outputs, 3, 2 if number == 0 else 1))
        if number < 2:
            parts += [nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*parts)


def _shortcut(inputs: int, outputs: int, stride: int, averaged: bool) -> nn.Sequential:
    norm = nn.BatchNorm2d(outputs)
    if not averaged:
        return nn.Sequential(_conv(inputs, outputs, 1, stride), norm)
    halve: nn.Module = nn.Identity()
    if stride > 1:
        halve = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False)
    return nn.Sequential(halve, _conv(inputs, outputs, 1), norm)

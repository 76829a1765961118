"""The net for pictures: a small residual net that ends in one vector a row.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, laid out for pictures of few
pixels: a first layer of 3 x 3, a few stages, each with half the pixels and twice the channels of
the one before, and the mean over what is left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from deeplode.nets.augment import erased, lit, moved, turned

MOST = {"channels": 4, "side": 512, "base": 256, "blocks": 16, "stages": 5}
COARSE = 48  # pixels of the longer side from which on the first layer halves them
LAST = 4  # pixels of a side of the last stage
_MIDDLE, _SPREAD = 127.5, 64.0  # pixels are scaled to about -2 … 2
_HELD = 5  # tensors of a block's size that its way back needs


@dataclass(frozen=True)
class ImageShape:
    """Plain numbers that fix every tensor of the net.

    channels, height, width: of the pictures. base: channels of the first stage. blocks: residual
    blocks of each stage. stages: each but the first halves height and width. coarse: the first
    layer halves them too, for large pictures.
    flip, shift, turn, erase, light: how pictures are changed in training. A net that learned from
    mirror images is also asked about both: the features are the mean of the two.
    half: training computes in bfloat16 where that loses nothing; answers never do.

    Raises ValueError for sizes below 1 or beyond MOST.
    """

    channels: int
    height: int
    width: int
    base: int = 16
    blocks: int = 1
    stages: int = 4
    coarse: bool = False
    flip: bool = False
    shift: bool = True
    turn: bool = False
    erase: bool = False
    light: bool = False
    half: bool = False

    def __post_init__(self) -> None:
        sizes = {
            "channels": self.channels,
            "side": max(self.height, self.width),
            "base": self.base,
            "blocks": self.blocks,
            "stages": self.stages,
        }
        if any(
            type(one) is not int or one < 1 for one in (*sizes.values(), self.height, self.width)
        ):
            raise ValueError(f"every size of a net must be a whole number above 0: {self}")
        for name, size in sizes.items():
            if size > MOST[name]:
                raise ValueError(
                    f"a net of pictures may have at most {MOST[name]} {name}, got {size}."
                )
        flags = ("coarse", "flip", "shift", "turn", "erase", "light", "half")
        if any(type(getattr(self, name)) is not bool for name in flags):
            raise ValueError(f"each of {', '.join(flags)} is true or false: {self}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each stage."""
        return tuple(self.base * 2**stage for stage in range(self.stages))

    @property
    def features(self) -> int:
        """Numbers given for a row."""
        return self.widths[-1]

    @classmethod
    def fitting(cls, channels: int, height: int, width: int) -> ImageShape:
        """The shape for pictures of this size, until more is known of them.

        From COARSE pixels on the first layer goes in steps of two: for a fraction of the cost the
        net sees farther. Stages go down to about LAST pixels.
        """
        side = max(height, width)
        coarse = side >= COARSE
        stages = 1 + max(1, round(math.log2(side / (2 if coarse else 1) / LAST)))
        return cls(channels, height, width, stages=min(stages, MOST["stages"]), coarse=coarse)

    @property
    def products(self) -> int:
        """Multiplications of a row's way forward; training takes three times as many."""
        pixels = self.height * self.width / (4 if self.coarse else 1)
        total, inputs = 9 * self.channels * self.base * pixels, self.base
        for width in self.widths:
            total += pixels * (9 * inputs + 9 * (2 * self.blocks - 1) * width) * width
            inputs, pixels = width, pixels / 4
        return int(total)

    @property
    def row_bytes(self) -> int:
        """Memory that a row's way forward and back holds, in bytes."""
        first = 2 if self.coarse else 1
        pixels = self.height * self.width / first**2
        kept = sum(width * pixels / 4**stage for stage, width in enumerate(self.widths))
        return int(4 * (kept * (self.blocks * _HELD + 2) + 2 * self.channels * pixels * first**2))

    def build(self, generator: torch.Generator | None) -> ImageBranch:
        """The net. generator: draws the weights; None leaves them at zero."""
        return ImageBranch(self, generator)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> ImageShape:
        """The inverse of ``to_json``; ValueError, KeyError or TypeError for anything else."""
        return cls(**{name: facts[name] for name in cls.__dataclass_fields__})


class Block(nn.Module):
    """Two layers of 3 x 3 beside a way around them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        same = inputs == outputs and stride == 1
        self.around = None if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, inputs, h, w) -> (rows, outputs, h / stride, w / stride)."""
        hidden = functional.relu_(self.first_norm(self.first(x)))
        hidden = self.second_norm(self.second(hidden))
        return functional.relu_(hidden + (x if self.around is None else self.around(x)))


class ImageBranch(nn.Module):
    """Pictures -> features."""

    def __init__(self, shape: ImageShape, generator: torch.Generator | None) -> None:
        super().__init__()
        self.shape, base = shape, shape.base
        stem = nn.Conv2d(shape.channels, base, 3, 2 if shape.coarse else 1, 1, bias=False)
        layers: list[nn.Module] = [stem, nn.BatchNorm2d(base), nn.ReLU()]
        inputs = base
        for stage, outputs in enumerate(shape.widths):
            for block in range(shape.blocks):
                layers.append(Block(inputs, outputs, 2 if stage and not block else 1))
                inputs = outputs
        self.layers = nn.Sequential(*layers)
        self._draw(generator)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def _draw(self, generator: torch.Generator | None) -> None:
        """He's weights; each block begins as the way around it alone."""
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                part.weight.zero_()
                if generator is not None:
                    spread = (2.0 / (part.out_channels * part.weight[0, 0].numel())) ** 0.5
                    part.weight.normal_(0, spread, generator=generator)
            elif isinstance(part, Block):
                part.second_norm.weight.zero_()

    def maps(self, cells: Tensor) -> Tensor:
        """The last stage, before the mean over its pixels: (rows, features, h, w) float32.

        cells: (rows, channels, height, width) uint8.
        """
        scaled = (cells.float() - _MIDDLE) / _SPREAD
        scaled = scaled.contiguous(memory_format=torch.channels_last)
        half = self.shape.half and self.training
        with torch.autocast(cells.device.type, torch.bfloat16, enabled=half):
            found: Tensor = self.layers(scaled)
        return found.float()

    def forward(self, cells: Tensor) -> Tensor:
        """(rows, features) float32. cells: (rows, channels, height, width) uint8."""
        found = self.maps(cells).mean((2, 3))
        if self.shape.flip and not self.training:
            found = (found + self.maps(cells.flip(3)).mean((2, 3))) / 2
        return found

    def augment(self, cells: Tensor) -> Tensor:
        """The pictures of one step of training, each changed a little by chance."""
        shape = self.shape
        if shape.turn:
            cells = turned(cells)
        if shape.flip or shape.shift:
            cells = moved(cells, shape.flip, shape.shift)
        if shape.light:
            cells = lit(cells)
        return erased(cells) if shape.erase else cells

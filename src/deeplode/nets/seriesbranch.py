"""SeriesBranch: a small residual net of convolutions over time.

He et al. 2016, laid out for series as by Wang, Yan and Oates, Time Series Classification from
Scratch with Deep Neural Networks, 2017: blocks of two convolutions with BatchNorm and a way around
them, each but the first over half as many moments. Mean and maximum over time, and what stands at
the last moment, make the features: what happened at all, and how things stand now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, relu

MOST = {"channels": 16_384, "length": 65_536, "width": 1_024, "stages": 12, "coarse": 64}
COARSE = 64  # moments from which on the first layer halves them, and again
FEWEST = 8  # moments that the last block still sees
WIDEST = 2  # times the first width that later blocks have

LEFT_OUT = 0.3  # share of the features that a step of training does without
NOISE = 0.2  # on values in training, in spreads


@dataclass(frozen=True)
class SeriesShape:
    """Plain numbers that fix every tensor of the branch.

    channels, length: of a cell. width: channels of the first block. stages: blocks; each but the
    first halves the moments. coarse: moments that the first layer goes on by.

    Raises ValueError for sizes below 1 or beyond MOST.
    """

    channels: int
    length: int
    width: int = 32
    stages: int = 3
    coarse: int = 1

    def __post_init__(self) -> None:
        for name, size in asdict(self).items():
            if type(size) is not int or not 1 <= size <= MOST[name]:
                raise ValueError(f"{name} of a series branch must be 1 … {MOST[name]}, got {size}")

    @classmethod
    def fitting(cls, channels: int, length: int) -> SeriesShape:
        """Blocks until few moments are left, at least two."""
        coarse, left = 1, length
        while left >= COARSE and coarse < MOST["coarse"]:
            coarse, left = 2 * coarse, -(-left // 2)
        stages = 1
        while left > FEWEST and stages < MOST["stages"]:
            stages, left = stages + 1, -(-left // 2)
        return cls(channels, length, stages=max(2, stages), coarse=coarse)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each block."""
        return (self.width, *(WIDEST * self.width,) * (self.stages - 1))

    @property
    def features(self) -> int:
        """Mean, maximum and last moment of the last channels."""
        return 3 * self.widths[-1]

    @property
    def row_bytes(self) -> int:
        """Bytes that a row's way through it leaves in memory until the way back."""
        moments, kept = -(-self.length // self.coarse), 2 * self.channels * self.length
        kept += 4 * self.width * moments
        for stage, width in enumerate(self.widths):
            moments = -(-moments // 2) if stage else moments
            kept += 8 * width * moments
        return 4 * kept

    def build(self, generator: torch.Generator | None) -> SeriesBranch:
        """The branch. generator: draws its weights; None where they will be filled."""
        return SeriesBranch(self, generator)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> SeriesShape:
        """The inverse of ``to_json``; ValueError, KeyError or TypeError for anything else."""
        return cls(**{name: facts[name] for name in cls.__dataclass_fields__})


def convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Module:
    """A convolution over time without bias, and BatchNorm."""
    layer = nn.Conv1d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm1d(outputs))


class Block(nn.Module):
    """Two convolutions with a way around both."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, 3, stride)
        self.second = convolution(outputs, outputs, 3)
        straight = inputs == outputs and stride == 1
        self.around = nn.Identity() if straight else convolution(inputs, outputs, 1, stride)

    def forward(self, cells: Tensor) -> Tensor:
        """(rows, inputs, moments) -> (rows, outputs, moments / stride)."""
        return relu(self.around(cells) + self.second(relu(self.first(cells))))


class SeriesBranch(nn.Module):
    """Windows to features."""

    def __init__(self, shape: SeriesShape, generator: torch.Generator | None) -> None:
        super().__init__()
        widths = shape.widths
        self.stem = convolution(shape.channels, widths[0], 2 * shape.coarse + 3, shape.coarse)
        pairs = pairwise((widths[0], *widths))
        self.blocks = nn.Sequential(
            *(
                Block(inputs, outputs, 2 if stage else 1)
                for stage, (inputs, outputs) in enumerate(pairs)
            )
        )
        if generator is not None:
            self._draw(generator)

    @torch.no_grad()
    def _draw(self, generator: torch.Generator) -> None:
        """He et al. 2015, by the inputs of a unit."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d):
                spread = (2.0 / layer.weight[0].numel()) ** 0.5
                layer.weight.normal_(0, spread, generator=generator)

    def forward(self, cells: Tensor) -> Tensor:
        """(rows, channels, moments) -> (rows, features)."""
        found = self.blocks(relu(self.stem(cells)))
        pooled = torch.cat([found.mean(2), found.amax(2), found[:, :, -1]], 1)
        return dropout(pooled, LEFT_OUT, self.training)

    def augment(self, cells: Tensor) -> Tensor:
        """The same series with a little noise. Draws from torch's global random numbers."""
        return cells + NOISE * torch.randn(cells.shape)

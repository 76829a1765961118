"""AudioBranch: a small residual net over log-mel spectrograms, and what it is trained on.

Convolutions look at each channel alone, then at all channels of a place (Howard et al. 2017,
MobileNets), with a way around every block (He et al. 2016): first over places, then, all bands of
a moment made one, over time alone. Means and maxima over time make the
features: where in a clip a sound stands, and how long the clip is, matters little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, dropout, grid_sample, relu

MOST = {"bands": 256, "frames": 4_096, "widths": 8, "width": 1_024, "blocks": 16}
SMALLEST = 8  # bands and frames
MOMENTS = 7  # that a block over time sees at once
NEPER = 80 / 255 * math.log(10) / 10  # a byte of a picture, as the logarithm of a power

LEFT_OUT = 0.3  # share of the features that a step of training does without

# Augmentation, chosen on speakers held out of training. Sizes are shares of the picture, drawn
# evenly up to both sides of nothing.
MOVED = 0.10  # of the frames, a clip is moved in time
STRETCHED = 0.30  # is longer or shorter
RAISED, WIDENED = 0.06, 0.08  # of the bands, a clip is moved in pitch, and its pitches spread
BAND_MASK, TIME_MASK = 0.20, 0.12  # at most so wide are the masks of SpecAugment
MASKS = 2  # of each
GAIN, TILT = 0.06, 0.15  # of the range of dB: louder or quieter, and more so from low to high
NOISY, NOISE, HISS = 0.7, 0.75, 0.1  # share of clips with noise, up to which level, its own tilt


@dataclass(frozen=True)
class AudioShape:
    """What a branch over one column of sounds needs to know to lay out its weights.

    bands, frames: size of a picture. widths: channels of each stage over places; each after the
    first halves the bands, the second the frames, too. width: channels over time. blocks: of them.

    Raises ValueError for sizes below 1 or beyond MOST.
    """

    bands: int
    frames: int
    widths: tuple[int, ...] = (16, 32, 64)
    width: int = 192
    blocks: int = 3

    def __post_init__(self) -> None:
        sizes = (self.bands, self.frames, *self.widths, self.width, self.blocks)
        if any(type(size) is not int or size < 1 for size in sizes) or not self.widths:
            raise ValueError(f"every size of a net must be a whole number above 0: {self}")
        within = {
            "bands": self.bands,
            "frames": self.frames,
            "widths": len(self.widths),
            "width": max(*self.widths, self.width),
            "blocks": self.blocks,
        }
        for name, size in within.items():
            if size > MOST[name]:
                raise ValueError(f"a net may have at most {MOST[name]} {name}, got {size}.")

    @property
    def features(self) -> int:
        """Means and maxima of the last channels."""
        return 2 * self.width

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """(bands, frames) that each stage over places leaves."""
        found, (height, width) = [], (self.bands, self.frames)
        for stage, _ in enumerate(self.widths):
            height, width = -(-height // 2), -(-width // 2) if stage < 2 else width
            found.append((height, width))
        return tuple(found)

    @property
    def row_bytes(self) -> int:
        """Bytes that a row's way through it leaves in memory until the way back."""
        places = [height * width for height, width in self.sizes]
        kept = 3 * places[0] * self.widths[0]
        for place, (inputs, outputs) in zip(places[1:], pairwise(self.widths), strict=True):
            kept += place * (3 * inputs + 6 * outputs)
        kept += self.sizes[-1][1] * self.width * (3 + 7 * self.blocks)
        return 4 * (4 * self.bands * self.frames + kept)

    def build(self, generator: torch.Generator | None) -> AudioBranch:
        """The branch. generator: draws its weights; None where they will be filled."""
        return AudioBranch(self, generator)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"widths": list(self.widths)}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> AudioShape:
        """The inverse of ``to_json``; ValueError, KeyError or TypeError for anything else."""
        plain: dict[str, Any] = {name: facts[name] for name in cls.__dataclass_fields__}
        plain["widths"] = tuple(plain["widths"])
        return cls(**plain)


Two = int | tuple[int, int]  # of bands and frames


def convolution(inputs: int, outputs: int, size: Two, stride: Two = 1, apart: int = 1) -> nn.Module:
    """A convolution without bias, and BatchNorm. apart: groups of channels that never meet."""
    around = size // 2 if isinstance(size, int) else (size[0] // 2, size[1] // 2)
    layer = nn.Conv2d(inputs, outputs, size, stride, around, groups=apart, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


class Block(nn.Module):
    """Each channel alone, then all channels of a place, with a way around both."""

    def __init__(self, inputs: int, outputs: int, stride: Two, size: Two = 3) -> None:
        super().__init__()
        self.alone = convolution(inputs, inputs, size, stride, apart=inputs)
        self.together = convolution(inputs, outputs, 1)
        straight = inputs == outputs and stride == 1
        self.around = nn.Identity() if straight else convolution(inputs, outputs, 1, stride)

    def forward(self, cells: Tensor) -> Tensor:
        """(rows, inputs, height, width) -> (rows, outputs, height / stride, width / stride)."""
        return relu(self.around(cells) + self.together(relu(self.alone(cells))))


class AudioBranch(nn.Module):
    """Pictures of sounds to features."""

    def __init__(self, shape: AudioShape, generator: torch.Generator | None) -> None:
        super().__init__()
        self.stem = convolution(1, shape.widths[0], 5, 2)
        self.places = nn.Sequential(
            *(
                Block(inputs, outputs, (2, 1 if stage else 2))
                for stage, (inputs, outputs) in enumerate(pairwise(shape.widths))
            )
        )
        height, width = shape.sizes[-1][0], shape.width
        layer = nn.Conv2d(shape.widths[-1], width, (height, 1), bias=False)
        self.over_bands = nn.Sequential(layer, nn.BatchNorm2d(width))
        self.times = nn.Sequential(
            *(Block(width, width, 1, (1, MOMENTS)) for _ in range(shape.blocks))
        )
        if generator is not None:
            self._draw(generator)

    @torch.no_grad()
    def _draw(self, generator: torch.Generator) -> None:
        """He et al. 2015, by the inputs of a unit."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                spread = (2.0 / layer.weight[0].numel()) ** 0.5
                layer.weight.normal_(0, spread, generator=generator)

    def forward(self, cells: Tensor) -> Tensor:
        """(rows, bands, frames) of 0 … 255 -> (rows, features)."""
        found = cells[:, None].float() * (4 / 255)
        found = relu(self.over_bands(self.places(relu(self.stem(found)))))
        found = self.times(found)[:, :, 0]
        pooled = torch.cat([found.mean(2), found.amax(2)], 1)
        return dropout(pooled, LEFT_OUT, self.training)

    def augment(self, cells: Tensor) -> Tensor:
        """The same clips as they might have sounded, (rows, bands, frames) float32.

        In noise, moved, stretched and raised a little, louder or duller, with bands and stretches
        of time left out (Park et al. 2019, SpecAugment). Draws from torch's global random numbers.
        """
        loud = _moved(_noisy(cells.float()))
        rows, bands, frames = cells.shape
        tilt = torch.linspace(-1, 1, bands)[:, None] * _drawn(rows, TILT)
        loud = torch.where(loud > 0, loud + 255 * (tilt + _drawn(rows, GAIN)), 0.0)
        for _ in range(MASKS):
            loud = loud * _mask(rows, bands, BAND_MASK)[:, :, None]
            loud = loud * _mask(rows, frames, TIME_MASK)[:, None, :]
        return loud.clamp(0, 255)


def _drawn(rows: int, most: float) -> Tensor:
    """(rows, 1, 1) between -most and most."""
    return most * (2 * torch.rand(rows, 1, 1) - 1)


def _noisy(loud: Tensor) -> Tensor:
    """With noise of any level added to most clips, as other rooms and microphones would.

    Powers add up, not dB. The power of noise in a cell is spread exponentially around its mean, of
    which a band that is several bins wide keeps half, in dB. loud: (rows, bands, frames).
    """
    rows, bands, frames = loud.shape
    tilt = torch.linspace(-1, 1, bands)[:, None] * _drawn(rows, HISS)
    level = NOISE * torch.rand(rows, 1, 1) + tilt
    spread = torch.log(-torch.log(torch.rand(rows, bands, frames).clamp(1e-4, 1 - 1e-4))) / 2
    found = torch.logaddexp(loud * NEPER, 255 * NEPER * level + spread) / NEPER
    heard = (loud > 0).any(1, keepdim=True) & (torch.rand(rows, 1, 1) < NOISY)
    return torch.where(heard, found, loud)


def _moved(loud: Tensor) -> Tensor:
    """Moved in time and pitch and stretched, silence around. loud: (rows, bands, frames)."""
    rows, bands, frames = loud.shape
    change = torch.zeros(rows, 2, 3)
    change[:, 0, 0] = 1 + _drawn(rows, STRETCHED)[:, 0, 0]
    change[:, 0, 2] = 2 * _drawn(rows, MOVED)[:, 0, 0]
    change[:, 1, 1] = 1 + _drawn(rows, WIDENED)[:, 0, 0]
    change[:, 1, 2] = 2 * _drawn(rows, RAISED)[:, 0, 0]
    grid = affine_grid(change, [rows, 1, bands, frames], align_corners=False)
    return grid_sample(loud[:, None], grid, align_corners=False)[:, 0]


def _mask(rows: int, size: int, most: float) -> Tensor:
    """(rows, size) of 0 in a stretch of up to ``most`` of all, 1 elsewhere."""
    width = torch.rand(rows, 1) * most * size
    start = torch.rand(rows, 1) * (size - width)
    place = torch.arange(size)
    return ((place < start) | (place >= start + width)).float()

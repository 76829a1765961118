"""Pictures a little changed at each look: so that what the label does not hang on is not learned.

Plain operations on uint8 batches, drawing from torch's global random numbers (of the CPU, so that
a seed means the same on every device). Shifts and mirrors
are one gathering of pixels; turning and zooming is one bilinear sampling. Erasing: Zhong et al.,
"Random Erasing Data Augmentation", AAAI 2020.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

SHIFT = 0.125  # of the side, the farthest that a picture moves: 4 pixels of 32
DEGREES, ZOOM = 10.0, 0.1  # the farthest turn, and the share by which sizes change at most
ERASED = 0.5  # chance that a rectangle is erased
LEAST, MOST = 0.15, 0.45  # of the sides of the rectangle, by the picture's
CONTRAST, BRIGHTNESS = 0.25, 0.1  # the farthest change, as a factor and as a share of the range


def moved(cells: Tensor, flip: bool, shift: bool) -> Tensor:
    """Each picture shifted by up to SHIFT of its sides, and mirrored left to right half the time.

    cells: (rows, channels, height, width) uint8. What comes in at an edge repeats the edge.
    Returns the same shape, channels last in memory.
    """
    rows, _, height, width = cells.shape
    down = _drawn_shifts(rows, height, shift) + torch.arange(height)  # (rows, height)
    right = _drawn_shifts(rows, width, shift) + torch.arange(width)  # (rows, width)
    down, right = down.clamp_(0, height - 1), right.clamp_(0, width - 1)
    if flip:
        mirrored = torch.rand(rows, 1) < 0.5
        right = torch.where(mirrored, right.flip(1), right)
    place = (torch.arange(rows)[:, None, None], down[:, :, None], right[:, None, :])
    found = cells.permute(0, 2, 3, 1)[tuple(one.to(cells.device) for one in place)]
    return found.permute(0, 3, 1, 2)


def turned(cells: Tensor) -> Tensor:
    """Each picture turned by up to DEGREES and zoomed by up to ZOOM; edges are repeated.

    cells: (rows, channels, height, width) uint8. Returns the same shape.
    """
    rows, _, height, width = cells.shape
    angle = (torch.rand(rows) * 2 - 1) * math.radians(DEGREES)
    zoom = torch.exp((torch.rand(rows) * 2 - 1) * math.log1p(ZOOM))
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    side = height / width
    zero = torch.zeros(rows)
    map_ = torch.stack([cos, -sin * side, zero, sin / side, cos, zero], 1).view(rows, 2, 3)
    map_ = map_.to(cells.device)
    grid = functional.affine_grid(map_, list(cells.shape), align_corners=False)
    found = functional.grid_sample(
        cells.float(), grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return found.round_().to(torch.uint8)


def lit(cells: Tensor) -> Tensor:
    """Each picture with another contrast, around its own mean, and another brightness.

    cells: (rows, channels, height, width) uint8. Returns the same shape.
    """
    rows = len(cells)
    real = cells.float()
    mean = real.mean((1, 2, 3), keepdim=True)
    factor = torch.exp((torch.rand(rows, 1, 1, 1) * 2 - 1) * math.log1p(CONTRAST))
    offset = (torch.rand(rows, 1, 1, 1) * 2 - 1) * (255 * BRIGHTNESS)
    factor, offset = factor.to(cells.device), offset.to(cells.device)
    return (real - mean).mul_(factor).add_(mean + offset).round_().clamp_(0, 255).to(torch.uint8)


def erased(cells: Tensor) -> Tensor:
    """In half of the pictures a rectangle is painted over with the picture's mean grey.

    cells: (rows, channels, height, width) uint8. Returns the same shape.
    """
    rows, _, height, width = cells.shape
    inside = _drawn_spans(rows, height)[:, :, None] & _drawn_spans(rows, width)[:, None, :]
    inside &= (torch.rand(rows) < ERASED)[:, None, None]
    paint = cells.float().mean((2, 3), keepdim=True).to(torch.uint8)
    return torch.where(inside[:, None].to(cells.device), paint, cells)


def _drawn_shifts(rows: int, side: int, shift: bool) -> Tensor:
    """(rows, 1) whole pixels."""
    most = round(side * SHIFT) if shift else 0
    return torch.randint(-most, most + 1, (rows, 1))


def _drawn_spans(rows: int, side: int) -> Tensor:
    """(rows, side) bool: one run of positions in each row."""
    long = side * (LEAST + torch.rand(rows, 1) * (MOST - LEAST))
    begin = torch.rand(rows, 1) * (side - long)
    place = torch.arange(side) + 0.5
    return (place >= begin) & (place < begin + long)

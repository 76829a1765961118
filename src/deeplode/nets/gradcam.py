"""Where a net looked: which parts of a picture speak for an answer.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from deeplode.nets.imagebranch import ImageBranch


def looked_at(branch: ImageBranch, cells: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    """What speaks for the scores, from 0 (nothing) to 1 (most of this picture).

    branch: of a trained net; it is left as it was. cells: (rows, channels, height, width) uint8.
    score: from the branch's features, (rows, features), to the score of each row that is to be
    explained, (rows,): such as the part of the last layer that belongs to the row's class.
    Returns (rows, height, width) float32; zeros where nothing speaks for the score.
    """
    was_training = branch.training
    branch.train(False)
    found = _seen(branch, cells, score)
    if branch.shape.flip:  # as its features: the mean of a picture and its mirror
        found = (found + _seen(branch, cells.flip(3), score).flip(2)) / 2
    branch.train(was_training)
    return found / found.amax((1, 2), keepdim=True).clamp_min(torch.finfo(found.dtype).tiny)


def _seen(branch: ImageBranch, cells: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    """(rows, height, width), not scaled."""
    with torch.no_grad():
        maps = branch.maps(cells)
    with torch.enable_grad():
        maps.requires_grad_()
        (slopes,) = torch.autograd.grad(score(maps.mean((2, 3))).sum(), maps)
    weights = slopes.mean((2, 3), keepdim=True)  # (rows, features, 1, 1)
    seen = (weights * maps.detach()).sum(1, keepdim=True).relu_()
    sides = list(cells.shape[2:])
    return interpolate(seen, sides, mode="bilinear", align_corners=False)[:, 0]

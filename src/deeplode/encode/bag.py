"""The form of an encoded text: the features that are in it, each with its weight, in one int32.

A cell is (rows, length) int32. Each number above 0 is a feature's id, 1 …, in the lower ID_BITS
and its weight in the bits above; 0 is padding. So nets, linear models and lists of words read
the same cells and need to know nothing of the vocabulary but its size.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ID_BITS = 20
MOST_ID = (1 << ID_BITS) - 1
FINEST = (1 << (31 - ID_BITS)) - 1  # steps of the root of a weight between 0 and 1


def pack(ids: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.int32]:
    """Ids of 1 … MOST_ID and weights above 0, at most 1, in one number each.

    The root of a weight is rounded to 1/2047, so a weight of 0.01 is kept to half a percent. Only
    operations that IEEE 754 rounds exactly: the bits do not depend on where in an array they are.
    """
    steps = np.clip(np.rint(np.sqrt(weights) * FINEST), 1, FINEST).astype(np.int64)
    return np.asarray(ids | steps << ID_BITS, np.int32)


def unpack(cells: Tensor) -> tuple[Tensor, Tensor]:
    """The ids, int32, and the weights, float32, of cells of any shape; 0 and 0.0 at padding."""
    roots = (cells >> ID_BITS).float() / FINEST
    return cells & MOST_ID, roots * roots


def flat(cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Without padding, as ``torch.nn.functional.embedding_bag`` takes them.

    cells: (rows, length) int32. Returns ids (n,) int32, offsets (rows,) int32 where each row
    begins, and weights (n,) float32.
    """
    packed = cells.numpy()
    there = packed > 0  # NumPy's masks take a third of the time of torch's
    ids, weights = unpack(torch.from_numpy(packed[there]))
    ends = np.cumsum(np.count_nonzero(there, axis=1))
    offsets = np.zeros(len(cells), np.int32)
    offsets[1:] = ends[:-1]
    return ids, torch.from_numpy(offsets), weights

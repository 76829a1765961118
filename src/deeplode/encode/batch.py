"""Batch: what a net sees of some rows, one tensor for each form of input."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

UNSEEN = 0  # category slot of a level that the training rows did not have
MISSING = 1  # category slot of an empty cell; levels begin at slot 2


@dataclass(frozen=True)
class Sizes:
    """What a net must know of its input before it sees any."""

    numbers: int  # columns of Batch.numbers
    categories: tuple[int, ...]  # slots of each column of Batch.categories, UNSEEN and MISSING too


@dataclass(frozen=True)
class Batch:
    """Encoded rows.

    numbers: (rows, numbers) float32, scaled robustly by the training rows; NaN = missing.
    categories: (rows, categories) int32 slots; 0 = unseen, 1 = missing, 2… = levels.
    """

    numbers: Tensor
    categories: Tensor

    def __len__(self) -> int:
        return self.numbers.shape[0]

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self.numbers.nbytes + self.categories.nbytes

    def rows(self, index: Tensor) -> Batch:
        """The rows at these positions. index: (n,) or (members, n) int64."""
        return Batch(self.numbers[index], self.categories[index])

    def to(self, device: torch.device) -> Batch:
        """The same rows on another device."""
        return Batch(self.numbers.to(device), self.categories.to(device))

"""TextBranch: a text as the weighted sum of the vectors of its features.

Joulin et al., Bag of tricks for efficient text classification, 2017, with the weights of the
encoder instead of a plain mean: common features say little, and a long text is no longer vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from deeplode.encode.bag import MOST_ID, flat

BEGIN = 0.01  # spread of the vectors before training: far below what they become
MOST = {"vocabulary": MOST_ID, "width": 1_024, "length": 65_536}
MOST_WEIGHTS = 1 << 28  # vocabulary times width


@dataclass(frozen=True)
class TextShape:
    """vocabulary: the highest number of a feature. width: of its vector. length: of a cell.

    Raises ValueError for sizes below 1 or beyond MOST and MOST_WEIGHTS.
    """

    vocabulary: int
    width: int
    length: int

    def __post_init__(self) -> None:
        for name, size in asdict(self).items():
            lowest = 0 if name == "vocabulary" else 1
            if type(size) is not int or not lowest <= size <= MOST[name]:
                raise ValueError(f"{name} of a text branch must be {lowest} … {MOST[name]}: {size}")
        if (self.vocabulary + 1) * self.width > MOST_WEIGHTS:
            raise ValueError(f"a text branch of more than {MOST_WEIGHTS} weights: {self}")

    @property
    def features(self) -> int:
        """Width of what the branch gives."""
        return self.width

    @property
    def row_bytes(self) -> int:
        """Bytes that a row's way forth and back holds: its cells, ids, weights and their order."""
        return self.length * (4 + 1 + 4 + 4 + 3 * 8) + 4 * 4 * self.width

    def build(self, generator: torch.Generator | None) -> TextBranch:
        """The module; weights drawn from the generator, or 0."""
        return TextBranch(self, generator)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> TextShape:
        """The inverse of ``to_json``; ValueError, KeyError or TypeError for anything else."""
        return cls(**{name: facts[name] for name in cls.__dataclass_fields__})


class TextBranch(nn.Module):
    """One vector a feature, (vocabulary + 1, width); the one of number 0 is never used."""

    def __init__(self, shape: TextShape, generator: torch.Generator | None) -> None:
        super().__init__()
        self.shape = shape
        self.vectors = nn.Parameter(torch.zeros(shape.vocabulary + 1, shape.width))
        if generator:
            nn.init.normal_(self.vectors, 0, BEGIN, generator)

    def forward(self, cells: Tensor) -> Tensor:
        """(rows, length) int32 -> (rows, width) float32; 0 for a text without features.

        Raises IndexError or RuntimeError for a feature beyond the vocabulary.
        """
        ids, offsets, weights = flat(cells)
        # sparse: a step touches few of the vectors, and its gradient is added to those alone
        return functional.embedding_bag(
            ids, self.vectors, offsets, mode="sum", per_sample_weights=weights, sparse=True
        )

    def augment(self, cells: Tensor) -> Tensor:
        """The cells as they are: leaving out features at random did not help on any set."""
        return cells

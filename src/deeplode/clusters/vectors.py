"""Vectors: encoded rows of any column kinds as the plain numbers that groups are formed of.

Numbers and categories as the detectors see them; each column of texts, images, sounds or series by
its leading principal components.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.clusters.medium import Medium, fit_medium
from deeplode.detectors.detector import Arrays
from deeplode.detectors.matrix import Matrix, fit_matrix
from deeplode.encode.batch import Batch, MediaSize
from deeplode.parts import below, under


@dataclass(frozen=True, eq=False)
class Vectors:
    """How rows become vectors: of numbers and categories by ``matrix``, of media by their own."""

    matrix: Matrix
    media: tuple[Medium, ...]

    def of(self, batch: Batch) -> Tensor:
        """(rows, dimensions) float32, finite."""
        parts = [self.matrix.of(_plain(batch))]
        parts += [one.of(own) for one, own in zip(self.media, batch.media, strict=True)]
        return torch.cat(parts, 1)

    def spans(self) -> list[slice]:
        """The dimensions of the matrix, then those of each medium."""
        widths = [len(self.matrix.columns), *(one.width for one in self.media)]
        ends = np.cumsum(widths)
        return [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]

    def facts(self) -> dict[str, Any]:
        """What is not an array."""
        return {"matrix": self.matrix.facts(), "media": [one.facts() for one in self.media]}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""
        media = {f"media{at}": one.arrays() for at, one in enumerate(self.media)}
        return under({"matrix": self.matrix.arrays(), **media})

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what describes no vectors."""
        matrix = Matrix.restore(facts["matrix"], below(arrays, "matrix"))
        media = (
            Medium.restore(one, below(arrays, f"media{at}"))
            for at, one in enumerate(facts["media"])
        )
        return cls(matrix, tuple(media))


def fit_vectors(batch: Batch, sizes: tuple[MediaSize, ...], seed: int) -> Vectors:
    """How these rows become vectors. sizes: of each of ``batch.media``."""
    media = (
        fit_medium(own, size, seed + at)
        for at, (own, size) in enumerate(zip(batch.media, sizes, strict=True))
    )
    return Vectors(fit_matrix(_plain(batch)), tuple(media))


def _plain(batch: Batch) -> Batch:
    """Its numbers and categories alone."""
    return replace(batch, media=()) if batch.media else batch

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
from deeplode.detectors.detector import Arrays, kept
from deeplode.detectors.matrix import LEVEL, NUMBER, OTHER, Matrix, fit_matrix
from deeplode.encode.batch import Batch, MediaSize
from deeplode.parts import below, under

MANY = 8  # number columns that may be of one unit
MOST = 0.8  # share of them whose range is at most twice or half the middle one


@dataclass(frozen=True, eq=False)
class Vectors:
    """How rows become vectors: of numbers and categories by ``matrix``, of media by their own.

    weight: (matrix columns,) float32 that the matrix is multiplied by.
    """

    matrix: Matrix
    media: tuple[Medium, ...]
    weight: NDArray[np.float32]

    def of(self, batch: Batch) -> Tensor:
        """(rows, dimensions) float32, finite."""
        parts = [self.matrix.of(_plain(batch)) * torch.from_numpy(self.weight)]
        parts += [one.of(own) for one, own in zip(self.media, batch.media, strict=True)]
        return torch.cat(parts, 1)

    def free(self) -> NDArray[np.bool_]:
        """(dimensions,): all but the first level of each category and what stands for its rare
        ones, which follow from the other levels."""
        kind, source, _ = self.matrix.columns.T
        level = np.flatnonzero(kind == LEVEL)
        first = level[np.unique(source[level], return_index=True)[1]]
        kept_ = kind != OTHER
        kept_[first] = False
        return np.append(kept_, np.ones(sum(one.width for one in self.media), bool))

    def facts(self) -> dict[str, Any]:
        """What is not an array."""
        return {"matrix": self.matrix.facts(), "media": [one.facts() for one in self.media]}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""
        media = {f"media{at}": one.arrays() for at, one in enumerate(self.media)}
        return {**under({"matrix": self.matrix.arrays(), **media}), "weight": self.weight}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what describes no vectors."""
        matrix = Matrix.restore(facts["matrix"], below(arrays, "matrix"))
        media = (
            Medium.restore(one, below(arrays, f"media{at}"))
            for at, one in enumerate(facts["media"])
        )
        weight = kept(arrays, "weight", "float32", len(matrix.columns))
        return cls(matrix, tuple(media), weight)


def fit_vectors(
    batch: Batch, sizes: tuple[MediaSize, ...], units: NDArray[np.float64], seed: int
) -> Vectors:
    """How these rows become vectors.

    sizes: of each of ``batch.media``. units: (numbers,) what one of ``batch.numbers`` is in the
    column's own unit, NaN where it has none.
    """
    media = (
        fit_medium(own, size, seed + at)
        for at, (own, size) in enumerate(zip(batch.media, sizes, strict=True))
    )
    matrix = fit_matrix(_plain(batch))
    return Vectors(matrix, tuple(media), _weight(matrix, batch, units))


def _weight(matrix: Matrix, batch: Batch, units: NDArray[np.float64]) -> NDArray[np.float32]:
    """(matrix columns,): 1, but for columns of one unit, such as pixels or answers from 1 to 5,
    what keeps them in that unit: a pixel that is hardly ever lit must not weigh like others.

    They are of one unit when there are MANY and most ranges are like the middle one.
    """
    weight = np.ones(len(matrix.columns))
    kind, source, _ = matrix.columns.T
    known = np.append(units, np.nan)  # what a category has
    source = np.where(kind == NUMBER, source, len(units))
    values = np.flatnonzero(np.isfinite(known[source]))
    if len(values) < MANY:
        return weight.astype(np.float32)
    cells = batch.numbers[:, torch.from_numpy(source[values])].double().numpy()
    ranges = (np.nanmax(cells, 0) - np.nanmin(cells, 0)) * units[source[values]]
    like = np.abs(np.log2(np.maximum(ranges, 1e-300) / np.median(ranges))) <= 1
    if like.mean() >= MOST:
        spread = matrix.width[values] * units[source[values]]
        weight[values] = spread / np.sqrt(np.square(spread).mean())
    return weight.astype(np.float32)


def _plain(batch: Batch) -> Batch:
    """Its numbers and categories alone."""
    return replace(batch, media=()) if batch.media else batch

"""Medium: a column of texts, images, sounds or series as its leading principal components.

Of texts these are latent semantic dimensions (Deerwester et al. 1990) of the words' weights, of
images of their pixels (Turk and Pentland 1991), of sounds of their spectrograms, of series of what
describes them. A column's dimensions together spread like as many plain numbers as it has
independent directions: (sum of variances)^2 / sum of squared variances.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from torch import Tensor

from deeplode.clusters.spaces import directions_of
from deeplode.detectors.detector import Arrays, in_blocks, kept, whole
from deeplode.encode.bag import flat
from deeplode.encode.batch import Media, MediaSize
from deeplode.nets.products import steady

MOST = 50  # dimensions of a column
SAMPLE = 20_000  # rows that the components are learned from
WORDS = 20_000  # features of texts that count, those of the largest weight
FEWEST = 3  # rows that must have a feature
BLOCK = 256  # rows at a time
POOLED = 4_096  # cells of an image or spectrogram up to which every one counts
KINDS = ("text", "image", "audio", "series")


@dataclass(frozen=True, eq=False)
class Medium:
    """A column's components.

    kind: what the column holds. center: (cells,) float32. components: (cells, width) float32.
    known: (cells,) int64, of texts the features that count, sorted; empty for others.
    pool: cells of an image's or spectrogram's side that are averaged into one.
    """

    kind: str
    center: NDArray[np.float32]
    components: NDArray[np.float32]
    known: NDArray[np.int64]
    pool: int = 1

    @property
    def width(self) -> int:
        """Dimensions."""
        return int(self.components.shape[1])

    @torch.no_grad()
    def of(self, media: Media) -> Tensor:
        """(rows, width) float32; the middle where a cell is empty."""
        center = torch.from_numpy(self.center)
        components = torch.from_numpy(self.components)
        if self.kind == "text":
            found = _tfidf(media, self.known, self.center) @ self.components
            return torch.from_numpy(np.asarray(found, np.float32))
        cells = _cells(media, self.kind, self.pool)
        filled = torch.where(cells.isnan(), center, cells)
        return in_blocks(lambda block: steady(block - center, components), filled, BLOCK)

    def facts(self) -> dict[str, Any]:
        """What is not an array."""
        return {"kind": self.kind, "pool": self.pool}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""
        return {"center": self.center, "components": self.components, "known": self.known}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what describes no medium."""
        if facts["kind"] not in KINDS:
            raise ValueError(f"no medium: {facts['kind']!r}")
        center = kept(arrays, "center", "float32", -1)
        components = kept(arrays, "components", "float32", len(center), -1)
        known = kept(arrays, "known", "int64", len(center) if facts["kind"] == "text" else 0)
        if (np.diff(known) <= 0).any():
            raise ValueError("features must be sorted.")
        return cls(facts["kind"], center, components, known, whole(facts, "pool", 1, 1 << 12))


def fit_medium(media: Media, size: MediaSize, seed: int) -> Medium:
    """Components of these cells, at least one row."""
    some = torch.linspace(0, len(media.cells) - 1, min(len(media.cells), SAMPLE)).long()
    few = media.rows(some)
    if size.kind == "text":
        return _fit_text(few, size.features, seed)
    pool = _pool(size)
    cells = _cells(few, size.kind, pool).double()
    center = torch.nan_to_num(torch.nanmean(cells, 0))
    spread = torch.where(cells.isnan(), 0.0, cells - center)
    variance, directions = directions_of(spread)
    width = min(MOST, len(spread), len(variance))
    components = directions[:, :width] * _unit(variance[:width])
    none = np.zeros(0, np.int64)
    return Medium(size.kind, center.float().numpy(), components.astype(np.float32), none, pool)


def _fit_text(media: Media, features: int, seed: int) -> Medium:
    """Latent semantic dimensions of texts."""
    counts = _weights(media, None, features + 1)
    rows = np.bincount(counts.indices, minlength=features + 1)
    mass = np.asarray(counts.sum(0)).ravel() * (rows >= min(FEWEST, len(media.cells)))
    known = np.sort(np.argsort(-mass, kind="stable")[:WORDS])
    known = known[mass[known] > 0].astype(np.int64)
    idf = np.log((1 + counts.shape[0]) / (1 + rows[known])).astype(np.float32) + 1
    cells = _tfidf(media, known, idf)
    width = min(MOST, len(known) - 1, counts.shape[0] - 1)
    if width < 1:
        return Medium("text", idf, np.zeros((len(known), 0), np.float32), known)
    with np.errstate(invalid="ignore", divide="ignore"):  # it divides by the variance of all alike
        svd = TruncatedSVD(width, random_state=seed).fit(cells)
    components = _signed(svd.components_.T) * _unit(svd.explained_variance_)
    return Medium("text", idf, components.astype(np.float32), known)


def _weights(media: Media, known: NDArray[np.int64] | None, width: int) -> sp.csr_matrix:
    """(rows, features) of the texts' weights. known: the features that count, None for all."""
    ids, offsets, weights = (part.numpy() for part in flat(media.cells))
    places = ids.astype(np.int64)
    ends = np.append(offsets, len(ids))
    row = np.repeat(np.arange(len(offsets)), np.diff(ends))
    if known is not None:
        at = np.searchsorted(known, places)
        there = (at < len(known)) & (known[np.minimum(at, len(known) - 1)] == places)
        places, row, weights, width = at[there], row[there], weights[there], len(known)
    return sp.csr_matrix((weights, (row, places)), (len(offsets), width), dtype=np.float32)


def _tfidf(media: Media, known: NDArray[np.int64], idf: NDArray[np.float32]) -> sp.csr_matrix:
    """Weights times the inverse document frequency, each row of length 1 or 0."""
    if not len(known):
        return sp.csr_matrix((len(media.cells), 0), dtype=np.float32)
    cells = sp.csr_matrix(_weights(media, known, 0).sqrt().multiply(idf[None]))
    length = np.sqrt(np.asarray(cells.multiply(cells).sum(1)).ravel())
    return sp.csr_matrix(sp.diags(1 / np.maximum(length, 1e-12)) @ cells)


def _cells(media: Media, kind: str, pool: int) -> Tensor:
    """(rows, cells) float32; NaN where the cell is empty. Of series what describes them."""
    if kind == "series":
        return media.described
    cells = media.cells.float() / 255
    if pool > 1:
        cells = torch.nn.functional.avg_pool2d(
            cells if cells.dim() == 4 else cells.unsqueeze(1), pool, ceil_mode=True
        )
    flat_cells = cells.flatten(1)
    empty = media.described.isnan().all(1, keepdim=True)
    return torch.where(empty, torch.nan, flat_cells)


def _pool(size: MediaSize) -> int:
    """How many cells of a side are averaged, so that at most POOLED are left."""
    if size.kind == "series":
        return 1
    pool, cells = 1, int(np.prod(size.shape))
    while cells / pool**2 > POOLED:
        pool += 1
    return pool


def _unit(variance: NDArray[np.float64]) -> float:
    """What all dimensions are multiplied by, so that they spread like independent numbers."""
    total = float(variance.sum())
    if total < 1e-12:  # all alike, but for rounding
        return 1.0
    return float(np.sqrt(total / np.square(variance).sum()))


def _signed(components: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns with their largest cell positive: the sign of a component is arbitrary."""
    if not components.size:
        return components
    largest = np.abs(components).argmax(0)
    return np.asarray(components * np.sign(components[largest, np.arange(components.shape[1])]))

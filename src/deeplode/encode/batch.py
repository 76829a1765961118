"""Batch: what a net sees of some rows, one tensor for each form of input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from deeplode.encode.linked import Linked
from deeplode.pretrained.read import Pretrained

UNSEEN = 0  # category slot of a level that the training rows did not have
MISSING = 1  # category slot of an empty cell; levels begin at slot 2
BYTES = {"image": 1, "pixels": 1, "audio": 1, "tokens": 8}  # of a value in a cell; else 4
MAPPED = ("image", "pixels", "audio")  # kinds whose cells may lie in a file


@dataclass(frozen=True)
class MediaSize:
    """What a net must know of one column of text, images, sounds or series.

    kind: ``text``, ``image``, ``audio`` or ``series``. shape: of one encoded cell. described:
    descriptors that the simple models get of it. features: of texts, how many there are. wide:
    features that the linear model gets beside the descriptors. pretrained: the encoder that the
    net trains further over these cells, which are ``tokens`` or ``pixels``.
    """

    kind: str
    shape: tuple[int, ...]
    described: int = 0
    features: int = 0
    wide: int = 0
    pretrained: Pretrained | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of one encoded cell and its descriptors: images and sounds are uint8."""
        return self.cell_bytes + 4 * (self.described + self.wide)

    @property
    def cell_bytes(self) -> int:
        """Bytes of one encoded cell."""
        return int(torch.Size(self.shape).numel()) * BYTES.get(self.kind, 4)


@dataclass(frozen=True)
class Sizes:
    """What a net must know of its input before it sees any."""

    numbers: int  # columns of Batch.numbers
    categories: tuple[int, ...]  # slots of each column of Batch.categories, UNSEEN and MISSING too
    media: tuple[MediaSize, ...] = ()  # of each of Batch.media

    @property
    def simple(self) -> int:
        """Columns of Batch.simple."""
        return self.numbers + sum(one.described for one in self.media)

    @property
    def wide(self) -> int:
        """Columns of Batch.wide."""
        return self.simple + sum(one.wide for one in self.media)


@dataclass(frozen=True)
class Media:
    """The encoded cells of one column of text, images, sounds or series.

    cells: (rows, …), what the net gets; a missing cell is all zeros.
    described: (rows, k) float32, what the simple models get instead; NaN = missing.
    wide: (rows, k) float32, what the linear model gets beside that; None = nothing.
    """

    cells: Tensor
    described: Tensor
    wide: Tensor | None = None

    def rows(self, index: Tensor | slice) -> Media:
        """The rows at these positions."""
        wide = None if self.wide is None else self.wide[index]
        return Media(self.cells[index], self.described[index], wide)

    def to(self, device: torch.device) -> Media:
        """The same cells on another device."""
        wide = None if self.wide is None else self.wide.to(device)
        return Media(self.cells.to(device), self.described.to(device), wide)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        wide = 0 if self.wide is None else self.wide.nbytes
        return self.cells.nbytes + self.described.nbytes + wide


@dataclass(frozen=True)
class Places:
    """Where a source column went: its positions in Batch's numbers, categories and media."""

    numbers: Sequence[int] = ()
    categories: Sequence[int] = ()
    media: Sequence[int] = ()


@dataclass(frozen=True)
class Batch:
    """Encoded rows.

    numbers: (rows, numbers) float32, scaled robustly by the training rows; NaN = missing.
    categories: (rows, categories) int32 slots; 0 = unseen, 1 = missing, 2… = levels.
    media: columns of text, images, sounds and series.
    linked: the nodes that the rows are some of; None where they are not linked.
    """

    numbers: Tensor
    categories: Tensor
    media: tuple[Media, ...] = ()
    linked: Linked | None = None

    def __len__(self) -> int:
        return self.numbers.shape[0]

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        media = sum(one.nbytes for one in self.media)
        return self.numbers.nbytes + self.categories.nbytes + media

    @cached_property
    def simple(self) -> Tensor:
        """(rows, columns) float32: the numbers, then what describes each column of media."""
        if not self.media:
            return self.numbers
        return torch.cat([self.numbers, *(one.described for one in self.media)], 1)

    @cached_property
    def wide(self) -> Tensor:
        """(rows, columns) float32: ``simple``, then what only the linear model gets."""
        more = [one.wide for one in self.media if one.wide is not None]
        return torch.cat([self.simple, *more], 1) if more else self.simple

    def rows(self, index: Tensor | slice) -> Batch:
        """The rows at these positions. index: (n,) or (members, n) int64, or a slice."""
        media = tuple(one.rows(index) for one in self.media)
        linked = None if self.linked is None else self.linked.rows(index)
        return Batch(self.numbers[index], self.categories[index], media, linked)

    def to(self, device: torch.device) -> Batch:
        """The same rows on another device."""
        media = tuple(one.to(device) for one in self.media)
        return Batch(self.numbers.to(device), self.categories.to(device), media)

    def shuffled(self, places: Places, order: Tensor) -> Batch:
        """The same rows, with the cells of one source column from other rows.

        order: (rows,) int64: whose cells each row gets.
        """
        numbers, categories, media = self.numbers, self.categories, list(self.media)
        if at := list(places.numbers):
            numbers = numbers.clone()
            numbers[:, at] = numbers[order][:, at]
        if at := list(places.categories):
            categories = categories.clone()
            categories[:, at] = categories[order][:, at]
        for number in places.media:
            media[number] = media[number].rows(order)
        linked = None if self.linked is None else self.linked.shuffled(places, order)
        return Batch(numbers, categories, tuple(media), linked)

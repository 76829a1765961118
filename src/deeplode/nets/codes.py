"""Codes: how encoded rows enter the first layer, fixed before training begins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from deeplode.nets.knots import Knots, place_knots

ONE_HOT = 9  # a category column with at most so many levels enters as 0/1 columns
EMBEDDING = 8  # columns that a category column with more levels is turned into
FEW_COLUMNS = 32  # up to here, spreading coordinates by a product is faster than by an index
SAMPLE = 200_000  # training rows that knots are placed by
WIDE_SAMPLE = 20_000  # training rows that the mean inputs are taken from
CHUNK = 65_536  # rows made ready at once


@dataclass(frozen=True)
class Codes:
    """What the training rows say about the inputs, learned without any gradient.

    The first layer's inputs are, in this order: for each number column its piecewise-linear code
    (one input a segment, rising from 0 to 1 through it), then its normal score, then its softly
    clipped value; for each category column of few levels one 0/1 column a level (one in all when
    there are two). Columns of many levels are embedded by the net instead.

    knots: of the number columns.
    slots: slots of each category column.
    shares: (all slots,) float32 share of the training rows in each slot, column after column.
    center: (wide,) float32 mean of each input over the training rows.
    """

    knots: Knots
    slots: tuple[int, ...]
    shares: Tensor
    center: Tensor

    @classmethod
    def fit(cls, numbers: Tensor, categories: Tensor, quantiles: int, frequent: int) -> Codes:
        """Learned from training rows.

        numbers: (rows, columns) float32, NaN = missing; categories: (rows, columns) int32 slots.
        """
        step = max(1, -(-len(numbers) // SAMPLE))
        knots = place_knots(numbers[::step], quantiles, frequent)
        counts = [torch.bincount(column) for column in categories.T]
        slots = tuple(len(count) for count in counts)
        shares = torch.cat([torch.empty(0), *counts]) / max(len(categories), 1)
        plain = cls(knots, slots, shares, torch.empty(0))
        step = max(1, -(-len(numbers) // WIDE_SAMPLE))
        wide = plain.wide(knots.cells(numbers[::step]), plain.positions(categories[::step]))
        return cls(knots, slots, shares, wide.mean(0))

    @cached_property
    def few(self) -> tuple[int, ...]:
        """Category columns that enter as 0/1 columns."""
        return tuple(i for i, share in enumerate(self._share) if int((share > 0).sum()) <= ONE_HOT)

    @cached_property
    def many(self) -> tuple[int, ...]:
        """Category columns that are embedded."""
        return tuple(i for i in range(len(self.slots)) if i not in self.few)

    @cached_property
    def _share(self) -> tuple[Tensor, ...]:
        return torch.split(self.shares, list(self.slots)) if self.slots else ()

    @cached_property
    def inputs(self) -> tuple[int, int, int]:
        """Inputs from segments, from the scores of numbers, and from 0/1 columns."""
        hot = sum(int(places.max()) + 1 for places in self.places_of_few)
        return sum(self.knots.segments), 2 * self.knots.columns, hot

    @cached_property
    def places_of_few(self) -> tuple[Tensor, ...]:
        """For each of ``few``: its slots' 0/1 columns counted within it; -1 = no column.

        Slots without training rows have none; where there are one or two levels, nor has the first.
        """
        found = []
        for column in self.few:
            live = (self._share[column] > 0).nonzero().flatten()
            live = live[1:] if len(live) <= 2 else live
            places = torch.full((self.slots[column],), -1)
            places[live] = torch.arange(len(live))
            found.append(places)
        return tuple(found)

    @cached_property
    def spread(self) -> Tensor:
        """(3, columns): how far one standard deviation of a number goes in each of its cells.

        Its rank goes evenly through the segments; the scores have unit spread. 0 where a column
        never changes.
        """
        segments = torch.tensor(self.knots.segments) / 12**0.5
        ends = torch.tensor(self.knots.starts)
        low, high = self.knots.normal[ends[:-1]], self.knots.normal[ends[1:] - 1]
        ones = torch.ones(self.knots.columns)
        return torch.stack([segments, ones, ones]) * (high > low)

    @cached_property
    def _positions(self) -> Tensor:
        """(all slots,) int32: what ``positions`` answers for each slot of each column."""
        hot = self.inputs[2]
        start, rows, answer = 0, 0, {}
        for column, places in zip(self.few, self.places_of_few, strict=True):
            answer[column] = torch.where(places < 0, hot, places + start)
            start += int(places.max()) + 1
        for column in self.many:
            answer[column] = torch.arange(self.slots[column]) + rows
            rows += self.slots[column]
        parts = [answer[column] for column in range(len(self.slots))]
        return torch.cat([torch.empty(0), *parts]).int()

    @cached_property
    def first_slot(self) -> Tensor:
        """(columns,) int64: where each category column's slots begin among all slots."""
        sizes = torch.tensor([0, *self.slots])
        return sizes.cumsum(0)[:-1]

    def known(self, categories: Tensor) -> Tensor:
        """(rows, columns) int32 -> int64; a slot that training did not have counts as unseen."""
        return categories.long().where(categories < torch.tensor(self.slots), 0)

    def positions(self, categories: Tensor) -> Tensor:
        """Where category cells stand in the net: first the columns of ``few``, then of ``many``.

        categories: (rows, columns) int32 slots. Returns (rows, columns) int32: the 0/1 column (one
        past the last for none), or the row of the embedding.
        """
        if not self.slots:
            return categories
        order = list(self.few + self.many)
        return self._positions[self.known(categories) + self.first_slot][:, order].contiguous()

    @cached_property
    def _owner(self) -> Tensor:
        """(segments,) int64: the number column of each segment."""
        columns = torch.arange(self.knots.columns)
        return columns.repeat_interleave(torch.tensor(self.knots.segments, dtype=torch.long))

    @cached_property
    def _shift(self) -> Tensor:
        """(segments,) float32: minus each segment's number within its column."""
        counts = [torch.arange(segments) for segments in self.knots.segments]
        return -torch.cat([torch.empty(0), *counts])

    @cached_property
    def _spread(self) -> Tensor:
        """(columns, segments) float32: 1 where a segment belongs to a column."""
        columns = torch.arange(self.knots.columns).unsqueeze(1)
        return (columns == self._owner).to(torch.get_default_dtype())

    def ready(self, numbers: Tensor, categories: Tensor) -> tuple[Tensor, Tensor]:
        """Rows as the net takes them in: their cells and positions, made a chunk at a time."""
        cells = torch.empty(len(numbers), 3 * self.knots.columns)
        positions = torch.empty(categories.shape, dtype=torch.int32)
        for start in range(0, len(numbers), CHUNK):
            part = slice(start, start + CHUNK)
            cells[part] = self.knots.cells(numbers[part])
            positions[part] = self.positions(categories[part])
        return cells, positions

    def room(self, rows: int) -> Tensor:
        """Where ``wide`` may lay so many rows, time and again."""
        spare = 1 + -(sum(self.inputs) + 1) % 16  # one column for "no level"; rows begin aligned
        return torch.zeros(rows, sum(self.inputs) + spare)

    def wide(self, cells: Tensor, positions: Tensor, room: Tensor | None = None) -> Tensor:
        """The first layer's inputs, embeddings apart.

        cells: (…, 3 * columns) from ``Knots.cells``; positions: (…, columns) from ``positions``;
        room: of as many rows, from ``room``; what lay there is lost.
        Returns (…, inputs) float32.
        """
        columns, lead = self.knots.columns, cells.shape[:-1]
        flat = cells.flatten(0, -2)
        room = self.room(len(flat)) if room is None else room
        parts = [*self.inputs[:2], room.shape[1] - sum(self.inputs[:2])]
        code, scores, hot = torch.split(room, parts, 1)
        if columns <= FEW_COLUMNS:
            torch.addmm(self._shift, flat[:, :columns], self._spread, out=code)
        else:
            torch.add(flat[:, self._owner], self._shift, out=code)
        code.clamp_(0, 1)
        scores.copy_(flat[:, columns:])
        if self.few:
            few = positions[..., : len(self.few)].flatten(0, -2).long()
            hot.zero_().scatter_(1, few, 1.0)
        return room[:, : sum(self.inputs)].view(*lead, -1)

"""Flat: encoded rows as one float32 tensor, for nets that people bring themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

FARTHEST = 10.0  # numbers are cut here: beyond ten distances of quartiles from the median
OWN = 64  # slots of a category column that may have a 0/1 column each, the frequent levels first
MOST = 1_000_000  # columns or slots
SHARED = 32  # 0/1 columns that all later levels share, each by its slot modulo this


@dataclass(frozen=True)
class Flat:
    """How rows become one tensor, learned from training rows without any gradient.

    The columns are, in this order: the numbers as the encoder scales them, cut at ±FARTHEST, with
    0 for a gap; for each number that had gaps in training a column with 1 for a gap; for each
    category column its 0/1 columns. Unseen levels, gaps and the most frequent levels have a 0/1
    column of their own, rare levels of a column with more than OWN slots share some. What no
    training row had has none, and of two there is the second alone.

    numbers: number columns. gaps: which of them had gaps. slots: slots of each category column.
    places: (all slots,) int32, column after column: the 0/1 column of each slot; -1 = none.
    """

    numbers: int
    gaps: tuple[int, ...]
    slots: tuple[int, ...]
    places: Tensor

    def __post_init__(self) -> None:
        sizes = (self.numbers, *self.gaps, *self.slots)
        if any(type(size) is not int or not 0 <= size <= MOST for size in sizes):
            raise ValueError(f"these are no columns: {sizes[:20]}.")
        if any(gap >= self.numbers for gap in self.gaps) or any(size < 1 for size in self.slots):
            raise ValueError(f"gaps {self.gaps[:20]} and slots {self.slots[:20]} do not fit.")
        places = self.places
        if places.dtype != torch.int32 or places.shape != (sum(self.slots),):
            raise ValueError(f"places {places.dtype} {tuple(places.shape)} do not fit.")
        if len(places) and not -1 <= int(places.min()) <= int(places.max()) < len(places):
            raise ValueError("places lead beyond the columns.")

    @classmethod
    def fit(cls, numbers: Tensor, categories: Tensor) -> Flat:
        """Learned from training rows.

        numbers: (rows, columns) float32, NaN = missing; categories: (rows, columns) int32 slots.
        """
        gaps = numbers.isnan().any(0).nonzero().flatten().tolist()
        counts = [torch.bincount(column) for column in categories.T]
        places, start = [torch.empty(0, dtype=torch.int32)], 0
        for count in counts:
            own = _places(count)
            places.append(torch.where(own < 0, own, own + start).int())
            start += int(own.max()) + 1
        slots = tuple(len(count) for count in counts)
        return cls(numbers.shape[1], tuple(gaps), slots, torch.cat(places))

    @cached_property
    def hot(self) -> int:
        """0/1 columns of all categories."""
        return int(self.places.max()) + 1 if len(self.places) else 0

    @property
    def width(self) -> int:
        """Columns of the tensor."""
        return self.numbers + len(self.gaps) + self.hot

    @cached_property
    def _starts(self) -> Tensor:
        return torch.tensor([0, *self.slots]).cumsum(0)[:-1]

    def ready(self, numbers: Tensor, categories: Tensor) -> tuple[Tensor, Tensor]:
        """Rows as ``wide`` takes them: numbers cut, and the 0/1 column of each category cell.

        numbers: (rows, columns) float32; categories: (rows, columns) int32.
        Returns float32 with NaN for gaps and int32, of the same shapes; ``hot`` = no column.
        """
        cut = numbers.clamp(-FARTHEST, FARTHEST)
        if not self.slots:
            return cut, categories.int()
        known = categories.long().where(categories < torch.tensor(self.slots), 0)
        places = self.places[known + self._starts]
        return cut, torch.where(places < 0, self.hot, places).int()

    def wide(self, numbers: Tensor, positions: Tensor) -> Tensor:
        """The one tensor, (…, width) float32, of what ``ready`` gave, (…, columns) each."""
        missing = numbers[..., list(self.gaps)].isnan().to(numbers.dtype)
        parts = [numbers.nan_to_num(0.0), missing]
        if self.slots:
            hot = torch.zeros(*positions.shape[:-1], self.hot + 1, dtype=numbers.dtype)
            parts.append(hot.scatter_(-1, positions.long(), 1.0)[..., : self.hot])
        return torch.cat(parts, -1)

    def to_json(self) -> dict[str, Any]:
        """All but ``places``."""
        return {"numbers": self.numbers, "gaps": list(self.gaps), "slots": list(self.slots)}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any], places: Tensor) -> Flat:
        """The inverse of ``to_json``; ValueError, KeyError or TypeError for anything else."""
        gaps: Sequence[int] = facts["gaps"]
        return cls(facts["numbers"], tuple(gaps), tuple(facts["slots"]), places)


def _places(count: Tensor) -> Tensor:
    """For each slot of one column its 0/1 column counted within it, or -1.

    count: (slots,) training rows in each. Returns (slots,) int64.
    """
    slot = torch.arange(len(count))
    target = torch.where(slot < OWN, slot, OWN + slot % SHARED)
    live = torch.bincount(target[count > 0]).nonzero().flatten()
    live = live[1:] if len(live) <= 2 else live
    column = torch.full((OWN + SHARED,), -1)
    column[live] = torch.arange(len(live))
    return torch.where(count > 0, column[target], -1)

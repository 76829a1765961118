"""Histories: what each user has done, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Histories:
    """The items of users, the oldest first.

    start: (users + 1,) int64; those of user u are ``item[start[u]:start[u + 1]]``. item: (n,) int64
    in 0 … items - 1; one may come several times. features: (users, columns) float32 what is known
    of users besides; None = nothing.
    Raises ValueError where they are no histories.
    """

    items: int
    start: Ints
    item: Ints
    features: Floats | None = None

    def __post_init__(self) -> None:
        whole = self.start.ndim == 1 and self.item.ndim == 1 and len(self.start) > 0
        if not whole or self.start[0] != 0 or self.start[-1] != len(self.item):
            raise ValueError("histories must begin at 0 and end with the last item.")
        if (np.diff(self.start) < 0).any():
            raise ValueError("histories must follow each other.")
        if len(self.item) and not 0 <= self.item.min() <= self.item.max() < self.items:
            raise ValueError(f"items must be in 0 … {self.items - 1}.")

    @classmethod
    def of(cls, users: int, items: int, user: Ints, item: Ints) -> Histories:
        """Histories of pairs that stand in order of time. user, item: (n,)."""
        order = np.argsort(user, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=users))])
        return cls(items, start.astype(np.int64), item[order])

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def length(self) -> Ints:
        """(users,) items in each."""
        return np.diff(self.start)

    @property
    def user(self) -> Ints:
        """(n,) whose each item is."""
        return np.repeat(np.arange(len(self)), self.length)

    @cached_property
    def matrix(self) -> csr_array:
        """(users, items) float32, sparse: 1 where a user has had an item, however often."""
        cells = np.unique(self.user * self.items + self.item)
        user, item = np.divmod(cells, max(self.items, 1))
        start = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=len(self)))])
        ones = np.ones(len(cells), np.float32)
        return csr_array((ones, item, start), shape=(len(self), self.items))

    def rows(self, index: Ints) -> Histories:
        """Those of some users, in this order. index: (rows,) int64."""
        length = self.start[index + 1] - self.start[index]
        start = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        at = np.arange(start[-1]) + np.repeat(self.start[index] - start[:-1], length)
        features = None if self.features is None else self.features[index]
        return Histories(self.items, start, self.item[at], features)

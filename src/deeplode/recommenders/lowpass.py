"""Low pass: the few directions along which histories differ most.

What the ideal low-pass filter of GF-CF lets through (Shen et al. 2021, arXiv 2108.07567), found by
subspace iteration (Halko, Martinsson, Tropp 2011, arXiv 0909.4061).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from scipy.sparse import csr_array

from deeplode.detectors.detector import kept
from deeplode.recommenders.scorer import Arrays, Floats, Grounds
from deeplode.runtime import Budget, configured

MOST = 512  # directions
SHARE = 40  # users and items, at least, for each
CELLS = 2**25  # items times directions, at most: 128 MiB
COPIES = 4  # of these that are held at once
ROUNDS = 4
FURTHER = 8  # directions that are sought beside, so that the last ones are found as well
BLOCK = 4096  # users who are gone through at once


@dataclass(frozen=True, eq=False)
class Directions:
    """The eigenvectors of GᵀG with the largest eigenvalues. vector: (items, n), orthonormal. value:
    (n,), the smallest first."""

    vector: Floats
    value: Floats

    @classmethod
    def of(cls, arrays: Arrays, items: int) -> Self:
        """The inverse of ``vars``. Raises ValueError or KeyError."""
        value = kept(arrays, "value", "float32", -1)
        if not len(value) or value[0] < 0 or (np.diff(value) < 0).any():
            raise ValueError("value must rise from 0 or more.")
        return cls(kept(arrays, "vector", "float32", items, len(value)), value)


def strongest_directions(given: csr_array, grounds: Grounds) -> Directions | None:
    """given: (users, items) G. None where there is no room, or no time, for any."""
    users, items = given.shape
    many = _number(users, items, grounds.memory)
    if many < 1:
        return None
    with configured(grounds.threads, grounds.seed):
        chance = torch.Generator().manual_seed(grounds.seed)
        found = torch.randn(items, many + FURTHER, generator=chance)
        for _ in range(ROUNDS):
            told = spread(given, found.numpy(), grounds.budget)
            if told is None:
                return None
            found = torch.linalg.qr(torch.from_numpy(told))[0]
        told = spread(given, found.numpy(), grounds.budget)
        if told is None:
            return None
        value, turn = torch.linalg.eigh(found.T @ torch.from_numpy(told))  # the smallest first
        vector = (found @ turn[:, -many:]).contiguous()
        return Directions(vector.numpy(), value[-many:].clamp(min=0).numpy())


def spread(given: csr_array, x: Floats, budget: Budget) -> Floats | None:
    """(items, n) GᵀG x; None where time ends before. given: (users, items). x: (items, n)."""
    total = np.zeros_like(x)
    for first in range(0, given.shape[0], BLOCK):
        if budget.stop():
            return None
        block = given[first : first + BLOCK]
        total += block.T @ (block @ x)
    return total


def _number(users: int, items: int, memory: int | None) -> int:
    """How many directions. memory: bytes that finding them may take; None = no limit."""
    cells = CELLS if memory is None else min(CELLS, memory // (4 * COPIES))
    return min(MOST, min(users, items) // SHARE, cells // max(items, 1) - FURTHER)

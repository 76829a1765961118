from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from deeplode.encode.batch import Batch


@dataclass(frozen=True)
class Fold:
    """Row positions, as deeplode.data.split makes them."""

    train: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class Case:
    """Rows with numbers, gaps, two categories, and a target that depends on all of them."""

    batch: Batch
    target: np.ndarray
    folds: tuple[Fold, ...]

    def matrix(self) -> np.ndarray:
        """What LightGBM itself is given."""
        return np.concatenate([self.batch.numbers.numpy(), self.batch.categories.numpy()], 1)


@pytest.fixture(scope="session")
def make_case() -> Callable[..., Case]:
    def make(n_classes: int = 1, rows: int = 600, seed: int = 0, members: int = 3) -> Case:
        rng = np.random.default_rng(seed)
        numbers = rng.normal(size=(rows, 4)).astype(np.float32)
        numbers[:, 1] = np.round(numbers[:, 1] * 2)  # many ties
        numbers[rng.random(rows) < 0.2, 0] = np.nan
        slots = [6, 40]
        categories = np.stack([rng.integers(1, s, rows) for s in slots], 1).astype(np.int32)
        score = np.nan_to_num(numbers[:, 0], nan=1.5) + numbers[:, 1] * (categories[:, 0] % 2)
        score += rng.normal(size=40)[categories[:, 1]] + rng.normal(size=rows) * 0.3
        target = score * 3 + 10
        if n_classes > 1:
            edges = np.quantile(score, np.linspace(0, 1, n_classes + 1)[1:-1])
            target = np.searchsorted(edges, score).astype(np.int64)
        part = rng.permutation(rows) % 8
        folds = tuple(
            Fold(np.flatnonzero(part != at), np.flatnonzero(part == at)) for at in range(members)
        )
        batch = Batch(torch.from_numpy(numbers), torch.from_numpy(categories))
        return Case(batch, target, folds)

    return make

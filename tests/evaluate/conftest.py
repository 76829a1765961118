from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from deeplode.encode.batch import Batch
from deeplode.evaluate.problem import Problem


@dataclass(frozen=True)
class Fold:
    """Row positions, as deeplode.data.split makes them."""

    train: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class Answers:
    """Truth and what two models say of it, the first better than the second."""

    problem: Problem
    truth: np.ndarray
    good: np.ndarray
    poor: np.ndarray


@pytest.fixture(scope="session")
def make_answers() -> Callable[..., Answers]:
    def make(n_classes: int = 1, rows: int = 400, seed: int = 0) -> Answers:
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=(2, rows, max(2, n_classes)))
        if n_classes == 1:
            truth = rng.normal(size=rows) * 3
            return Answers(
                Problem("regression"), truth, truth + noise[0, :, 0], truth + 2 * noise[1, :, 0]
            )
        truth = rng.integers(0, n_classes, rows)
        both = []
        for strength, own in zip((2.0, 1.0), noise, strict=True):
            own[np.arange(rows), truth] += strength
            both.append(np.exp(own) / np.exp(own).sum(1, keepdims=True))
        task = "binary" if n_classes == 2 else "multiclass"
        return Answers(Problem(task, n_classes), truth, *both)

    return make


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., tuple[Batch, np.ndarray, tuple[Fold, ...]]]:
    """Rows, a linear score of them, and folds."""

    def make(rows: int = 500, seed: int = 0) -> tuple[Batch, np.ndarray, tuple[Fold, ...]]:
        rng = np.random.default_rng(seed)
        numbers = rng.normal(size=(rows, 3)).astype(np.float32)
        categories = rng.integers(2, 6, (rows, 2)).astype(np.int32)
        score = 2 * numbers[:, 0] - numbers[:, 1] + np.array([0, 0, -1, 1, 2, 0])[categories[:, 0]]
        numbers[rng.random(rows) < 0.1, 2] = np.nan
        part = np.arange(rows) % 8
        folds = tuple(Fold(np.flatnonzero(part != i), np.flatnonzero(part == i)) for i in range(2))
        batch = Batch(torch.from_numpy(numbers), torch.from_numpy(categories))
        return batch, score.astype(np.float64), folds

    return make

"""The trivial answer, which any model must beat: a guess without looking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.encode.batch import Batch
from deeplode.evaluate.problem import Problem
from deeplode.progress import Listen
from deeplode.runtime import Budget


@dataclass(frozen=True, eq=False)
class Trivial:
    """Answers every row alike. answer: (classes,) shares, or (1,) mean of the target."""

    answer: NDArray[np.float64]

    name = "trivial"

    def __post_init__(self) -> None:
        if self.answer.ndim != 1 or not len(self.answer) or not np.isfinite(self.answer).all():
            raise ValueError("answer must be one row of finite numbers.")

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Probabilities, (rows, classes), or values in the target's unit, (rows,)."""
        return _repeat(self.answer, len(batch))

    def facts(self) -> dict[str, Any]:
        """Its name."""
        return {"name": self.name}

    def arrays(self) -> dict[str, np.ndarray]:
        """The answer."""
        return {"answer": self.answer}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Trivial:
        """The baseline that ``facts()`` and ``arrays()`` describe; ValueError if none."""
        return cls(np.asarray(arrays["answer"], np.float64))


def fit_trivial(
    batch: Batch,
    target: NDArray[Any],
    problem: Problem,
    folds: Sequence[Any],
    weights: NDArray[np.float64] | None,
    budget: Budget,
    listen: Listen,
) -> tuple[Trivial, NDArray[np.float64]]:
    """Shares of the classes, or the mean, in all rows; out of fold in each fold's own.

    target: (rows,) int64 classes or float64 values. weights: (rows,) or None.
    """
    weight = np.ones(len(target)) if weights is None else weights

    def answer(rows: Any) -> NDArray[np.float64]:
        own = weight[rows] if weight[rows].any() else np.ones(len(target))[rows]
        if problem.classifies:
            counts = np.bincount(target[rows], own, problem.n_classes)
            return np.asarray(counts / counts.sum())
        return np.array([np.average(target[rows], weights=own)])

    oof = np.full_like(_repeat(answer(slice(None)), len(target)), np.nan)
    for fold in folds:
        oof[fold.valid] = _repeat(answer(fold.train), len(fold.valid))
    return Trivial(answer(slice(None))), oof


def _repeat(answer: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """(rows, classes), or (rows,) of a single value."""
    return np.full(rows, answer[0]) if len(answer) == 1 else np.tile(answer, (rows, 1))

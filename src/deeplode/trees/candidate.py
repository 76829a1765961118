"""Trees: the boosted trees of the leaderboard, one model a fold, averaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.encode.batch import Batch
from deeplode.evaluate.problem import Problem
from deeplode.trees.forest import Forest
from deeplode.trees.scorer import Scorer

SCORES = 1 << 24  # scores held at once: 128 MiB


@dataclass(frozen=True, eq=False)
class Trees:
    """A forest and what its scores mean.

    forest: outputs are members x scores a member (1, or one a class), member by member.
    center, scale: turn a regression score into the target's unit.
    history: how it was grown: rounds and end of each fold, learning rate, rows, work.
    """

    forest: Forest
    problem: Problem
    center: float = 0.0
    scale: float = 1.0
    history: Mapping[str, Any] = field(default_factory=dict)

    name = "trees"

    def __post_init__(self) -> None:
        if self.forest.n_outputs % self.problem.n_outputs:
            raise ValueError("The forest's outputs are not members x scores.")
        if not (np.isfinite(self.center) and np.isfinite(self.scale)):
            raise ValueError("center and scale must be finite.")

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self.forest)

    @property
    def n_members(self) -> int:
        """Models averaged."""
        return self.forest.n_outputs // self.problem.n_outputs

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Probabilities, (rows, classes), or values in the target's unit, (rows,)."""
        parts = []
        for part in self._parts(batch):
            outputs = self._outputs(part)
            # Members one after the other: the same sum for any number of rows.
            total = outputs[:, 0].copy()
            for member in range(1, self.n_members):
                total += outputs[:, member]
            parts.append(total / self.n_members)
        return np.concatenate(parts)

    def predict_member(self, batch: Batch, member: int) -> NDArray[np.float64]:
        """The same from one fold's model."""
        return np.concatenate([self._outputs(part)[:, member] for part in self._parts(batch)])

    def _parts(self, batch: Batch) -> list[Batch]:
        step = max(1024, SCORES // self.forest.n_outputs)
        firsts = range(0, max(1, len(batch)), step)
        return [batch.rows(slice(first, first + step)) for first in firsts]

    def _outputs(self, batch: Batch) -> NDArray[np.float64]:
        """(rows, members) values or (rows, members, classes) probabilities."""
        scores = self._scorer(
            batch.simple.numpy(), batch.categories.numpy(), self.problem.threads
        ).reshape(len(batch), self.n_members, self.problem.n_outputs)
        if self.problem.task == "regression":
            return scores[:, :, 0] * self.scale + self.center
        if self.problem.task == "binary":
            positive = 1 / (1 + np.exp(-scores))
            return np.concatenate([1 - positive, positive], axis=2)
        scores -= scores.max(axis=2, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=2, keepdims=True)
        return scores

    def facts(self) -> dict[str, Any]:
        """What is not an array, ready for JSON."""
        return {
            "name": self.name,
            "task": self.problem.task,
            "n_classes": self.problem.n_classes,
            "center": self.center,
            "scale": self.scale,
            "history": dict(self.history),
            "forest": self.forest.facts(),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """The forest's arrays."""
        return self.forest.arrays()

    @classmethod
    def restore(
        cls, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray], threads: int = 2
    ) -> Trees:
        """The trees that ``facts()`` and ``arrays()`` describe.

        Raises ValueError, KeyError or TypeError for what no fit can have written.
        """
        return cls(
            Forest.restore(facts["forest"], arrays),
            Problem(facts["task"], facts["n_classes"], threads=threads),
            float(facts["center"]),
            float(facts["scale"]),
            dict(facts["history"]),
        )

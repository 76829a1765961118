"""Problem: what is asked of a model, apart from the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Problem:
    """The question every candidate of the leaderboard answers.

    task: what is predicted.
    n_classes: number of classes; 2 for binary, 1 for regression.
    seed: decides every random choice.
    threads: most threads that a fit or a prediction uses at once.

    Raises ValueError when the number of classes does not belong to the task.
    """

    task: Task
    n_classes: int = 1
    seed: int = 0
    threads: int = 2

    def __post_init__(self) -> None:
        fits = {
            "binary": self.n_classes == 2,
            "multiclass": self.n_classes >= 2,
            "regression": self.n_classes == 1,
        }
        if not fits[self.task]:
            raise ValueError(f"{self.task} does not have n_classes={self.n_classes}.")
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, got {self.threads}.")

    @property
    def classifies(self) -> bool:
        """Whether outputs are probabilities, (rows, n_classes), instead of values, (rows,)."""
        return self.task != "regression"

    @property
    def n_outputs(self) -> int:
        """Scores a model gives each row before any link: 1 for binary and regression."""
        return self.n_classes if self.task == "multiclass" else 1

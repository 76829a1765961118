"""Candidate: what stands on the leaderboard."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deeplode.encode.batch import Batch


class Candidate(Protocol):
    """A fitted model. Each class also has ``restore(facts, arrays)``, the way back."""

    @property
    def name(self) -> str:
        """As the leaderboard calls it: trivial, linear, trees, net, blend."""

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Probabilities, (rows, classes), or values in the target's unit, (rows,)."""

    def facts(self) -> dict[str, Any]:
        """What is not an array, ready for JSON."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything learned, by name."""


def known(oof: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(rows,) whether a row has an out-of-fold prediction. oof: (rows,) or (rows, classes)."""
    return np.asarray(np.isfinite(oof.reshape(len(oof), -1)).all(axis=1))

"""Naive: forecasts by a rule of thumb, which everything that is learned must beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.encode.batch import Batch


@dataclass(frozen=True)
class Naive:
    """Answers with a column of the rows: the last value, or that of the same phase a period before.

    name: ``naive`` or ``seasonal``. place: of the column in ``Batch.numbers``. center, width: of
    its scaling. Where there is no value the answer is 0: the level that values count from.
    """

    name: str
    place: int
    center: float
    width: float

    def __post_init__(self) -> None:
        known = self.name in ("naive", "seasonal") and type(self.place) is int and self.place >= 0
        if not known or not np.isfinite((self.center, self.width)).all():
            raise ValueError(f"no rule of thumb: {self}")

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Values in the target's unit, (rows,)."""
        cells = batch.numbers[:, self.place].double().numpy() * self.width + self.center
        return np.asarray(np.where(np.isnan(cells), 0.0, cells))

    def facts(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)

    def arrays(self) -> dict[str, np.ndarray]:
        """None."""
        return {}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Naive:
        """The inverse of ``facts``. Raises ValueError, KeyError or TypeError if odd."""
        place = facts["place"]
        return cls(str(facts["name"]), place, float(facts["center"]), float(facts["width"]))

"""Answers of a model, and what calibrates a candidate's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True)
class Calibration:
    """What a candidate's out-of-fold rows say of its probabilities.

    temperature: divides log-probabilities; 1 leaves them (Guo et al., ICML 2017).
    threshold: a binary row is called the second class from this probability on.
    """

    temperature: float = 1.0
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not (0 < self.temperature < float("inf") and 0 <= self.threshold <= 1):
            raise ValueError(f"no calibration: {self}")


@dataclass(frozen=True)
class Answers:
    """What a model says of some rows.

    outputs: (rows, n_classes) calibrated probabilities, or (rows,) values in the target's unit.
    flags: words on what is odd about each row, '' where nothing is.
    channels: (rows,) the column that each row asks for, where a forecast is of several.
    """

    outputs: NDArray[np.float64]
    flags: list[str]
    channels: pl.Series | None = None

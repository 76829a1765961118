"""Drift: whether new rows, or moments of series, score otherwise than those of training did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.evaluate.calibrate import wilson
from deeplode.messages import Notice
from deeplode.tasks.anomalies import AnomalyModel, calibrated
from deeplode.tasks.seriesmodel import SeriesModel

FEWEST = 20  # new rows below which nothing is said
CRITICAL = 1.358  # of the Kolmogorov distribution, at 95 %
SLACK = 0.05  # of distance that training rows have by being the ones that were learned
SLACK_SERIES = 0.15  # the same of moments, whose held-out scores know half of the series

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """How far scores of new rows are from those of training rows.

    rows: new ones. distance: between the two distributions, Kolmogorov-Smirnov's; noise: what
    95 in 100 samples of these sizes stay below without any drift. called, trained: shares of new
    and of training rows that reach the threshold. window: moments that a score looks back on, 1 for
    rows; so many neighbours say no more than one.
    """

    rows: int
    distance: float
    noise: float
    called: float
    trained: float
    window: int = 1

    @property
    def drifted(self) -> bool:
        """Whether the distance is beyond chance by more than the slack.

        On 40 development problems (benchmarks/oddsets.py) held-out rows of the same tables were
        beyond chance in 13, and beyond SLACK in one. Of 17 draws of series that went on as they
        were (autocorrelated noise, normal parts of SKAB) the furthest was 0.09 beyond chance, of 12
        whose deviations grew by half the nearest 0.56.
        """
        return self.distance - self.noise > (SLACK if self.window == 1 else SLACK_SERIES)

    def facts(self) -> dict[str, Any]:
        """Plain JSON values, with 95 % intervals."""
        low, high = wilson(self.called, max(1.0, self.rows / self.window))
        return {
            "drifted": self.drifted,
            "rows": self.rows,
            "distance": {
                "value": self.distance,
                "low": max(0.0, self.distance - self.noise),
                "high": min(1.0, self.distance + self.noise),
            },
            "called": {"value": self.called, "low": low, "high": high},
            "trained": self.trained,
        }

    def notices(self) -> list[Notice]:
        """A warning where scores have drifted."""
        values = {
            "rows": self.rows,
            "distance": self.distance,
            "noise": self.noise,
            "called": 100 * self.called,
            "trained": 100 * self.trained,
        }
        code = "W-PRED-001" if self.window == 1 else "W-SERIES-086"
        return [Notice(code, None, values)] if self.drifted else []


def drift(model: AnomalyModel | SeriesModel, scores: Floats) -> Drift | None:
    """Compare with the scores of training rows that the model holds; None for few rows.

    scores: (rows,) 0 … 1.
    """
    if len(scores) < FEWEST:
        return None
    window = model.moments.window if isinstance(model, SeriesModel) else 1
    trained = np.sort(calibrated(model.null, model.detector.held))
    new = np.sort(scores)
    every = np.concatenate([trained, new])
    below = [np.searchsorted(one, every, side="right") / len(one) for one in (trained, new)]
    return Drift(
        rows=len(new),
        distance=float(np.abs(below[0] - below[1]).max()),
        noise=float(CRITICAL * np.sqrt(window / len(new) + window / len(trained))),
        called=float((new >= model.threshold).mean()),
        trained=float((trained >= model.threshold).mean()),
        window=window,
    )

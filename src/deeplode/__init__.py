"""deeplode: deep-learning data mining that keeps its word."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from deeplode.version import __version__

if TYPE_CHECKING:
    from deeplode.anomalydetector import AnomalyDetector as AnomalyDetector
    from deeplode.clusterer import Clusterer as Clusterer
    from deeplode.comparing import compare as compare
    from deeplode.data.read import read as read
    from deeplode.errors import DeeplodeError as DeeplodeError
    from deeplode.estimators import Classifier as Classifier
    from deeplode.estimators import Regressor as Regressor
    from deeplode.recommender import Recommender as Recommender
    from deeplode.tracing import trace as trace
    from deeplode.verbs import load as load

# Where each public name lives. Nothing heavy is imported before it is used.
_HOMES = {
    "AnomalyDetector": "deeplode.anomalydetector",
    "Classifier": "deeplode.estimators",
    "Clusterer": "deeplode.clusterer",
    "Recommender": "deeplode.recommender",
    "Regressor": "deeplode.estimators",
    "read": "deeplode.data.read",
    "load": "deeplode.verbs",
    "compare": "deeplode.comparing",
    "trace": "deeplode.tracing",
    "DeeplodeError": "deeplode.errors",
}

__all__ = [
    "AnomalyDetector",
    "Classifier",
    "Clusterer",
    "DeeplodeError",
    "Recommender",
    "Regressor",
    "__version__",
    "compare",
    "load",
    "read",
    "trace",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'deeplode' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

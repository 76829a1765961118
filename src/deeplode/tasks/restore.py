"""Restore: the closed set of candidates that a model file or a checkpoint may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from deeplode.evaluate.candidate import Candidate
from deeplode.evaluate.labelpropagation import LabelPropagation
from deeplode.evaluate.linear import Linear
from deeplode.evaluate.naive import Naive
from deeplode.evaluate.trivial import Trivial
from deeplode.tasks.graphnet import GraphModel
from deeplode.tasks.joint import JointNet
from deeplode.tasks.net import Net
from deeplode.trees.candidate import Trees

# What a model file may hold; its names select from these and from nothing else.
RESTORE: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Candidate]] = {
    "trivial": Trivial.restore,
    "naive": Naive.restore,
    "seasonal": Naive.restore,
    "linear": Linear.restore,
    "trees": Trees.restore,
    "net": Net.restore,
    "label_propagation": LabelPropagation.restore,
    "graph_net": GraphModel.restore,
}


def restored(name: str, facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> Candidate:
    """The candidate of ours that ``facts()`` and ``arrays()`` describe.

    Raises ValueError, KeyError or TypeError for what no fit can have written.
    """
    restore = JointNet.restore if name == "net" and "joint" in facts else RESTORE[name]
    return restore(facts, arrays)


def temperatures(numbers: Any) -> tuple[float, float]:
    """Two numbers above 0: of net and partner. Raises ValueError or TypeError."""
    first, second = (float(one) for one in numbers)
    if not (0 < first < float("inf") and 0 < second < float("inf")):
        raise ValueError(f"no temperatures: {numbers}")
    return first, second

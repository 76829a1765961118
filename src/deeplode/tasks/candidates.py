"""Candidates: everything that stands on the leaderboard, fitted one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deeplode.encode.batch import Batch
from deeplode.encode.encoder import Encoder
from deeplode.evaluate.candidate import Candidate
from deeplode.evaluate.labelpropagation import fit_propagation, look_seconds
from deeplode.evaluate.linear import fit_linear
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.trivial import fit_trivial
from deeplode.fit.config import FitConfig
from deeplode.nets.tunedbranch import TunedShape
from deeplode.progress import Listen
from deeplode.runtime import Budget
from deeplode.tasks.branches import branch_of, choose_branches
from deeplode.tasks.cut import nothing
from deeplode.tasks.deep import fit_net
from deeplode.tasks.graphfit import fit_graph_net
from deeplode.tasks.joint import JointFit
from deeplode.tasks.mirrors import choose_mirrors
from deeplode.tasks.own import OwnFit
from deeplode.tasks.restore import restored
from deeplode.tasks.rules import rules
from deeplode.tasks.stages import Stages
from deeplode.trees.boost import fit_trees

if TYPE_CHECKING:
    from deeplode.tasks.learn import Lesson, Settings

Outputs = NDArray[np.float64]
GRAPH_SHARE = 0.6  # of the time that is left, which the graph net may use
LOOKS = 6  # at all nodes, by label propagation and the graph net, for which time is kept: answers


@dataclass
class Fitted:
    """What has been fitted so far, by the candidates' names."""

    candidates: dict[str, Candidate] = field(default_factory=dict)
    oof: dict[str, Outputs] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, candidate: Candidate, oof: Outputs, seconds: float) -> None:
        """One more."""
        self.candidates[name], self.oof[name], self.seconds[name] = candidate, oof, seconds


def fit_all(
    lesson: Lesson,
    settings: Settings,
    batch: Batch,
    encoder: Encoder,
    budget: Budget,
    listen: Listen,
) -> Fitted:
    """Fit the candidates one after the other, as far as the budget reaches.

    Raises LimitError when there is no time for any, Interrupted when the user stopped before.
    """
    problem, replay = settings.problem, settings.replay or {}
    config = FitConfig.from_json(replay["net"]) if "net" in replay else settings.config
    cuts = lesson.folds(config.members, problem.seed)
    data = (batch, lesson.target, problem, cuts, lesson.weights, budget, listen)
    fits: dict[str, Callable[[], tuple[Candidate, Outputs]]] = {
        "trivial": lambda: fit_trivial(*data),
        **rules(lesson.schema, encoder, batch),
    }
    if batch.linked is not None:
        fits["label_propagation"] = lambda: _fit_heard(data, replay)
    if encoder.parts:
        fits["linear"] = lambda: fit_linear(*data, replay=replay.get("linear"))
        if batch.linked is not None:
            fits["graph_net"] = lambda: _fit_linked(data, replay)
        fits |= {
            "trees": lambda: fit_trees(*data, replay=replay.get("trees")),
            "net": lambda: fit_net(*data, config, settings.checkpoint),
        }
    if encoder.media:
        fits["net"] = lambda: _fit_joint(data, encoder, config, settings)
    if settings.own is not None:
        own = OwnFit(settings.own, config, settings.checkpoint)
        fits["net"] = lambda: own(*data)
    stages, fitted = Stages(settings.checkpoint, restored), Fitted()
    for name, fit in fits.items():
        if budget.stop() and name != "trivial":
            break
        listen("stage", name=name)
        fitted.add(name, *stages.run(name, fit))
    if len(fitted.candidates) == 1:
        raise nothing(budget)
    return fitted


def _fit_heard(data: tuple[Any, ...], replay: Mapping[str, Any]) -> tuple[Candidate, Outputs]:
    """Label propagation."""
    batch, target, problem, cuts, weights, budget, listen = data
    told = replay.get("label_propagation")
    return fit_propagation(batch, target, problem, cuts, weights, budget, listen, told)


def answer_seconds(batch: Batch, problem: Problem) -> float:
    """Time to keep for the answers of a finished model, where rows are linked."""
    return 0.0 if batch.linked is None else LOOKS * look_seconds(batch.linked.graph, problem)


def _fit_linked(data: tuple[Any, ...], replay: Mapping[str, Any]) -> tuple[Candidate, Outputs]:
    """The graph net, which leaves some of the time to the others."""
    batch, target, problem, cuts, weights, budget, listen = data
    if budget.left() < float("inf"):
        budget = budget.until((1 - GRAPH_SHARE) * budget.left())
    told = replay.get("graph_net")
    return fit_graph_net(batch, target, problem, cuts, weights, budget, listen, told)


def _fit_joint(
    data: tuple[Any, ...], encoder: Encoder, config: FitConfig, settings: Settings
) -> tuple[Candidate, Outputs]:
    """Choose the branches, or take those of the run that is repeated, and train."""
    batch, target, problem, budget = data[0], data[1], data[2], data[5]
    branches = choose_branches(encoder.sizes, len(batch))
    if settings.replay and "branches" in settings.replay:
        told = [branch_of(one) for one in settings.replay["branches"]]
        branches = tuple(
            own if isinstance(own.shape, TunedShape) else one
            for own, one in zip(branches, told, strict=True)
        )
    else:
        branches = choose_mirrors(branches, batch, target, problem, config, budget)
    return JointFit(branches, config, settings.checkpoint)(*data)

"""Learn: checked training rows to a model, the same way for every task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.data.schema import Schema
from deeplode.data.split import Fold, folds
from deeplode.data.table import Table
from deeplode.encode.batch import Batch
from deeplode.encode.encoder import Encoder
from deeplode.encode.target import TargetCode
from deeplode.evaluate.baselines import fit_linear, fit_trivial
from deeplode.evaluate.blend import better, fit_blend
from deeplode.evaluate.candidate import Candidate, known
from deeplode.evaluate.decision import UNDECIDED, Decision
from deeplode.evaluate.problem import Problem
from deeplode.fit.config import FitConfig
from deeplode.messages import Notice
from deeplode.nets.given import Given
from deeplode.pretrained.read import Pretrained
from deeplode.progress import Listen, silent
from deeplode.runtime import Budget
from deeplode.tasks.branches import branch_of, choose_branches
from deeplode.tasks.calibrated import calibrate
from deeplode.tasks.cut import cut_short, nothing
from deeplode.tasks.deep import fit_net
from deeplode.tasks.encoding import encoded
from deeplode.tasks.joint import JointFit, JointNet
from deeplode.tasks.mirrors import choose_mirrors
from deeplode.tasks.model import ANSWERS, NO_BLEND, Model, restored
from deeplode.tasks.own import OwnFit, OwnNet
from deeplode.tasks.rules import rules
from deeplode.tasks.stages import Stages
from deeplode.tasks.watch import AnyNet, net_summary, watched
from deeplode.trees.boost import fit_trees

Outputs = NDArray[np.float64]
MOST_BAD = 0.05  # share of a column's images or sounds that may be unreadable


@dataclass(frozen=True)
class Lesson:
    """What to learn from: training rows only.

    target: (rows,) int64 classes or float64 values. weights: (rows,) >= 0, or None.
    how: whether members validate on rows at ``random``, on whole ``group``s or on the latest in
        ``time``; by: (rows,) int64 groups or places in time.
    """

    table: Table
    schema: Schema
    target: NDArray[Any]
    code: TargetCode
    weights: NDArray[np.float64] | None = None
    how: str = "random"
    by: NDArray[np.int64] | None = None

    def rows(self, index: NDArray[np.int64]) -> Lesson:
        """The same with the training rows at these positions only."""
        return replace(
            self,
            table=self.table.rows(index),
            target=self.target[index],
            weights=None if self.weights is None else self.weights[index],
            by=None if self.by is None else self.by[index],
        )

    def folds(self, members: int, seed: int) -> tuple[Fold, ...]:
        """Rows that each member learns from and validates on."""
        classes = self.target if self.code.classes else None
        rows = len(self.table)
        return folds(rows, self.how, classes, members, seed, groups=self.by, order=self.by)


@dataclass(frozen=True)
class Settings:
    """How to learn.

    config: of the net.
    replay: what an earlier run recorded of its steps, by candidate; repeated whatever the clock
        says.
    checkpoint: folder that a killed run goes on from.
    own: the user's own net in place of ours.
    most_bad: share of a column's images or sounds that may be unreadable.
    decision: what decides from which probability on a row of two classes is called.
    models: pretrained encoders of ``text`` and ``image``. later: rows that they will have to
        encode after learning, over training rows: a deadline must leave time for them.
    """

    problem: Problem
    config: FitConfig
    blend: bool = True
    replay: Mapping[str, Any] | None = None
    checkpoint: Path | None = None
    own: Given | None = None
    most_bad: float = MOST_BAD
    decision: Decision = UNDECIDED
    models: Mapping[str, Pretrained] = field(default_factory=dict)
    later: float = 0.0


@dataclass(frozen=True)
class Learned:
    """A model and how it came to be.

    candidates: all that were fitted, those that the model leaves out too.
    oof: out-of-fold outputs of every candidate, NaN in rows that no fold validates.
    fit_seconds: of every candidate. threshold, calibration, training: facts of result.json.
    replay: what was done, so that it can be repeated whatever the clock says.
    """

    model: Model
    candidates: Mapping[str, Candidate]
    oof: Mapping[str, Outputs]
    fit_seconds: Mapping[str, float]
    threshold: dict[str, Any] | None
    calibration: dict[str, Any] | None
    notices: tuple[Notice, ...]

    @property
    def validated_rows(self) -> int:
        """Training rows that validated a member which had not learned from them."""
        return int(known(self.oof[self.model.answer]).sum())

    @property
    def net(self) -> AnyNet | None:
        """The deep net, where there was time for it."""
        found = self.candidates.get("net")
        return found if isinstance(found, AnyNet) else None

    @property
    def training(self) -> dict[str, Any]:
        """The ``training`` of result.json."""
        return {} if self.net is None else net_summary(self.net)

    @property
    def replay(self) -> dict[str, Any]:
        """Steps of each candidate, and the pretrained encoders that there was time for."""
        steps: dict[str, Any] = {"pretrained": sorted(self.model.encoder.models)}
        if "linear" in self.candidates:
            steps["linear"] = self.candidates["linear"].facts()["steps"]
        if "trees" in self.candidates:
            steps["trees"] = self.candidates["trees"].facts()["history"]
        if self.net is not None:
            steps["net"] = {**self.net.config.to_json(), "strides": self.net.training["strides"]}
        if isinstance(self.net, JointNet):
            steps["branches"] = [one.to_json() for one in self.net.branches]
        return steps


def learn(lesson: Lesson, settings: Settings, budget: Budget, listen: Listen = silent) -> Learned:
    """Fit every candidate of the leaderboard, blend net and trees, calibrate the answer.

    Raises LimitError when the budget leaves no time for any model, Interrupted when the user
    stopped before there was one.
    """
    listen("stage", name="encode")
    made = encoded(
        lesson.table, lesson.schema, settings.models, settings.most_bad, budget, settings.replay
    )
    encoder, batch = made.encoder, made.batch
    budget = budget.until(settings.later * made.seconds)
    fitted = _fit_all(lesson, settings, batch, encoder, budget, listen)
    listen("stage", name="calibrate")
    learned = _assemble(lesson, settings, encoder, fitted, budget)
    found = [] if learned.net is None else watched(learned.net, batch, encoder, budget)
    return replace(learned, notices=(*made.notices, *learned.notices, *found))


@dataclass
class _Fitted:
    """What has been fitted so far, by the candidates' names."""

    candidates: dict[str, Candidate] = field(default_factory=dict)
    oof: dict[str, Outputs] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, candidate: Candidate, oof: Outputs, seconds: float) -> None:
        self.candidates[name], self.oof[name], self.seconds[name] = candidate, oof, seconds


def _fit_all(
    lesson: Lesson,
    settings: Settings,
    batch: Batch,
    encoder: Encoder,
    budget: Budget,
    listen: Listen,
) -> _Fitted:
    """Fit the candidates one after the other, as far as the budget reaches."""
    problem, replay = settings.problem, settings.replay or {}
    config = FitConfig.from_json(replay["net"]) if "net" in replay else settings.config
    cuts = lesson.folds(config.members, problem.seed)
    data = (batch, lesson.target, problem, cuts, lesson.weights, budget, listen)
    fits: dict[str, Callable[[], tuple[Candidate, Outputs]]] = {
        "trivial": lambda: fit_trivial(*data),
        **rules(lesson.schema, encoder, batch),
        "linear": lambda: fit_linear(*data, replay=replay.get("linear")),
        "trees": lambda: fit_trees(*data, replay=replay.get("trees")),
        "net": lambda: fit_net(*data, config, settings.checkpoint),
    }
    if encoder.media:
        fits["net"] = lambda: _fit_joint(data, encoder, config, settings)
    if settings.own is not None:
        own = OwnFit(settings.own, config, settings.checkpoint)
        fits["net"] = lambda: own(*data)
    stages, fitted = Stages(settings.checkpoint, restored), _Fitted()
    for name, fit in fits.items():
        if budget.stop() and name != "trivial":
            break
        listen("stage", name=name)
        fitted.add(name, *stages.run(name, fit))
    if len(fitted.candidates) == 1:
        raise nothing(budget)
    return fitted


def _fit_joint(
    data: tuple[Any, ...], encoder: Encoder, config: FitConfig, settings: Settings
) -> tuple[Candidate, Outputs]:
    """Choose the branches, or take those of the run that is repeated, and train."""
    batch, target, problem, budget = data[0], data[1], data[2], data[5]
    if settings.replay and "branches" in settings.replay:
        branches = tuple(branch_of(one) for one in settings.replay["branches"])
    else:
        branches = choose_branches(encoder.sizes, len(batch))
        branches = choose_mirrors(branches, batch, target, problem, config, budget)
    return JointFit(branches, config, settings.checkpoint)(*data)


def _assemble(
    lesson: Lesson, settings: Settings, encoder: Encoder, fitted: _Fitted, budget: Budget
) -> Learned:
    """Blend, calibrate and choose the threshold, all on out-of-fold rows."""
    problem, target, weights = settings.problem, lesson.target, lesson.weights
    candidates, oof, seconds = fitted.candidates, dict(fitted.oof), dict(fitted.seconds)
    mixed = NO_BLEND
    partner = _partner(encoder, oof, target, problem, weights)
    if {"net", partner} <= candidates.keys():
        net, other = ((candidates[name], oof[name]) for name in ("net", partner))
        sharp = bool(encoder.media)
        blend, oof["blend"] = fit_blend(net, other, target, problem, weights, sharp)
        seconds["blend"] = seconds["net"] + seconds[partner]
        mixed = (blend.weight, blend.temperatures)
    answer = next(one for one in (*(() if settings.blend else ("net",)), *ANSWERS) if one in oof)
    if not settings.blend and answer == "net":
        candidates = {name: one for name, one in candidates.items() if name != "trees"}
        partner = "trees"

    told = (problem, target, weights, settings.decision)
    found = {name: calibrate(own, *told) for name, own in oof.items()}
    model = Model(
        problem=problem,
        target=lesson.code,
        schema=lesson.schema,
        encoder=encoder,
        candidates=candidates,
        answer=answer,
        net_weight=mixed[0],
        blend_temperatures=mixed[1],
        calibrations={name: own.calibration for name, own in found.items()},
        spread=found[answer].spread,
        partner=partner,
    )
    deep = fitted.candidates.get("net")
    notices = (
        *(deep.notices if isinstance(deep, OwnNet) else ()),
        *cut_short(fitted.candidates, budget),
    )
    own = found[answer]
    return Learned(model, fitted.candidates, oof, seconds, own.threshold, own.reliability, notices)


def _partner(
    encoder: Encoder,
    oof: Mapping[str, Outputs],
    target: NDArray[Any],
    problem: Problem,
    weights: NDArray[np.float64] | None,
) -> str:
    """Who is blended with the net: the trees; of texts, images and sounds, of which trees see
    descriptors only, the better of trees and linear model."""
    if not encoder.media or not {"linear", "trees"} <= oof.keys():
        return "trees" if "trees" in oof or not encoder.media else "linear"
    return better(oof, ("linear", "trees"), target, problem, weights)

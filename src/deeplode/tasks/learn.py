"""Learn: checked training rows to a model, the same way for every task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.jointforecast import JointForecast
from deeplode.data.schema import Schema
from deeplode.data.split import Fold, folds
from deeplode.data.table import Table
from deeplode.encode.encoder import Encoder
from deeplode.encode.target import TargetCode
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
from deeplode.tasks.calibrated import calibrate
from deeplode.tasks.candidates import Fitted, answer_seconds, fit_all
from deeplode.tasks.cut import cut_short
from deeplode.tasks.encoding import encoded
from deeplode.tasks.joint import JointNet
from deeplode.tasks.model import ANSWERS, NO_BLEND, Model
from deeplode.tasks.nodes import Nodes
from deeplode.tasks.own import OwnNet
from deeplode.tasks.spreads import by_channel
from deeplode.tasks.watch import AnyNet, net_summary, watched

Outputs = NDArray[np.float64]
MOST_BAD = 0.05  # share of a column's images or sounds that may be unreadable


@dataclass(frozen=True)
class Lesson:
    """What to learn from: training rows only.

    target: (rows,) int64 classes or float64 values. weights: (rows,) >= 0, or None.
    how: whether members validate on rows at ``random``, on whole ``group``s, on the latest in
        ``time`` or on those ``marked``; by: (rows,) int64 groups, places in time, 1 where marked.
    others: rows that encoders are fitted on in place of ``table``: linked to it, with a target or
        without. nodes: what a model keeps of the graph; both None where rows are not linked.
    """

    table: Table
    schema: Schema
    target: NDArray[Any]
    code: TargetCode
    weights: NDArray[np.float64] | None = None
    how: str = "random"
    by: NDArray[np.int64] | None = None
    others: Table | None = None
    nodes: Nodes | None = None

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
            facts = self.candidates["linear"].facts()
            steps["linear"] = {name: facts[name] for name in ("steps", "penalty")}
        if "trees" in self.candidates:
            steps["trees"] = self.candidates["trees"].facts()["history"]
        if self.net is not None:
            steps["net"] = {**self.net.config.to_json(), "strides": self.net.training["strides"]}
        if "label_propagation" in self.candidates:
            told = self.candidates["label_propagation"].facts()
            steps["label_propagation"] = {
                name: told[name] for name in ("restart", "steps", "power")
            }
        if "graph_net" in self.candidates:
            steps["graph_net"] = {
                "epochs": self.candidates["graph_net"].facts()["training"]["epochs"]
            }
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
        lesson.table, lesson.schema, settings.models, settings.most_bad, budget, settings.replay,
        lesson.others, settings.later,
    )  # fmt: skip
    encoder, batch = made.encoder, made.batch
    later = settings.later * made.seconds
    if budget.left() < float("inf"):
        later += answer_seconds(batch, settings.problem)
    budget = budget.until(later)
    fitted = fit_all(lesson, settings, batch, encoder, budget, listen)
    listen("stage", name="calibrate")
    learned = _assemble(lesson, settings, encoder, fitted, budget)
    found = (
        []
        if learned.net is None
        else watched(learned.net, batch, encoder, budget, lesson.schema.made)
    )
    return replace(learned, notices=(*made.notices, *learned.notices, *found))


def _assemble(
    lesson: Lesson, settings: Settings, encoder: Encoder, fitted: Fitted, budget: Budget
) -> Learned:
    """Blend, calibrate and choose the threshold, all on out-of-fold rows."""
    problem, target, weights = settings.problem, lesson.target, lesson.weights
    candidates, oof, seconds = dict(fitted.candidates), dict(fitted.oof), dict(fitted.seconds)
    deep = "graph_net" if "graph_net" in oof else "net"
    partner = _partner(encoder, oof, lesson, settings)
    mixed = NO_BLEND
    if {deep, partner} <= candidates.keys():
        sharp = bool(encoder.media) or lesson.nodes is not None
        pair = [(candidates[name], oof[name]) for name in (deep, partner)]
        blend, oof["blend"] = fit_blend(pair[0], pair[1], target, problem, weights, sharp)
        seconds["blend"] = seconds[deep] + seconds[partner]
        mixed = (blend.weight, blend.temperatures)
    answer = next(one for one in (*(() if settings.blend else (deep,)), *ANSWERS) if one in oof)
    if not settings.blend and answer == deep:
        candidates, partner = _without_blend(candidates, deep), "trees"
    asked = (problem, target, weights, settings.decision)
    found = {name: calibrate(own, *asked) for name, own in oof.items()}
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
        spreads=by_channel(oof[answer], target, _channels(lesson)),
        partner=partner,
        deep=deep,
        nodes=lesson.nodes,
    )
    alone = fitted.candidates.get("net")
    told = alone.notices if isinstance(alone, OwnNet) else ()
    notices = (*told, *cut_short(fitted.candidates, budget, _wanted(lesson, encoder), True))
    own = found[answer]
    return Learned(model, fitted.candidates, oof, seconds, own.threshold, own.reliability, notices)


def _channels(lesson: Lesson) -> pl.Series | None:
    """(rows,) the column that each row asks for, where a forecast is of several."""
    forecast = lesson.schema.forecast
    return lesson.table.frame[forecast.channel] if isinstance(forecast, JointForecast) else None


def _without_blend(candidates: Mapping[str, Candidate], deep: str) -> dict[str, Candidate]:
    """What a pure net's model keeps beside it: the simple ones that it is compared with."""
    kept = (deep, "trivial", "naive", "seasonal", "linear")
    return {name: one for name, one in candidates.items() if name in kept}


def _wanted(lesson: Lesson, encoder: Encoder) -> tuple[str, ...]:
    """The candidates that a run without limits has."""
    linked = lesson.nodes is not None
    alone = ("label_propagation",) if linked else ()
    if not encoder.parts:
        return alone
    return (*alone, *(("graph_net",) if linked else ()), "linear", "trees", "net")


def _partner(
    encoder: Encoder, oof: Mapping[str, Outputs], lesson: Lesson, settings: Settings
) -> str:
    """Who is blended with the net: the trees; of texts, images and sounds, of which trees see
    descriptors only, the better of trees and linear model; of linked rows the best of all."""
    told = (lesson.target, settings.problem, lesson.weights)
    if lesson.nodes is not None:
        others = [name for name in oof if name not in ("trivial", "graph_net")]
        return better(oof, others, *told) if others else "trees"
    if not encoder.media or not {"linear", "trees"} <= oof.keys():
        return "trees" if "trees" in oof or not encoder.media else "linear"
    return better(oof, ("linear", "trees"), *told)

"""Score: every candidate on the same held-out rows, once, with intervals and a verdict."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from deeplode.data.table import Table
from deeplode.encode.batch import Batch, Places
from deeplode.evaluate.candidate import Candidate, known
from deeplode.evaluate.decision import Decision, worth
from deeplode.evaluate.facts import confusion, residuals
from deeplode.evaluate.importance import importance
from deeplode.evaluate.intervals import FEW_GROUPS, resample
from deeplode.evaluate.metrics import DECIDES
from deeplode.evaluate.verdict import Asked, verdict
from deeplode.messages import Notice
from deeplode.progress import Listen
from deeplode.runtime import Budget
from deeplode.tasks.channelscores import best_guess, by_channel
from deeplode.tasks.learn import Learned, Lesson
from deeplode.tasks.model import Model
from deeplode.trees.candidate import Trees

ORDER = (  # of the leaderboard
    "trivial", "naive", "seasonal", "linear", "trees", "net", "label_propagation",
    "graph_net", "blend",
)  # fmt: skip

Outputs = NDArray[np.float64]


@dataclass(frozen=True)
class Held:
    """Held-out rows: batch, truth, weights, groups that are drawn together, and of a forecast of
    several columns the one that each row asks for."""

    batch: Batch
    truth: NDArray[Any]
    weights: NDArray[np.float64] | None = None
    groups: NDArray[np.int64] | None = None
    channels: pl.Series | None = None


def few_groups(model: Model, test: Table) -> tuple[Notice, ...]:
    """What to know of scores where the rows of few groups test. test: rows with their groups."""
    group = model.schema.roles.group
    if group is None or group not in test.names or model.schema.forecast is not None:
        return ()
    own = test.frame[group].unique().sort()
    if len(own) >= FEW_GROUPS:
        return ()
    told = {"rows": len(test), "count": len(own), "groups": ", ".join(map(str, own))}
    return (Notice("W-KIND-012", group, told),)


def score(
    model: Model,
    others: Mapping[str, Candidate],
    held: Held,
    answer: Outputs,
    fit_seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Facts of result.json that come from held-out rows.

    others: all fitted candidates, the answering one among them or made of them.
    answer: the model's outputs for the rows.
    """
    outputs, seconds, batch = {}, {}, held.batch
    for name in (one for one in ORDER if one in others):
        began = time.monotonic()
        outputs[name] = others[name].predict(batch)
        seconds[name] = time.monotonic() - began
    if {model.deep, model.partner} <= others.keys():
        deep, partner = model.deep, model.partner
        blend = model.mixed(others)
        outputs["blend"] = blend.mix(outputs[deep], outputs[partner])
        seconds["blend"] = seconds[deep] + seconds[partner]
    outputs = {name: model.calibrated(name, own) for name, own in outputs.items()}
    outputs[model.answer] = answer
    told = (held.weights, held.groups)
    facts = _facts(model, held.truth, outputs, fit_seconds, seconds, *told)
    if held.channels is not None:
        facts["channels"] = by_channel(model, held.truth, outputs, held.channels, held.groups)
    return facts


def _facts(
    model: Model,
    truth: NDArray[Any],
    outputs: Mapping[str, Outputs],
    fit_seconds: Mapping[str, float],
    predict_seconds: Mapping[str, float],
    weights: NDArray[np.float64] | None,
    groups: NDArray[np.int64] | None,
) -> dict[str, Any]:
    """Scores with intervals, the verdict and what went wrong where. outputs: by candidate."""
    problem, answer = model.problem, outputs[model.answer]
    cut = {name: model.calibration(name).threshold for name in outputs}
    found = resample(problem, truth, outputs, weights, groups, cut)
    guess = "trivial"
    if model.schema.forecast is not None:
        guess = best_guess(found)
    asked = Asked(model.answer, model.partner, guess, model.deep)
    judged = verdict(problem, found, asked, fit_seconds)
    facts: dict[str, Any] = {
        "metrics": found.table(model.answer),
        "main_metric": DECIDES[problem.task],
        "answer": model.answer,
        "partner": model.partner,
        **({} if model.nodes is None else {"deep": model.deep}),
        "leaderboard": [
            {
                "name": name,
                "metrics": found.table(name),
                "fit_seconds": round(fit_seconds[name], 3),
                "predict_seconds": round(predict_seconds[name], 4),
            }
            for name in outputs
        ],
        "verdict": judged.as_json(),
    }
    if problem.classifies:
        facts["confusion"] = confusion(truth, model.codes(answer), model.target.classes)
    else:
        facts["residuals"] = residuals(truth, answer, problem.seed)
    return facts


def decided(
    model: Model,
    truth: NDArray[Any],
    outputs: Outputs,
    decision: Decision,
    weights: NDArray[np.float64] | None,
    groups: NDArray[np.int64] | None,
) -> dict[str, Any] | None:
    """What the calls are worth on held-out rows; None where neither costs nor capacity are set."""
    if not decision.by:
        return None
    threshold = model.calibration(model.answer).threshold
    seed = model.problem.seed
    return worth(truth, outputs[:, 1], threshold, decision, weights, groups, seed)


def column_importance(
    model: Model,
    batch: Batch,
    truth: NDArray[Any],
    weights: NDArray[np.float64] | None,
    budget: Budget,
    listen: Listen,
) -> list[dict[str, Any]]:
    """How much each input column matters to the answer, on held-out rows."""
    listen("stage", name="importance")
    columns = places(model)
    return importance(model.outputs, batch, truth, model.problem, columns, weights, budget)


def places(model: Model) -> dict[str, Places]:
    """Where each input column went, those first that the trees split on most."""
    encoder = model.encoder
    splits = dict.fromkeys(encoder.columns, 0)
    trees = model.candidates.get("trees")
    if isinstance(trees, Trees):
        used = np.bincount(trees.forest.feature, minlength=len(encoder.sources))
        for count, sources in zip(used.tolist(), encoder.sources, strict=False):
            for name in sources:
                splits[name] -= count
    # Media first: what trees see of them says little about what the net does.
    media = {name for part in encoder.media for name in part.columns}
    order = sorted(encoder.columns, key=lambda name: (name not in media, splits[name]))
    return {name: encoder.places[name] for name in order}


def validated(learned: Learned, made: Lesson) -> dict[str, Any]:
    """Facts as ``score`` gives them, of out-of-fold rows: of those that all candidates have."""
    model, oof = learned.model, learned.oof
    rows = np.logical_and.reduce([known(own) for own in oof.values()])
    outputs = {name: model.calibrated(name, oof[name][rows]) for name in ORDER if name in oof}
    own = None if made.weights is None else made.weights[rows]
    groups = made.by[rows] if made.how == "group" and made.by is not None else None
    seconds = dict.fromkeys(outputs, 0.0)
    told = (learned.fit_seconds, seconds, own, groups)
    facts = _facts(model, made.target[rows], outputs, *told)
    return {
        **facts,
        "split": {"how": "out_of_fold", "train": len(made.target), "valid": int(rows.sum())},
    }

"""Score: every candidate on the same held-out rows, once, with intervals and a verdict."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.encode.batch import Batch
from deeplode.encode.encoder import Encoder
from deeplode.evaluate.blend import Blend
from deeplode.evaluate.candidate import Candidate, known
from deeplode.evaluate.facts import confusion, residuals
from deeplode.evaluate.importance import Places, importance
from deeplode.evaluate.intervals import resample
from deeplode.evaluate.metrics import DECIDES
from deeplode.evaluate.verdict import verdict
from deeplode.progress import Listen
from deeplode.runtime import Budget
from deeplode.tasks.learn import Learned
from deeplode.tasks.model import Model

ORDER = ("trivial", "linear", "trees", "net", "blend")  # of the leaderboard

Outputs = NDArray[np.float64]


def score(
    model: Model,
    others: Mapping[str, Candidate],
    batch: Batch,
    truth: NDArray[Any],
    answer: Outputs,
    fit_seconds: Mapping[str, float],
    weights: NDArray[np.float64] | None = None,
    groups: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Facts of result.json that come from held-out rows.

    others: all fitted candidates, the answering one among them or made of them.
    batch, truth, weights, groups: the held-out rows. answer: the model's outputs for them.
    """
    board = {name: others[name] for name in ORDER if name in others}
    if {"net", "trees"} <= others.keys():
        board["blend"] = Blend(others["net"], others["trees"], model.net_weight)
    outputs, seconds = {}, {}
    for name, candidate in board.items():
        began = time.monotonic()
        own = candidate.predict(batch)
        seconds[name] = time.monotonic() - began
        outputs[name] = answer if name == model.answer else own
    return _facts(model, truth, outputs, fit_seconds, seconds, weights, groups)


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
    cut = {model.answer: model.threshold}
    found = resample(problem, truth, outputs, weights, groups, cut)
    judged = verdict(problem, found, model.answer, fit_seconds)
    facts: dict[str, Any] = {
        "metrics": found.table(model.answer),
        "main_metric": DECIDES[problem.task],
        "answer": model.answer,
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
    columns = places(model.encoder)
    return importance(model.outputs, batch, truth, model.problem, columns, weights, budget)


def places(encoder: Encoder) -> dict[str, Places]:
    """Where each input column went; one made of several columns belongs to each of them."""
    count = encoder.sizes.numbers
    found: dict[str, tuple[list[int], list[int]]] = {name: ([], []) for name in encoder.columns}
    for at, sources in enumerate(encoder.sources):
        for name in sources:
            if at < count:
                found[name][0].append(at)
            else:
                found[name][1].append(at - count)
    return {name: Places(numbers, slots) for name, (numbers, slots) in found.items()}


def validated(
    learned: Learned, target: NDArray[Any], weights: NDArray[np.float64] | None
) -> dict[str, Any]:
    """Facts as ``score`` gives them, of out-of-fold rows: of those that all candidates have."""
    model, oof = learned.model, learned.oof
    rows = np.logical_and.reduce([known(own) for own in oof.values()])
    outputs = {name: oof[name][rows] for name in ORDER if name in oof}
    outputs[model.answer] = model.calibrated(outputs[model.answer])
    own = None if weights is None else weights[rows]
    seconds = dict.fromkeys(outputs, 0.0)
    facts = _facts(model, target[rows], outputs, learned.fit_seconds, seconds, own, None)
    return {
        **facts,
        "split": {"how": "out_of_fold", "train": len(target), "valid": int(rows.sum())},
    }

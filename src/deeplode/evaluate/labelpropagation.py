"""Label propagation: the answers of linked training rows alone, no features.

Zhou et al., Learning with local and global consistency, 2004.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deeplode.data.graph import Graph
from deeplode.encode.batch import Batch
from deeplode.evaluate.calibrate import apply_temperature, fit_temperature
from deeplode.evaluate.candidate import known
from deeplode.evaluate.metrics import FLOOR, unit
from deeplode.evaluate.problem import Problem
from deeplode.nets.pagerank import Fixed, spread, step_seconds
from deeplode.progress import Listen
from deeplode.runtime import Budget

RESTARTS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)  # shares of its own answer that a node keeps
USUAL = 0.1  # of these, where there is room for one try; else the best one is taken
STEPS, FEWEST = 60, 10
POWERS = (1.0, 4.0, 16.0)
WORK = 4e9  # links x steps x columns of all tries: of larger graphs fewer folds and restarts
DOUBT = 1e-3  # weight of the trivial answer beside the neighbours'
SHARE = 0.3  # of the time that is left, in which the first try must be done

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LabelPropagation:
    """Answers of the nodes around a node, near ones first.

    truth: (nodes of training,) class or value of training rows, NaN of others. state: (nodes of
    training, columns) float16 what each says; the last column is how much was heard at all, for
    values. prior: (columns,) the trivial answer. center, scale: of values.
    power: that probabilities are raised to, as many links make all of them alike.
    """

    problem: Problem
    restart: float
    steps: int
    truth: Floats
    state: NDArray[np.float16]
    prior: Floats
    center: float = 0.0
    scale: float = 1.0
    power: float = 1.0

    name = "label_propagation"

    def __post_init__(self) -> None:
        columns = _columns(self.problem)
        fits = self.state.shape == (len(self.truth), columns) and self.prior.shape == (columns,)
        finite = np.isfinite(self.prior).all() and np.isfinite(self.state).all()
        reach = 0 < self.restart < 1 and 1 <= self.steps <= STEPS
        if not (fits and finite and reach and self.scale > 0 and 0 < self.power <= POWERS[-1]):
            raise ValueError("labels that cannot be propagated")

    def predict(self, batch: Batch) -> Floats:
        """Probabilities, (rows, classes), or values in the target's unit, (rows,); the trivial
        answer where no link leads to a row whose answer is known."""
        if batch.linked is None:
            return self._answer(np.zeros((len(batch), len(self.prior))))
        graph = batch.linked.graph
        labels = np.where(graph.known >= 0, self.truth[graph.known], np.nan)
        heard = _heard(graph, _seeds(labels, self), self, self.state)
        return self._answer(heard[batch.linked.places.numpy()])

    def silent(self, outputs: Floats) -> NDArray[np.bool_]:
        """(rows,) whether nothing was heard, so that these outputs of ``predict`` are the trivial
        answer."""
        trivial = self._answer(np.zeros((1, len(self.prior))))
        return np.asarray((outputs == trivial).reshape(len(outputs), -1).all(1))

    def _answer(self, heard: Floats) -> Floats:
        sums = heard + DOUBT * self.prior * max(1e-9, self.restart)
        if self.problem.classifies:
            shares = sums / sums.sum(1, keepdims=True)
            sharp = apply_temperature(shares, 1 / self.power)
            return np.where(heard.sum(1, keepdims=True) > 0, sharp, self.prior)
        return np.asarray(sums[:, 0] / sums[:, 1] * self.scale + self.center)

    def facts(self) -> dict[str, Any]:
        """What is not an array, ready for JSON."""
        return {
            "name": self.name,
            "task": self.problem.task,
            "n_classes": self.problem.n_classes,
            "restart": self.restart,
            "steps": self.steps,
            "power": self.power,
            "center": self.center,
            "scale": self.scale,
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """What the nodes of training say. Nodes without an answer count below the first class, or
        as infinite values would: -1 and the mask of ``there``."""
        there = np.isfinite(self.truth)
        truth = np.where(there, self.truth, 0.0)
        return {"truth": truth, "there": there, "state": self.state, "prior": self.prior}

    @classmethod
    def restore(
        cls, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> LabelPropagation:
        """What ``facts()`` and ``arrays()`` describe; ValueError, KeyError or TypeError if none."""
        problem = Problem(facts["task"], facts["n_classes"])
        truth = np.where(arrays["there"].astype(bool), arrays["truth"], np.nan)
        if (
            problem.classifies
            and not np.isin(truth[~np.isnan(truth)], range(problem.n_classes)).all()
        ):
            raise ValueError("classes that are not there")
        state = np.asarray(arrays["state"], np.float16)
        restart, center, scale = (float(facts[name]) for name in ("restart", "center", "scale"))
        power, steps = float(facts["power"]), facts["steps"]
        if type(steps) is not int:
            raise TypeError("steps are a whole number")
        return cls(problem, restart, steps, truth, state, arrays["prior"], center, scale, power)


def fit_propagation(
    batch: Batch,
    target: NDArray[Any],
    problem: Problem,
    folds: Sequence[Any],
    weights: NDArray[np.float64] | None,
    budget: Budget,
    listen: Listen,
    replay: Mapping[str, Any] | None = None,
) -> tuple[LabelPropagation, Floats]:
    """Choose how far answers reach, by the rows that folds validate on; then let those of all rows
    that members train on speak.

    target: (rows,) int64 classes or float64 values. weights: not looked at, as links have theirs.
    budget: where it is short, there are fewer steps and tries. replay: restart, steps and power of
    an earlier run, taken whatever the clock says.
    """
    assert batch.linked is not None
    graph, places = batch.linked.graph, batch.linked.places.numpy()
    rows = np.unique(np.concatenate([fold.train for fold in folds]))
    cuts = list({fold.valid.tobytes(): fold for fold in folds}.values())
    tries = _tries(graph, problem, cuts, Budget() if replay else budget)
    if replay is not None:
        own = replay["restart"], replay["power"]
        tries = _Tries(replay["steps"], own[:1], own[1:], tries.folds)
    begin = _begin(problem, target[rows], graph.edges.nodes, tries.steps)
    best, longest = (np.inf, begin, np.empty(0)), 0.0
    for restart in tries.restarts:
        if longest and replay is None and budget.left() < 2 * longest:
            break  # one more would not be done in time
        began = monotonic()
        tried = replace(begin, restart=restart)
        flat = _tried(tried, graph, target, places, tries.folds)
        for power in tries.powers:
            oof = flat if power == 1 else apply_temperature(flat, 1 / power)
            oof[tried.silent(flat)] = tried.prior if problem.classifies else tried.center
            loss = _loss(oof, target, problem)
            listen("label_propagation", restart=restart, power=power, loss=loss)
            if loss < best[0]:
                best = (loss, replace(tried, power=power), oof)
        longest = max(longest, monotonic() - began)
    chosen = best[1]
    truth = _truth(chosen, target, places, rows)
    state = _heard(graph, _seeds(truth, chosen), chosen).astype(np.float16)
    return replace(chosen, truth=truth, state=state), best[2]


@dataclass(frozen=True)
class _Tries:
    """What is tried: so many steps along links, on these folds."""

    steps: int
    restarts: Sequence[float]
    powers: Sequence[float]
    folds: Sequence[Any]


def _tries(graph: Graph, problem: Problem, folds: Sequence[Any], budget: Budget) -> _Tries:
    """What work and time allow."""
    steps, tries = _worth(graph, problem)
    restarts = RESTARTS if tries >= len(RESTARTS) else (USUAL,)
    folds = folds[: max(1, tries // len(restarts))]
    if budget.left() < np.inf:
        each = look_seconds(graph, problem) / steps
        most = SHARE * budget.left() / max(each * (len(folds) + 1), 1e-9)
        steps = int(np.clip(most, FEWEST, steps))
    return _Tries(steps, restarts, POWERS if problem.classifies else POWERS[:1], folds)


def look_seconds(graph: Graph, problem: Problem) -> float:
    """How long answers take to reach all nodes once."""
    return _worth(graph, problem)[0] * step_seconds(graph.matrix, _columns(problem))


def _worth(graph: Graph, problem: Problem) -> tuple[int, int]:
    """Steps along links, and how often all nodes are looked at, so that WORK is not exceeded."""
    work = max(1, 2 * len(graph.edges) * _columns(problem))
    steps = int(np.clip(WORK / (2 * work), FEWEST, STEPS))
    return steps, max(1, int(WORK / (work * steps)) - 1)


def _tried(
    model: LabelPropagation,
    graph: Graph,
    target: NDArray[Any],
    places: Ints,
    folds: Sequence[Any],
) -> Floats:
    """Out-of-fold answers, NaN in rows that no fold validates."""
    shape = (len(target), len(model.prior)) if model.problem.classifies else (len(target),)
    oof = np.full(shape, np.nan)
    for fold in folds:
        heard = _heard(graph, _seeds(_truth(model, target, places, fold.train), model), model)
        oof[fold.valid] = model._answer(heard[places[fold.valid]])
    return oof


def _columns(problem: Problem) -> int:
    return problem.n_classes if problem.classifies else 2


def _begin(problem: Problem, target: NDArray[Any], nodes: int, steps: int) -> LabelPropagation:
    """Before anything is known of any node."""
    truth, state = np.full(nodes, np.nan), np.zeros((nodes, _columns(problem)), np.float16)
    if problem.classifies:
        prior = np.bincount(target, minlength=problem.n_classes) / len(target)
        return LabelPropagation(problem, USUAL, steps, truth, state, prior)
    center, scale = float(target.mean()), float(target.std()) or 1.0
    prior = np.array([0.0, 1.0])
    return LabelPropagation(problem, USUAL, steps, truth, state, prior, center, scale)


def _truth(model: LabelPropagation, target: NDArray[Any], places: Ints, rows: Ints) -> Floats:
    """(nodes,) the answers of these rows, NaN of all other nodes."""
    found = np.full(len(model.truth), np.nan)
    found[places[rows]] = target[rows]
    return found


def _seeds(labels: Floats, model: LabelPropagation) -> Floats:
    """(nodes, columns) what nodes with an answer say at the start."""
    rows = np.flatnonzero(np.isfinite(labels))
    seeds = np.zeros((len(labels), len(model.prior)))
    if model.problem.classifies:
        seeds[rows, labels[rows].astype(np.int64)] = 1
    else:
        seeds[rows, 0], seeds[rows, 1] = (labels[rows] - model.center) / model.scale, 1
    return seeds


def _heard(
    graph: Graph,
    seeds: Floats,
    model: LabelPropagation,
    state: NDArray[np.float16] | None = None,
) -> Floats:
    """(nodes, columns) what each node hears. state: of the nodes of training; those beyond the
    nodes of the graph's table keep theirs."""
    count, fixed = len(graph.nodes), None
    if graph.edges.nodes > count and state is not None:
        beyond = np.arange(count, graph.edges.nodes)
        fixed = Fixed(beyond, state[graph.known[beyond]].astype(np.float32))
    start = torch.from_numpy(seeds.astype(np.float32))
    heard = spread(graph.matrix, start, model.restart, model.steps, fixed)
    return np.asarray(heard.double().numpy())


def _loss(oof: Floats, target: NDArray[Any], problem: Problem) -> float:
    """Mean log loss, calibrated, or squared error of the rows that were validated."""
    rows = known(oof)
    if not rows.any():
        return 0.0
    found, truth = oof[rows], target[rows]
    if problem.classifies:
        found = apply_temperature(found, fit_temperature(truth, found))
        return float(-np.log(np.clip(found[np.arange(len(truth)), truth], FLOOR, 1)).mean())
    return float((((found - truth) / unit(truth, found)) ** 2).mean())

"""The graph net, fitted: encoded rows among linked nodes to a candidate of the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.graph import Graph
from deeplode.data.split import Fold
from deeplode.encode.batch import Batch
from deeplode.evaluate.design import fit_design
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.sparse import widths_of
from deeplode.nets.graphnet import GraphNet, GraphShape, Inputs
from deeplode.progress import Listen
from deeplode.runtime import Budget, seeded
from deeplode.tasks.graphchoices import SAMPLED, STEPS, TOLD, Recipe, recipe_for
from deeplode.tasks.graphloop import Course, Task, sampled_steps, trained, whole_steps
from deeplode.tasks.graphnet import Columns, GraphModel, said
from deeplode.tasks.net import Scale

Outputs = NDArray[np.float64]


def fit_graph_net(
    batch: Batch,
    target: NDArray[Any],
    problem: Problem,
    folds: Sequence[Fold],
    weights: NDArray[np.float64] | None,
    budget: Budget,
    listen: Listen,
    replay: Mapping[str, Any] | None = None,
) -> tuple[GraphModel, Outputs]:
    """Train a member for each of the first folds, side by side; returns the net and its out-of-fold
    predictions.

    target: (rows,) class codes or values. weights: (rows,) >= 0, or None. replay: the facts of an
    earlier training, whose epochs are repeated whatever the clock says.
    """
    assert batch.linked is not None
    nodes, graph = batch.linked.nodes, batch.linked.graph
    recipe = recipe_for(len(target), len(nodes), len(graph.edges))
    folds = folds[: recipe.members]
    scale = Scale() if problem.classifies else Scale.fit(target)
    columns = Columns(fit_design(nodes), tuple(widths_of(nodes)))
    net = _begun(target, problem, columns, recipe, len(folds))
    places = batch.linked.places.numpy()
    task = _task(target, problem, folds, weights, scale, places, len(nodes))
    inputs = Inputs(columns.matrix(nodes), graph.matrix)
    epochs = None if replay is None else int(replay["epochs"])
    with seeded(problem.seed):
        if recipe is SAMPLED:
            steps = sampled_steps(net, task, inputs, graph.edges, recipe, problem.seed)
        else:
            steps = whole_steps(net, task, inputs, recipe)
        course = trained(net, task, inputs, steps, recipe, budget, listen, epochs)
    with torch.no_grad():
        for name, best in course.weights.items():
            getattr(net, name).copy_(best)
    told = _told(course, net, recipe is SAMPLED)
    truth = np.where(task.known.any(0).numpy(), task.truth.numpy(), np.nan).astype(np.float32)
    width = net.shape.members * net.shape.outputs
    empty = np.zeros((len(nodes), width), np.float16)
    model = GraphModel(problem, net, columns, scale, truth, empty, told)
    model = replace(model, state=_state(model, nodes, graph))
    return model, _out_of_fold(model.answer(course.best), places, folds, len(target))


def _told(course: Course, net: GraphNet, sampled: bool) -> dict[str, Any]:
    """How the training went, as plain JSON values."""
    return {
        "epochs": len(course.loss),
        "best_epochs": course.best_epoch,
        "members": net.shape.members,
        "sampled": sampled,
        "parameters": sum(one.numel() for one in net.parameters()),
        "history": {"loss": course.loss, "valid_loss": course.valid_loss},
    }


def _begun(
    target: NDArray[Any], problem: Problem, columns: Columns, recipe: Recipe, members: int
) -> GraphNet:
    """The net before training, which gives the trivial answer."""
    outputs = problem.n_classes if problem.classifies else 1
    shape = GraphShape(columns.inputs, recipe.hidden, outputs, members, STEPS)
    generator = torch.Generator().manual_seed(problem.seed)
    return GraphNet(shape, _prior(target, problem), generator)


def _state(model: GraphModel, nodes: Batch, graph: Graph) -> NDArray[np.float16]:
    """(nodes, members * outputs) the scores of all nodes after they spread."""
    with torch.inference_mode():
        found = model.spread(nodes, graph)
    return found.transpose(0, 1).reshape(len(nodes), -1).numpy().astype(np.float16)


def _prior(target: NDArray[Any], problem: Problem) -> Tensor:
    """(outputs,) scores of the trivial answer."""
    if not problem.classifies:
        return torch.zeros(1)
    counts = np.bincount(target, minlength=problem.n_classes) + 0.5
    return torch.from_numpy(np.log(counts / counts.sum())).float()


def _task(
    target: NDArray[Any],
    problem: Problem,
    folds: Sequence[Fold],
    weights: NDArray[np.float64] | None,
    scale: Scale,
    places: NDArray[np.int64],
    nodes: int,
) -> Task:
    own = target if problem.classifies else (target - scale.mean) / scale.spread
    truth = torch.zeros(nodes, dtype=torch.int64 if problem.classifies else torch.float32)
    truth[places] = torch.from_numpy(own).to(truth.dtype)
    each = np.ones(len(target)) if weights is None else weights
    shares = torch.zeros(2, len(folds), nodes)
    for member, fold in enumerate(folds):
        for at, rows in enumerate((fold.train, fold.valid)):
            weight = each[rows] if each[rows].any() else np.ones(len(rows))
            shares[at, member, places[rows]] = torch.from_numpy(weight / weight.sum()).float()
    trained_on = shares[0].any(0)
    told = float(trained_on.sum()) >= TOLD * nodes
    known = np.where(trained_on.numpy() & told, truth.numpy(), np.nan).astype(np.float32)
    return Task(problem, truth, said(known, problem), shares[0], shares[1], told)


def _out_of_fold(
    answers: Outputs, places: NDArray[np.int64], folds: Sequence[Fold], rows: int
) -> Outputs:
    """Each row's mean over the members that it validated; NaN where there is none."""
    total = np.zeros((rows, *answers.shape[2:]))
    count = np.zeros(rows)
    for found, fold in zip(answers, folds, strict=True):
        total[fold.valid] += found[places[fold.valid]]
        count[fold.valid] += 1
    count[count == 0] = np.nan
    return np.asarray(total / count.reshape(-1, *(1 for _ in answers.shape[2:])))

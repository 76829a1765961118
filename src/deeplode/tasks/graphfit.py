"""Training of the graph net: all nodes in every step where they are few, else sampled ones."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.split import Fold
from deeplode.encode.batch import Batch
from deeplode.evaluate.design import fit_design
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.sparse import widths_of
from deeplode.nets.graphnet import GraphNet, GraphShape, Shares
from deeplode.nets.pagerank import Matrix, normalised
from deeplode.progress import Listen
from deeplode.runtime import Budget, seeded
from deeplode.tasks.graphnet import Columns, GraphModel
from deeplode.tasks.net import Scale

HIDDEN, STEPS, RESTART = 32, 10, 0.1
EPOCHS, PATIENCE = 400, 80
RATE, DECAY = 0.02, 0.005
SHARES = Shares(inputs=0.5, hidden=0.5, nodes=0.5)
DRAWN, AGREE, SHARPER = 2, 1.0, 0.5  # answers a step, what their differences weigh, temperature
MEMBERS = 4

Outputs = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Task:
    """What the members learn.

    truth: (nodes,) classes or standardised values, of training rows. train, valid: (members,
    nodes) float32 how much each node counts, rows of sum 1.
    """

    problem: Problem
    truth: Tensor
    train: Tensor
    valid: Tensor

    def losses(self, scores: Tensor, share: Tensor) -> Tensor:
        """(members,) mean loss. scores: (members, nodes, outputs). share: (members, nodes)."""
        rows = share.any(0).nonzero().flatten()
        found, truth = scores[:, rows], self.truth[rows]
        if self.problem.classifies:
            index = truth.view(1, -1, 1).expand(len(found), -1, 1)
            each = -found.log_softmax(2).gather(2, index).squeeze(2)
        else:
            each = (found.squeeze(2) - truth) ** 2
        return (each * share[:, rows]).sum(1)


@dataclass
class Course:
    """How a training went. best: (members, nodes, outputs) scores at each member's best epoch."""

    best: Tensor
    weights: list[Tensor]
    best_loss: Tensor
    best_epoch: list[int]
    loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)


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
    began, nodes, graph = time.monotonic(), batch.linked.nodes, batch.linked.graph
    folds = folds[:MEMBERS]
    scale = Scale() if problem.classifies else Scale.fit(target)
    columns = Columns(fit_design(nodes), tuple(widths_of(nodes)))
    outputs = problem.n_classes if problem.classifies else 1
    shape = GraphShape(columns.inputs, HIDDEN, outputs, len(folds), STEPS, RESTART)
    generator = torch.Generator().manual_seed(problem.seed)
    net = GraphNet(shape, _prior(target, problem), generator)
    places = batch.linked.places.numpy()
    task = _task(target, problem, folds, weights, scale, places, len(nodes))
    matrix = columns.matrix(nodes)
    epochs = None if replay is None else int(replay["epochs"])
    with seeded(problem.seed):
        course = _trained(net, task, matrix, normalised(graph.edges), budget, listen, epochs)
    with torch.no_grad():
        for own, best in zip(net.parameters(), course.weights, strict=True):
            own.copy_(best)
    state = course.best.transpose(0, 1).reshape(len(nodes), -1).numpy().astype(np.float16)
    told = {
        "epochs": len(course.loss), "best_epochs": course.best_epoch, "members": len(folds),
        "seconds": round(time.monotonic() - began, 3), "sampled": False,
        "parameters": sum(one.numel() for one in net.parameters()),
        "history": {"loss": course.loss, "valid_loss": course.valid_loss},
    }  # fmt: skip
    model = GraphModel(problem, net, columns, scale, state, told)
    return model, _out_of_fold(model.answer(course.best), places, folds, len(target))


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
    return Task(problem, truth, shares[0], shares[1])


def _trained(
    net: GraphNet,
    task: Task,
    matrix: Matrix,
    links: Matrix,
    budget: Budget,
    listen: Listen,
    epochs: int | None,
) -> Course:
    """Steps over all nodes, each an epoch, until no member got better for PATIENCE of them."""
    turned = matrix.T if isinstance(matrix, np.ndarray) else matrix.T.tocsr()
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE, weight_decay=DECAY)
    course = _begun(net, task, net(matrix, turned, links).detach())
    drawn = DRAWN if task.problem.classifies else 1
    for epoch in range(1, (EPOCHS if epochs is None else epochs) + 1):
        scores = net.drawn(matrix, turned, links, SHARES, drawn)
        losses = torch.stack([task.losses(one, task.train) for one in scores]).mean(0)
        total = losses.sum()
        if task.problem.classifies:
            total = total + AGREE * _disagreement(scores)
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            found = net(matrix, turned, links)
        course.loss.append(float(losses.detach().mean()))
        _look(net, task, found, course, epoch)
        listen("epoch", epoch=epoch, epochs=EPOCHS, loss=course.loss[-1],
               valid_loss=course.valid_loss[-1])  # fmt: skip
        late = epoch - max(course.best_epoch) >= PATIENCE
        if epochs is None and (late or budget.stop()):
            break
    return course


def _begun(net: GraphNet, task: Task, scores: Tensor) -> Course:
    weights = [one.detach().clone() for one in net.parameters()]
    loss = task.losses(scores, task.valid)
    return Course(scores.clone(), weights, loss, [0] * len(loss))


def _look(net: GraphNet, task: Task, scores: Tensor, course: Course, epoch: int) -> None:
    """Keep the members that are better than ever on the rows that validate them."""
    loss = task.losses(scores, task.valid)
    course.valid_loss.append(float(loss.mean()))
    hidden = net.shape.hidden
    for member in (loss < course.best_loss).nonzero().flatten().tolist():
        course.best_loss[member] = loss[member]
        course.best_epoch[member] = epoch
        course.best[member] = scores[member]
        part = slice(member * hidden, (member + 1) * hidden)
        for name, kept in zip(
            ("first", "first_bias", "last", "last_bias"), course.weights, strict=True
        ):
            own = getattr(net, name).detach()
            at = (Ellipsis, part) if name.startswith("first") else member
            kept[at] = own[at]


def _disagreement(scores: Tensor) -> Tensor:
    """Squared distance of answers drawn to their sharpened mean, over all nodes, of all members.

    scores: (drawn, members, nodes, outputs). Feng et al. 2020, equation 5.
    """
    answers = scores.softmax(3)
    mean = answers.mean(0).detach() ** (1 / SHARPER)
    sharp = mean / mean.sum(2, keepdim=True)
    return ((answers - sharp) ** 2).sum(3).mean((0, 2)).sum()


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

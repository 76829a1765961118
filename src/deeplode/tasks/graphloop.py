"""The training of a graph net: steps over all nodes where they are few, else over sampled ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.adjacency import normalised
from deeplode.data.edges import Edges
from deeplode.data.neighbours import around
from deeplode.evaluate.problem import Problem
from deeplode.nets.graphnet import GraphNet, Inputs
from deeplode.progress import Listen
from deeplode.runtime import Budget
from deeplode.tasks.graphchoices import (
    EPOCH_ROWS,
    EPOCH_STEPS,
    FANOUT,
    HOPS,
    RATE,
    SHARPER,
    Recipe,
)
from deeplode.tasks.graphnet import WEIGHTS

Step = Callable[[], Tensor]  # forward: each member's loss, (members,), ready for the way back


@dataclass(frozen=True, eq=False)
class Task:
    """What the members learn.

    truth: (nodes,) classes or standardised values, of training rows. said: (nodes, outputs) what
    known nodes add. train, valid: (members, nodes) float32 how much each counts, rows of sum 1.
    told: whether known nodes say their truth, or it is only learned.
    """

    problem: Problem
    truth: Tensor
    said: Tensor
    train: Tensor
    valid: Tensor
    told: bool

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

    def at(self, nodes: NDArray[np.int64]) -> Task:
        """The same for some nodes, in this order."""
        index = torch.from_numpy(nodes)
        shares = (self.train[:, index], self.valid[:, index])
        return Task(self.problem, self.truth[index], self.said[index], *shares, self.told)

    @cached_property
    def known(self) -> Tensor:
        """(members, nodes) 1.0 where a member hears the truth."""
        return (self.train > 0).float() * float(self.told)


@dataclass
class Course:
    """How a training went. best: (members, nodes, outputs) scores at each member's best epoch."""

    best: Tensor
    weights: dict[str, Tensor]
    best_loss: Tensor
    best_epoch: list[int]
    loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)


def whole_steps(net: GraphNet, task: Task, inputs: Inputs, recipe: Recipe) -> list[Step]:
    """One step of an epoch: all nodes."""
    everything = torch.ones(len(task.truth), dtype=torch.bool)

    def step() -> Tensor:
        drawn = recipe.drawn if task.problem.classifies else 1
        hidden = None if task.told else everything
        scores, gone = net.drawn(inputs, task.said, task.known, recipe.shares, drawn, hidden)
        losses = _hidden_losses(task, scores, gone)
        if task.problem.classifies and recipe.agree:
            return losses + recipe.agree * _disagreement(scores)
        return losses

    return [step]


def sampled_steps(
    net: GraphNet, task: Task, inputs: Inputs, edges: Edges, recipe: Recipe, seed: int
) -> list[Step]:
    """The steps of an epoch: some training rows each, and neighbours of theirs."""
    chance = np.random.default_rng(seed)
    rows = task.train.any(0).nonzero().flatten().numpy()

    def step() -> Tensor:
        seeds = chance.choice(rows, min(EPOCH_ROWS, len(rows)), replace=False)
        nodes, links = around(edges, seeds, FANOUT, HOPS, chance)
        part, own = Inputs(inputs.columns[nodes], normalised(links)), task.at(nodes)
        hidden = torch.arange(len(nodes)) < len(seeds)
        scores, gone = net.drawn(part, own.said, own.known, recipe.shares, recipe.drawn, hidden)
        return _hidden_losses(own, scores, gone)

    return [step] * EPOCH_STEPS


def trained(
    net: GraphNet,
    task: Task,
    inputs: Inputs,
    steps: list[Step],
    recipe: Recipe,
    budget: Budget,
    listen: Listen,
    epochs: int | None,
) -> Course:
    """Epochs until no member got better for long or one more would not be done in time, or so many
    whatever the clock says."""
    optimizer = _optimizer(net, recipe)
    course = _begun(net, task, net(inputs, task.said, task.known).detach())
    longest = 0.0
    for epoch in range(1, (recipe.epochs if epochs is None else epochs) + 1):
        began = monotonic()
        losses = [torch.zeros(1)]
        for step in steps:
            loss = step()
            optimizer.zero_grad()
            loss.sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.detach().mean().view(1))
            if epochs is None and budget.stop():
                break
        with torch.no_grad():
            found = net(inputs, task.said, task.known)
        course.loss.append(float(torch.cat(losses[1:]).mean()))
        _look(net, task, found, course, epoch)
        listen("epoch", epoch=epoch, epochs=recipe.epochs, loss=course.loss[-1],
               valid_loss=course.valid_loss[-1])  # fmt: skip
        longest = max(longest, monotonic() - began)
        late = epoch - max(course.best_epoch) >= recipe.patience
        if epochs is None and (late or budget.stop() or budget.left() < longest):
            break
    return course


def _optimizer(net: GraphNet, recipe: Recipe) -> torch.optim.Optimizer:
    """Adam; trust is not drawn to 0."""
    weights = {name: getattr(net, name) for name in WEIGHTS}
    plain = [weights.pop("trust")]
    groups: list[dict[str, Any]] = [
        {"params": list(weights.values()), "weight_decay": recipe.decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.Adam(groups, lr=RATE)


def _begun(net: GraphNet, task: Task, scores: Tensor) -> Course:
    weights = {name: getattr(net, name).detach().clone() for name in WEIGHTS}
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
        for name, kept in course.weights.items():
            at = (Ellipsis, part) if name.startswith("first") else member
            kept[at] = getattr(net, name).detach()[at]


def _hidden_losses(task: Task, scores: Tensor, gone: Tensor) -> Tensor:
    """(members,) mean loss of the nodes whose truth was left out. scores: (drawn, members, nodes,
    outputs); gone: (drawn, members, nodes)."""
    share = task.train * gone
    share = share / share.sum(2, keepdim=True).clamp(min=1e-30)
    return torch.stack([task.losses(*one) for one in zip(scores, share, strict=True)]).mean(0)


def _disagreement(scores: Tensor) -> Tensor:
    """Squared distance of answers drawn to their sharpened mean, over all nodes, (members,).

    scores: (drawn, members, nodes, outputs). Feng et al. 2020, equation 5.
    """
    answers = scores.softmax(3)
    mean = answers.mean(0).detach() ** (1 / SHARPER)
    sharp = mean / mean.sum(2, keepdim=True)
    return ((answers - sharp) ** 2).sum(3).mean((0, 2))

"""One optimizer step of some members: the same whichever net and whichever rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from deeplode.fit.regularizers import prepare, project
from deeplode.fit.state import Job, Part
from deeplode.nets.dropout import Masks


@dataclass(frozen=True)
class Turn:
    """What is decided of a step before it is made, for all members.

    order: (members, rows) positions, as many batches as are accumulated. rate: learning rate.
    masks: of dropout, one for each batch. noise: (members, rows, columns) to add to the first
    inputs, or None.
    """

    order: Tensor
    rate: float
    masks: Sequence[Masks | None]
    noise: Tensor | None = None


@torch.no_grad()
def step(job: Job, part: Part, turn: Turn) -> Tensor:
    """Change the weights of a part's members once. Returns each one's mean loss, (members,)."""
    for group in part.optimizer.param_groups:
        group["lr"] = turn.rate * group["factor"]
    loss = descend(job, part, turn, 0) if job.accumulate == 1 else _accumulate(job, part, turn)
    prepare(part.optimizer, job.config.clip_norm)
    part.optimizer.step()
    project(part.optimizer, job.config.max_norm)
    return loss


def _accumulate(job: Job, part: Part, turn: Turn) -> Tensor:
    """Gradients of several batches, summed."""
    loss = descend(job, part, turn, 0)
    sums = [parameter.grad.clone() for parameter in part.parameters if parameter.grad is not None]
    for batch in range(1, job.accumulate):
        loss += descend(job, part, turn, batch)
        grads = [one.grad for one in part.parameters if one.grad is not None]
        for total, grad in zip(sums, grads, strict=True):
            total += grad
    grads = [one.grad for one in part.parameters if one.grad is not None]
    for total, grad in zip(sums, grads, strict=True):
        grad.copy_(total)
    return loss


def descend(job: Job, part: Part, turn: Turn, batch: int) -> Tensor:
    """Leave the gradients of one of the step's batches; returns its part of the mean loss."""
    rows = slice(batch * job.batch, (batch + 1) * job.batch)
    inputs, truth, weight = job.rows.at(turn.order[part.members, rows])
    if turn.noise is not None:
        inputs = (inputs[0] + turn.noise[part.members, rows], *inputs[1:])
    masks = turn.masks[batch]
    scores = part.way.forward(inputs, masks and masks.of(part.members.start))
    losses, slopes = job.objective.value(scores, truth), job.objective.slope(scores, truth)
    if weight is not None:
        losses, slopes = losses * weight, slopes * weight.unsqueeze(2)
    share = 1 / turn.order.shape[1]
    part.way.backward(slopes * share)  # each member's gradient is its own
    return losses.sum(1) * share


def noise(job: Job, members: int) -> Tensor | None:
    """Gaussian noise on number columns for one step (Bishop 1995); None where none is asked for.

    All forms that a number enters in move together: job.spread, (forms, columns), says how far one
    standard deviation goes in each. Returns (members, rows, forms * columns).
    """
    if job.config.input_noise <= 0 or job.spread is None:
        return None
    shape = (members, job.batch * job.accumulate, 1, job.spread.shape[1])
    drawn = torch.randn(shape, generator=job.generator)
    return (job.config.input_noise * drawn * job.spread).flatten(2)

"""One optimizer step of some members: the same whichever net and whichever rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from deeplode.fit.part import Part
from deeplode.fit.regularizers import prepare, project
from deeplode.fit.state import Job
from deeplode.nets.dropout import MaskPool, Masks


@dataclass(frozen=True)
class Turn:
    """What is decided of a step before it is made, for all members.

    order: (members, rows) positions, as many batches as are accumulated.
    rates: learning rate of each stepper, by where its members begin.
    number: of the step's first batch within the epoch.
    noise: (members, rows, columns) of unit spread for the first inputs, or None.
    """

    order: Tensor
    rates: Mapping[int, float]
    number: int
    noise: Tensor | None = None


@torch.no_grad()
def step(job: Job, part: Part, turn: Turn, pools: Mapping[float, MaskPool]) -> Tensor:
    """Change the weights of a part's members once. Returns each one's mean loss, (members,)."""
    pool = pools[part.config.dropout]
    masks = [pool.step(turn.number + batch) for batch in range(job.accumulate)]
    loss = _accumulated(job, part, turn, masks) if masks[1:] else descend(job, part, turn, masks, 0)
    for stepper in part.steppers:
        for group in stepper.optimizer.param_groups:
            group["lr"] = turn.rates[stepper.members.start] * group["factor"]
        prepare(stepper.optimizer, stepper.config.clip_norm)
        stepper.optimizer.step()
        project(stepper.optimizer, stepper.config.max_norm)
    return loss


def _accumulated(job: Job, part: Part, turn: Turn, masks: Sequence[Masks | None]) -> Tensor:
    """Gradients of several batches, summed."""

    def gradients() -> list[Tensor]:
        found = [one.grad for stepper in part.steppers for one in stepper.parameters]
        return [one for one in found if one is not None]

    loss = descend(job, part, turn, masks, 0)
    sums = [gradient.clone() for gradient in gradients()]
    for batch in range(1, job.accumulate):
        loss += descend(job, part, turn, masks, batch)
        for total, gradient in zip(sums, gradients(), strict=True):
            total += gradient
    for total, gradient in zip(sums, gradients(), strict=True):
        gradient.copy_(total)
    return loss


def descend(job: Job, part: Part, turn: Turn, masks: Sequence[Masks | None], batch: int) -> Tensor:
    """Leave the gradients of one of the step's batches; returns its part of the mean loss."""
    rows = slice(batch * job.batch, (batch + 1) * job.batch)
    inputs, truth, weight = job.rows.at(turn.order[part.members, rows])
    if turn.noise is not None and part.config.input_noise > 0:
        moved = part.config.input_noise * turn.noise[part.members, rows]
        inputs = (inputs[0] + moved, *inputs[1:])
    own = masks[batch]
    scores = part.way.forward(inputs, own and own.of(part.members.start))
    losses, slopes = part.loss.value(scores, truth), part.loss.slope(scores, truth)
    if weight is not None:
        losses, slopes = losses * weight, slopes * weight.unsqueeze(2)
    share = 1 / turn.order.shape[1]
    part.way.backward(slopes * share)  # each member's gradient is its own
    return losses.sum(1) * share


def noise(job: Job) -> Tensor | None:
    """Gaussian noise on number columns for one step (Bishop 1995); None where none is asked for.

    All forms that a number enters in move together: job.spread, (forms, columns), says how far one
    standard deviation goes in each. Returns (members, rows, forms * columns).
    """
    if job.spread is None or all(config.input_noise <= 0 for config in job.configs):
        return None
    shape = (len(job.folds), job.batch * job.accumulate, 1, job.spread.shape[1])
    drawn = torch.randn(shape, generator=job.generator)
    return (drawn * job.spread).flatten(2)

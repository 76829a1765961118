"""The training loop: members side by side, tensors in memory, index batches."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from deeplode.fit import checkpoint, setback
from deeplode.fit.losses import mean
from deeplode.fit.observe import observe
from deeplode.fit.part import Part
from deeplode.fit.schedules import SCHEDULES
from deeplode.fit.state import Fold, Job, Rows, State
from deeplode.fit.step import Turn, noise, step
from deeplode.nets.trainable import Trainable
from deeplode.progress import Listen
from deeplode.runtime import Budget, Workers, workers

VALIDATE = 2048  # rows of each member that validation holds at once
SAVE_EVERY = 2.0  # seconds between two checkpoints, at least


def train(job: Job, budget: Budget, listen: Listen, folder: Path | None = None) -> State:
    """Train every member on its fold; leaves each member's best weights in ``job.net``.

    Members are shared out among torch's threads, and trained side by side within each.

    budget: its deadline shortens the schedule. folder: where a checkpoint is kept once an epoch
    and at the end, and looked for at the start.
    Returns what happened; ``state.pace.strides`` repeats a run that the deadline cut short.
    """
    state = State.begin(job, torch.get_num_threads())
    identity = checkpoint.identify(job, state) if folder else ""
    resumed = folder is not None and checkpoint.load(folder, state, identity)
    with workers(len(state.parts)) as do:
        if not resumed:
            start = validate(job, state, do)
            state.history.start = start.tolist()
            state.keep_best(start)
        saved = time.monotonic()
        while not state.over(job.config.patience):
            epoch(job, state, budget, do)
            listen(
                "epoch",
                epoch=state.epoch,
                epochs=state.pace.epochs(job.steps),
                **state.history.last(),
            )
            if folder and time.monotonic() - saved > SAVE_EVERY:
                checkpoint.save(folder, state, identity)
                saved = time.monotonic()
    if folder:
        checkpoint.save(folder, state, identity)
    state.restore_best()
    return state


def epoch(job: Job, state: State, budget: Budget, do: Workers) -> None:
    """Go through the rows once, or until schedule or budget end; then validate."""
    began, before = time.monotonic(), state.pace.step
    order = shuffled(job.folds, job.steps, job.batch * job.accumulate, job.generator)
    for pool in state.pools.values():
        pool.refill(job.steps * job.accumulate)
    factors = setback.factors(state)
    losses = [torch.zeros(0, len(job.folds))]
    done, few = 0, 1
    while done < len(order):
        state.pace.look_up(budget, job.steps)
        if state.pace.over or not losses[-1].isfinite().any(1).all():
            break
        start = time.monotonic()
        losses.append(several(job, state, order[done : done + few], done, factors, do))
        done += few
        few = state.pace.few((time.monotonic() - start) / few)
    steps = state.pace.step - before
    learned = torch.cat(losses).sum(0) / max(steps, 1)
    seen = do(partial(observe, job), state.parts)
    valid_loss = torch.where(learned.isfinite(), validate(job, state, do), torch.nan)
    state.epoch += 1
    setback.put_back(state, valid_loss)
    state.keep_best(valid_loss)
    seconds = time.monotonic() - began
    speed = steps * order[0].numel() / max(seconds, 1e-9)
    layers = [own for part in seen for own in part]
    state.history.add(learned.tolist(), valid_loss.tolist(), seconds, speed, layers)


def several(
    job: Job,
    state: State,
    order: Tensor,
    first: int,
    factors: Mapping[int, float],
    do: Workers,
) -> Tensor:
    """Optimizer steps of all members. order: (steps, members, rows).

    first: number of the first step within the epoch. factors: on each stepper's learning rate.
    Returns each member's losses, (steps, members).
    """
    plan = []
    for number, index in enumerate(order, first):
        if state.pace.over:
            break
        rates = {
            stepper.members.start: stepper.config.learning_rate
            * SCHEDULES[stepper.config.schedule](state.pace.middle)
            * factors[stepper.members.start]
            for part in state.parts
            for stepper in part.steppers
        }
        plan.append(Turn(index, rates, number * job.accumulate, noise(job)))
        state.pace.advance()

    def steps(part: Part) -> Tensor:
        return torch.stack([step(job, part, turn, state.pools) for turn in plan])

    return torch.cat(do(steps, state.parts), 1)


def shuffled(folds: Sequence[Fold], steps: int, batch: int, generator: torch.Generator) -> Tensor:
    """Row positions of every step of an epoch: (steps, members, batch) int64.

    Each member goes through its own rows in its own order; what does not fill a batch is left out.
    """
    order = []
    for fold in folds:
        chance = fold.chance or generator
        places = torch.randperm(len(fold.train), generator=chance)[: steps * batch]
        order.append(fold.train[places].view(steps, batch))
    return torch.stack(order, 1)


def validate(job: Job, state: State, do: Workers) -> Tensor:
    """Each member's weighted mean loss on its own validation rows: (members,)."""
    index, weight = valid_rows(job.folds)
    if job.rows.weight is not None:
        weight = weight * job.rows.weight[index]

    def losses(part: Part) -> Tensor:
        own = index[part.members]
        scores = held_out(part.net, job.rows, own)
        return mean(job.loss.value(scores, job.rows.target[own]), weight[part.members])

    return torch.cat(do(losses, state.parts))


@torch.no_grad()
def held_out(net: Trainable, rows: Rows, index: Tensor) -> Tensor:
    """Each member's scores for its own rows. index: (members, n) -> (members, n, outputs)."""
    parts = [
        net(*(part[index[:, start : start + VALIDATE]] for part in rows.inputs))
        for start in range(0, index.shape[1], VALIDATE)
    ]
    return torch.cat(parts, 1)


def valid_rows(folds: Sequence[Fold]) -> tuple[Tensor, Tensor]:
    """Validation positions of every member, (members, n) int64, and weights, 0 for padding."""
    longest = torch.arange(max(len(fold.valid) for fold in folds))
    index = torch.stack([fold.valid[longest % len(fold.valid)] for fold in folds])
    own = torch.stack([(longest < len(fold.valid)).to(torch.get_default_dtype()) for fold in folds])
    return index, own

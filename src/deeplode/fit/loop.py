"""The training loop: members side by side, tensors in memory, index batches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from deeplode.fit import checkpoint
from deeplode.fit.losses import mean
from deeplode.fit.regularizers import noisy, prepare, project
from deeplode.fit.schedules import SCHEDULES, plateau
from deeplode.fit.state import Fold, Job, Rows, State
from deeplode.progress import Listen
from deeplode.runtime import Budget

VALIDATE = 2048  # rows of each member that validation holds at once
LOOK_UP = 4  # steps between two looks at the budget
SAVE_EVERY = 2.0  # seconds between two checkpoints, at least


def train(job: Job, budget: Budget, listen: Listen, folder: Path | None = None) -> State:
    """Train every member on its fold; leaves each member's best weights in ``job.net``.

    budget: its deadline shortens the schedule. folder: where a checkpoint is kept once an epoch,
    and looked for at the start.
    Returns what happened; ``state.pace.strides`` repeats a run that the deadline cut short.
    """
    state = State.begin(job)
    identity = checkpoint.identify(job) if folder else ""
    resumed = folder is not None and checkpoint.load(folder, state, identity)
    if not resumed:
        state.keep_best(validate(job))
    saved = time.monotonic()
    while not state.over(job.config.patience):
        epoch(job, state, budget)
        listen(
            "epoch",
            epoch=state.epoch,
            epochs=state.pace.epochs(job.steps),
            **state.history.last(),
        )
        if folder and time.monotonic() - saved > SAVE_EVERY:
            checkpoint.save(folder, state, identity)
            saved = time.monotonic()
    state.restore_best()
    return state


def epoch(job: Job, state: State, budget: Budget) -> None:
    """Go through the rows once, or until schedule or budget end; then validate."""
    began, before = time.monotonic(), state.pace.step
    order = shuffled(job.folds, job.steps, job.batch * job.accumulate, job.generator)
    state.pool.refill(job.steps * job.accumulate * len(job.config.hidden))
    if job.config.schedule == "reduce_on_plateau":
        state.reduction = plateau(state.history.valid_loss)
    total = torch.zeros(())
    for index in order:
        if state.pace.step % LOOK_UP == 0:
            state.pace.look_up(budget, job.steps)
        if state.pace.over:
            break
        total += step(job, state, index)
    steps = state.pace.step - before
    valid_loss = validate(job)
    state.epoch += 1
    state.keep_best(valid_loss)
    seconds = time.monotonic() - began
    speed = steps * order[0].numel() / max(seconds, 1e-9)
    state.history.add(float(total) / max(steps, 1), valid_loss.tolist(), seconds, speed)


def step(job: Job, state: State, index: Tensor) -> Tensor:
    """One optimizer step of all members.

    index: (members, rows), as many batches as are accumulated. Returns the mean loss.
    """
    config = job.config
    factor = SCHEDULES[config.schedule](state.pace.middle)
    rate = config.learning_rate * state.reduction * factor
    for group in state.optimizer.param_groups:
        group["lr"] = rate * group["factor"]
    if job.accumulate == 1:
        loss = backward(job, state, index)
    else:
        parts = torch.split(index, job.batch, 1)
        loss = torch.stack([backward(job, state, part) for part in parts]).mean()
    prepare(state.optimizer, config.clip_norm)
    state.optimizer.step()
    project(state.optimizer, config.max_norm)
    state.optimizer.zero_grad()
    state.pace.advance()
    return loss


def backward(job: Job, state: State, index: Tensor) -> Tensor:
    """Add the gradient of one batch's part in the step. index: (members, batch).

    Returns the mean loss.
    """
    config = job.config
    inputs, truth, weight = job.rows.at(index)
    if config.input_noise > 0 and job.spread is not None:
        first = noisy(inputs[0], job.spread, config.input_noise, job.generator)
        inputs = (first, *inputs[1:])
    losses = job.objective(job.net(*inputs, state.pool), truth)  # (members, batch)
    if weight is not None:
        losses = losses * weight
    means = losses.mean(1)
    objective = means.sum()  # each member's gradient is its own
    torch.autograd.backward(objective / job.accumulate if job.accumulate > 1 else objective)
    return means.detach().mean()


def shuffled(folds: Sequence[Fold], steps: int, batch: int, generator: torch.Generator) -> Tensor:
    """Row positions of every step of an epoch: (steps, members, batch) int64.

    Each member goes through its own rows in its own order; what does not fill a batch is left out.
    """
    order = []
    for fold in folds:
        places = torch.randperm(len(fold.train), generator=generator)[: steps * batch]
        order.append(fold.train[places].view(steps, batch))
    return torch.stack(order, 1)


def validate(job: Job) -> Tensor:
    """Each member's weighted mean loss on its own validation rows: (members,)."""
    index, weight = valid_rows(job.folds)
    if job.rows.weight is not None:
        weight = weight * job.rows.weight[index]
    return mean(job.loss(held_out(job.net, job.rows, index), job.rows.target[index]), weight)


@torch.no_grad()
def held_out(net: nn.Module, rows: Rows, index: Tensor) -> Tensor:
    """Each member's scores for its own rows. index: (members, n) -> (members, n, outputs)."""
    parts = [
        net(*(part[index[:, start : start + VALIDATE]] for part in rows.inputs), None)
        for start in range(0, index.shape[1], VALIDATE)
    ]
    return torch.cat(parts, 1)


def valid_rows(folds: Sequence[Fold]) -> tuple[Tensor, Tensor]:
    """Validation positions of every member, (members, n) int64, and weights, 0 for padding."""
    longest = torch.arange(max(len(fold.valid) for fold in folds))
    index = torch.stack([fold.valid[longest % len(fold.valid)] for fold in folds])
    own = torch.stack([(longest < len(fold.valid)).to(torch.get_default_dtype()) for fold in folds])
    return index, own

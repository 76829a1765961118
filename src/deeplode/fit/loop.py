"""The training loop: members side by side, tensors in memory, index batches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from deeplode.fit import checkpoint
from deeplode.fit.config import FitConfig
from deeplode.fit.losses import Loss, mean
from deeplode.fit.optimizers import build
from deeplode.fit.pace import Pace
from deeplode.fit.schedules import SCHEDULES
from deeplode.fit.state import Fold, Rows, State
from deeplode.nets.dropout import MaskPool
from deeplode.progress import Listen
from deeplode.runtime import Budget

VALIDATE = 2048  # rows of each member that validation holds at once
LOOK_UP = 4  # steps between two looks at the budget
SAVE_EVERY = 2.0  # seconds between two checkpoints, at least


def train(
    net: nn.Module,
    rows: Rows,
    folds: Sequence[Fold],
    loss: Loss,
    config: FitConfig,
    generator: torch.Generator,
    budget: Budget,
    listen: Listen,
    folder: Path | None = None,
) -> State:
    """Train every member on its fold; leaves each member's best weights in ``net``.

    net: its parameters have the members as their first dimension; called with the inputs of
        (members, rows) and a MaskPool or None.
    generator: decides order of rows and dropout. budget: its deadline shortens the schedule.
    folder: where a checkpoint is kept once an epoch, and looked for at the start.
    Returns what happened; ``state.pace.strides`` repeats a run that the deadline cut short.
    """
    batch = min(config.batch_size, *(len(fold.train) for fold in folds))
    steps = min(len(fold.train) for fold in folds) // batch
    optimizer = build(config.optimizer, net, config.learning_rate, config.l2)
    pool = MaskPool(config.dropout, len(folds) * batch * max(config.hidden, default=1), generator)
    state = State.begin(net, optimizer, generator, Pace.plan(config.epochs * steps, config.strides))
    identity = checkpoint.identify(rows, folds, config) if folder else ""
    if folder:
        checkpoint.load(folder, state, identity)
    saved = time.monotonic()
    if state.epoch == 0:
        state.keep_best(validate(net, rows, folds, loss))
    while not state.over(config.patience):
        began, before = time.monotonic(), state.pace.step
        order = shuffled(folds, steps, batch, generator)
        pool.refill(steps * len(config.hidden))
        train_loss = epoch(net, rows, order, loss, optimizer, pool, config, state, budget)
        valid_loss = validate(net, rows, folds, loss)
        state.epoch += 1
        state.keep_best(valid_loss)
        seconds = time.monotonic() - began
        speed = (state.pace.step - before) * batch * len(folds) / max(seconds, 1e-9)
        state.history.add(train_loss, valid_loss.tolist(), seconds, speed)
        listen("epoch", epoch=state.epoch, epochs=state.pace.epochs(steps), **state.history.last())
        if folder and time.monotonic() - saved > SAVE_EVERY:
            checkpoint.save(folder, state, identity)
            saved = time.monotonic()
    state.restore_best()
    return state


def shuffled(folds: Sequence[Fold], steps: int, batch: int, generator: torch.Generator) -> Tensor:
    """Row positions of every step of an epoch: (steps, members, batch) int64.

    Each member goes through its own rows in its own order; what does not fill a batch is left out.
    """
    order = []
    for fold in folds:
        places = torch.randperm(len(fold.train), generator=generator)[: steps * batch]
        order.append(fold.train[places].view(steps, batch))
    return torch.stack(order, 1)


def epoch(
    net: nn.Module,
    rows: Rows,
    order: Tensor,
    loss: Loss,
    optimizer: Optimizer,
    pool: MaskPool,
    config: FitConfig,
    state: State,
    budget: Budget,
) -> float:
    """Go through the rows once, or until the schedule or the budget is at its end.

    order: (steps, members, batch). Returns the training loss, mean over steps and members.
    """
    schedule = SCHEDULES[config.schedule]
    total, done = torch.zeros(()), 0
    for index in order:
        if state.pace.step % LOOK_UP == 0:
            state.pace.look_up(budget, len(order))
        if state.pace.over:
            break
        rate = config.learning_rate * schedule(state.pace.middle)
        for group in optimizer.param_groups:
            group["lr"] = rate
        total += step(net, rows, index, loss, optimizer, pool, config.l1)
        state.pace.advance()
        done += 1
    return float(total) / max(done, 1)


def step(
    net: nn.Module,
    rows: Rows,
    index: Tensor,
    loss: Loss,
    optimizer: Optimizer,
    pool: MaskPool,
    l1: float,
) -> Tensor:
    """One optimizer step of all members. index: (members, batch). Returns the loss, detached."""
    inputs, truth, weight = rows.at(index)
    losses = loss(net(*inputs, pool), truth)  # (members, batch)
    if weight is not None:
        losses = losses * weight
    members = losses.mean(1)
    objective = members.sum()
    if l1 > 0:
        objective = objective + l1 * sum(p.abs().sum() for p in net.parameters())
    objective.backward()
    optimizer.step()
    optimizer.zero_grad()
    return members.detach().mean()


def validate(net: nn.Module, rows: Rows, folds: Sequence[Fold], loss: Loss) -> Tensor:
    """Each member's weighted mean loss on its own validation rows: (members,)."""
    index, weight = valid_rows(folds)
    if rows.weight is not None:
        weight = weight * rows.weight[index]
    return mean(loss(held_out(net, rows, index), rows.target[index]), weight)


@torch.no_grad()
def held_out(net: nn.Module, rows: Rows, index: Tensor) -> Tensor:
    """Each member's scores for its own rows. index: (members, n) -> (members, n, outputs)."""
    parts = [net(*(part[some] for part in rows.inputs), None) for some in index.split(VALIDATE, 1)]
    return torch.cat(parts, 1)


def valid_rows(folds: Sequence[Fold]) -> tuple[Tensor, Tensor]:
    """Validation positions of every member, (members, n) int64, and weights, 0 for padding."""
    longest = torch.arange(max(len(fold.valid) for fold in folds))
    index = torch.stack([fold.valid[longest % len(fold.valid)] for fold in folds])
    own = torch.stack([(longest < len(fold.valid)).float() for fold in folds])
    return index, own

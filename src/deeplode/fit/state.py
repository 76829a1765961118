"""What the training loop works on: the job, and everything that changes under way."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from deeplode.fit.config import FitConfig
from deeplode.fit.history import History
from deeplode.fit.losses import Loss, smoothed
from deeplode.fit.optimizers import build
from deeplode.fit.pace import Pace
from deeplode.nets.dropout import MaskPool
from deeplode.nets.group import Group


@dataclass(frozen=True)
class Fold:
    """Row positions that a member learns from and is validated on, int64."""

    train: Tensor
    valid: Tensor


@dataclass(frozen=True)
class Rows:
    """All rows in memory.

    inputs: tensors whose first dimension is the rows. target: (rows,).
    weight: (rows,) float32 with mean 1, or None when all rows weigh alike.
    """

    inputs: tuple[Tensor, ...]
    target: Tensor
    weight: Tensor | None = None

    def at(self, index: Tensor) -> tuple[tuple[Tensor, ...], Tensor, Tensor | None]:
        """Inputs, target and weight of the rows at ``index``, any shape of int64."""
        weight = None if self.weight is None else self.weight[index]
        return tuple(part[index] for part in self.inputs), self.target[index], weight


@dataclass(frozen=True)
class Job:
    """What is trained, on what, and how.

    net: its parameters have the members as their first dimension; it is called with the inputs of
        (members, rows) and a MaskPool or None, and returns (members, rows, outputs).
    groups: all its parameters. folds: one for each member.
    generator: decides the order of rows, dropout and noise.
    spread: what input noise needs to know of the first inputs, see ``regularizers.noisy``.
    """

    net: nn.Module
    groups: tuple[Group, ...]
    rows: Rows
    folds: tuple[Fold, ...]
    loss: Loss
    config: FitConfig
    generator: torch.Generator
    spread: Tensor | None = None

    @cached_property
    def fewest(self) -> int:
        """Training rows of the member that has the fewest."""
        return min(len(fold.train) for fold in self.folds)

    @cached_property
    def batch(self) -> int:
        """Rows that go through the net at once, for each member."""
        return min(self.config.batch_size, self.fewest)

    @cached_property
    def accumulate(self) -> int:
        """Batches of a step."""
        return min(self.config.accumulate, self.fewest // self.batch)

    @cached_property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.fewest // (self.batch * self.accumulate)

    @cached_property
    def objective(self) -> Loss:
        """The loss that gradients are taken of; validation asks the plain ``loss``."""
        return smoothed(self.loss, self.config.label_smoothing)


@dataclass
class State:
    """All that changes while a net is trained; a checkpoint is a copy of it.

    best: copies of the parameters, each member at its best epoch so far.
    best_loss: (members,) validation loss there. best_epoch: (members,) 0 = before any step.
    reduction: factor on the learning rate that the validation losses so far ask for.
    """

    parameters: list[nn.Parameter]
    optimizer: Optimizer
    pool: MaskPool
    generator: torch.Generator
    pace: Pace
    best: list[Tensor]
    best_loss: Tensor
    best_epoch: Tensor
    epoch: int = 0
    reduction: float = 1.0
    history: History = field(default_factory=History)

    @classmethod
    def begin(cls, job: Job) -> State:
        """Before the first step."""
        config, members = job.config, len(job.folds)
        size = members * job.batch * max(config.hidden, default=1)
        parameters = list(job.net.parameters())
        return cls(
            parameters,
            build(
                config.optimizer,
                config.optimizer_style,
                job.groups,
                config.learning_rate,
                config.penalties,
            ),
            MaskPool(config.dropout, size, job.generator),
            job.generator,
            Pace.plan(config.epochs * job.steps, config.strides),
            best=[parameter.detach().clone() for parameter in parameters],
            best_loss=torch.full((members,), torch.inf),
            best_epoch=torch.zeros(members, dtype=torch.long),
        )

    def keep_best(self, valid_loss: Tensor) -> None:
        """Copy the members that are better than ever. valid_loss: (members,), NaN = never."""
        better = valid_loss < self.best_loss
        self.best_loss = torch.where(better, valid_loss, self.best_loss)
        self.best_epoch[better] = self.epoch
        for member in better.nonzero().flatten().tolist():
            for best, parameter in zip(self.best, self.parameters, strict=True):
                best[member].copy_(parameter.detach()[member])

    @torch.no_grad()
    def restore_best(self) -> None:
        """Give every member its best weights back."""
        for best, parameter in zip(self.best, self.parameters, strict=True):
            parameter.copy_(best)

    def over(self, patience: int) -> bool:
        """Whether the schedule is at its end or no member got better for ``patience`` epochs."""
        waited = self.epoch - int(self.best_epoch.max())
        return self.pace.over or waited >= patience

"""What the training loop works on: the job, and everything that changes under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from deeplode.fit.config import FitConfig
from deeplode.fit.history import History
from deeplode.fit.losses import Loss
from deeplode.fit.pace import Pace
from deeplode.fit.part import Part, parted
from deeplode.nets.dropout import MaskPool
from deeplode.nets.trainable import Trainable


@dataclass(frozen=True)
class Fold:
    """Row positions that a member learns from and is validated on, int64.

    chance: decides the order of its rows; None = the job's generator. Members that are to go
    through their rows in one order have generators of the same seed.
    """

    train: Tensor
    valid: Tensor
    chance: torch.Generator | None = None


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

    net: called with the inputs of (members, rows). folds: one for each member.
    generator: decides the order of rows, dropout and noise.
    spread: what input noise needs to know of the first inputs, see ``step.noise``.
    own: each member's own choices where they differ; of those, ``config`` decides on batches,
        accumulation, epochs and patience.
    """

    net: Trainable
    rows: Rows
    folds: tuple[Fold, ...]
    loss: Loss
    config: FitConfig
    generator: torch.Generator
    spread: Tensor | None = None
    own: tuple[FitConfig, ...] = ()

    @property
    def configs(self) -> tuple[FitConfig, ...]:
        """Of every member."""
        return self.own or (self.config,) * len(self.folds)

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


@dataclass
class State:
    """All that changes while a net is trained; a checkpoint is a copy of it.

    tensors: each member's, as they are now. best: copies of them, at its best epoch so far.
    best_loss: (members,) validation loss there. best_epoch: (members,) 0 = before any step.
    pools: of dropout masks, by the share that is dropped.
    setbacks: (members,) how often each was put back to its best epoch, int64.
    chances: of the folds that have one of their own.
    """

    parts: tuple[Part, ...]
    tensors: list[list[Tensor]]
    pools: dict[float, MaskPool]
    generator: torch.Generator
    pace: Pace
    best: list[list[Tensor]]
    best_loss: Tensor
    best_epoch: Tensor
    setbacks: Tensor
    chances: tuple[torch.Generator, ...] = ()
    epoch: int = 0
    history: History = field(default_factory=History)

    @classmethod
    def begin(cls, job: Job, threads: int) -> State:
        """Before the first step. threads: that the members are shared out to."""
        members, tensors = len(job.folds), job.net.tensors()
        shares = job.net.shares(threads)
        return cls(
            tuple(parted(job.net, shares, job.configs, job.loss, job.batch)),
            tensors,
            _pools(job),
            job.generator,
            Pace.plan(job.config.epochs * job.steps, job.config.strides),
            best=[[tensor.clone() for tensor in own] for own in tensors],
            best_loss=torch.full((members,), torch.inf),
            best_epoch=torch.zeros(members, dtype=torch.long),
            setbacks=torch.zeros(members, dtype=torch.long),
            chances=tuple(fold.chance for fold in job.folds if fold.chance is not None),
        )

    def keep_best(self, valid_loss: Tensor) -> None:
        """Copy the members that are better than ever. valid_loss: (members,), NaN = never."""
        better = valid_loss < self.best_loss
        self.best_loss = torch.where(better, valid_loss, self.best_loss)
        self.best_epoch[better] = self.epoch
        for member in better.nonzero().flatten().tolist():
            copy(self.tensors[member], self.best[member])

    def restore_best(self) -> None:
        """Give every member its best weights back."""
        for best, tensors in zip(self.best, self.tensors, strict=True):
            copy(best, tensors)

    def over(self, patience: int) -> bool:
        """Whether the schedule is at its end or no member got better for ``patience`` epochs."""
        waited = self.epoch - int(self.best_epoch.max())
        return self.pace.over or waited >= patience


def _pools(job: Job) -> dict[float, MaskPool]:
    """For every share of dropout, masks that are large enough for any net of the job."""
    layers = max(len(config.hidden) for config in job.configs)
    widest = max(max(config.hidden, default=1) for config in job.configs)
    size = len(job.folds) * job.batch * widest
    rates = sorted({config.dropout for config in job.configs})
    return {rate: MaskPool(rate, layers, size, job.generator) for rate in rates}


@torch.no_grad()
def copy(source: Sequence[Tensor], target: Sequence[Tensor]) -> None:
    """Tensor by tensor, into the memory of ``target``."""
    for one, other in zip(source, target, strict=True):
        other.copy_(one)

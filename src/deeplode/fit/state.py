"""What the training loop works on: the job, and everything that changes under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from deeplode.fit.config import FitConfig
from deeplode.fit.history import History
from deeplode.fit.losses import Loss, smoothed
from deeplode.fit.optimizers import build
from deeplode.fit.pace import Pace
from deeplode.nets.dropout import MaskPool
from deeplode.nets.trainable import Pass, Trainable


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

    net: called with the inputs of (members, rows). folds: one for each member.
    generator: decides the order of rows, dropout and noise.
    spread: what input noise needs to know of the first inputs, see ``regularizers.noisy``.
    """

    net: Trainable
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


@dataclass(frozen=True)
class Part:
    """Some of the members and what trains them; one thread works on a part.

    members: which. net: they alone. way: through them and back.
    """

    members: slice
    net: Trainable
    way: Pass
    optimizer: Optimizer

    @classmethod
    def of(cls, job: Job, members: slice) -> Part:
        """These members of a job, before the first step."""
        net, config = job.net.share(members), job.config
        optimizer = build(
            config.optimizer,
            config.optimizer_style,
            net.groups(),
            config.learning_rate,
            config.penalties,
        )
        return cls(members, net, net.passes(job.batch), optimizer)

    @property
    def parameters(self) -> list[Parameter]:
        """All that the optimizer changes."""
        return [one for group in self.optimizer.param_groups for one in group["params"]]


@dataclass
class State:
    """All that changes while a net is trained; a checkpoint is a copy of it.

    tensors: each member's, as they are now. best: copies of them, at its best epoch so far.
    best_loss: (members,) validation loss there. best_epoch: (members,) 0 = before any step.
    reduction: factor on the learning rate that the validation losses so far ask for.
    """

    parts: tuple[Part, ...]
    tensors: list[list[Tensor]]
    pool: MaskPool
    generator: torch.Generator
    pace: Pace
    best: list[list[Tensor]]
    best_loss: Tensor
    best_epoch: Tensor
    epoch: int = 0
    reduction: float = 1.0
    history: History = field(default_factory=History)

    @classmethod
    def begin(cls, job: Job, parts: int) -> State:
        """Before the first step. parts: most parts that the members are shared out to."""
        config, members = job.config, len(job.folds)
        ends = [members * part // parts for part in range(parts + 1)]
        slices = [slice(start, end) for start, end in pairwise(ends) if start < end]
        size = members * job.batch * max(config.hidden, default=1)
        tensors = job.net.tensors()
        return cls(
            tuple(Part.of(job, own) for own in slices),
            tensors,
            MaskPool(config.dropout, len(config.hidden), size, job.generator),
            job.generator,
            Pace.plan(config.epochs * job.steps, config.strides),
            best=[[tensor.clone() for tensor in own] for own in tensors],
            best_loss=torch.full((members,), torch.inf),
            best_epoch=torch.zeros(members, dtype=torch.long),
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


@torch.no_grad()
def copy(source: Sequence[Tensor], target: Sequence[Tensor]) -> None:
    """Tensor by tensor, into the memory of ``target``."""
    for one, other in zip(source, target, strict=True):
        other.copy_(one)

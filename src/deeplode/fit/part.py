"""Part: some members, what leads through them and back, and what changes their weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from deeplode.fit.config import FitConfig
from deeplode.fit.losses import Loss, focused, smoothed
from deeplode.fit.optimizers import build
from deeplode.nets.trainable import Pass, Trainable

FEW = 32  # rows of a batch below which units are looked at on more rows than it has
WATCHED = 64  # rows that they are then looked at on


@dataclass(frozen=True)
class Stepper:
    """One optimizer over members that are trained by the same choices. members: of all members."""

    members: slice
    config: FitConfig
    optimizer: Optimizer

    @property
    def parameters(self) -> list[Parameter]:
        """All that the optimizer changes."""
        return [one for group in self.optimizer.param_groups for one in group["params"]]


@dataclass(frozen=True)
class Part:
    """Some of the members; one thread works on a part.

    members: which. net: they alone. way: through them and back. watch: the same for looking at
    units where batches have too few rows for it; None where ``way`` does for that, too.
    loss: that gradients are taken of; validation asks the plain one.
    """

    members: slice
    net: Trainable
    way: Pass
    watch: Pass | None
    steppers: tuple[Stepper, ...]
    loss: Loss

    @property
    def config(self) -> FitConfig:
        """The choices that hold for all its members: those that do not concern steps alone."""
        return self.steppers[0].config


def parted(
    net: Trainable, members: Sequence[slice], configs: Sequence[FitConfig], loss: Loss, batch: int
) -> Iterator[Part]:
    """Parts of a net, before the first step.

    members: what each part may hold at most. configs: of every member.
    """
    for most in members:
        rest = range(*most.indices(len(configs)))
        for _, run in groupby(rest, key=lambda member: _forward(configs[member])):
            places = list(run)
            own = slice(places[0], places[-1] + 1)
            yield _part(net.share(own), own, configs, loss, batch)


def _forward(config: FitConfig) -> tuple[float, ...]:
    """What members must have in common to go forward and backward together."""
    return config.dropout, config.label_smoothing, config.focal, config.input_noise


def _part(
    net: Trainable, members: slice, configs: Sequence[FitConfig], loss: Loss, batch: int
) -> Part:
    watch = net.passes(WATCHED) if batch < FEW else None
    way = net.passes(batch)  # the latest passes leave their gradients in the parameters
    steppers = []
    for config, run in groupby(range(members.start, members.stop), key=configs.__getitem__):
        places = list(run)
        own = slice(places[0], places[-1] + 1)
        steppers.append(Stepper(own, config, _optimizer(net, members, own, config)))
    whole = configs[members.start]
    return Part(
        members, net, way, watch, tuple(steppers),
        smoothed(focused(loss, whole.focal), whole.label_smoothing),
    )  # fmt: skip


def _optimizer(net: Trainable, whole: slice, members: slice, config: FitConfig) -> Optimizer:
    """Over some members of ``net``, which holds ``whole``; gradients are views of the net's."""
    groups = net.groups()
    if members != whole:
        inside = slice(members.start - whole.start, members.stop - whole.start)
        all_groups, groups = groups, net.share(inside).groups()
        for one, other in zip(groups, all_groups, strict=True):
            for parameter, parent in zip(one.parameters, other.parameters, strict=True):
                parameter.grad = _inside(parent.grad, inside)
    return build(
        config.optimizer, config.optimizer_style, groups, config.learning_rate, config.penalties
    )


def _inside(gradient: Tensor | None, members: slice) -> Tensor:
    if gradient is None:
        raise ValueError("members without lasting gradients cannot be stepped apart.")
    return gradient[members]

"""Members: modules of torch, one a member, as the training loop takes them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Self

import torch
from torch import Tensor, nn

from deeplode.nets.dropout import Masks
from deeplode.nets.group import Group
from deeplode.nets.pieces import Buffer, pieces
from deeplode.nets.trainable import Hidden


class Members:
    """Members side by side that share nothing, each a module of its own.

    All members' values of a parameter lie in one tensor, (members, …), that the modules look into:
    the optimizer steps through it once, and whatever asks for a member's slice finds it.
    chances: each member's own source of random numbers; none where it needs none.
    """

    def __init__(
        self, modules: Sequence[nn.Module], chances: Sequence[torch.Generator] = ()
    ) -> None:
        self.modules, self.chances = tuple(modules), tuple(chances)
        found = [pieces(module) for module in modules]
        self.weights = tuple(
            nn.Parameter(_stacked([one.tensor for one in same]))
            for same in zip(*(own.trained for own in found), strict=True)
        )
        self.rest = tuple(
            _stacked([one.tensor for one in same])
            for same in zip(*(own.fixed for own in found), strict=True)
        )

    def scores(self, inputs: tuple[Tensor, ...], training: bool) -> Tensor:
        """Every member's scores for its own rows, (members, rows, outputs)."""
        raise NotImplementedError

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Scores after training, (members, rows, outputs). inputs: (members, rows, …) each."""
        return self.scores(inputs, training=False)

    def share(self, members: slice) -> Self:
        """Some of the members, on the same memory."""
        part = copy(self)
        part.modules, part.chances = self.modules[members], self.chances[members]
        part.weights = tuple(nn.Parameter(one.detach()[members]) for one in self.weights)
        part.rest = tuple(one[members] for one in self.rest)
        return part

    def groups(self) -> tuple[Group, ...]:
        """What has one dimension, biases and scales, does not decay."""
        return grouped(self.weights)

    def tensors(self) -> list[list[Tensor]]:
        """Each member's own slices of all parameters and buffers."""
        whole = [*(one.detach() for one in self.weights), *self.rest]
        return [[one[member] for one in whole] for member in range(len(self.modules))]

    def passes(self, batch: int) -> ModulePass:
        """The way through and back, for batches of any size."""
        return ModulePass(self)


class ModulePass:
    """A ``Pass`` by torch's own differentiation, with dropout as the modules have it."""

    def __init__(self, net: Members) -> None:
        self.net, self.scores = net, torch.empty(0)
        self.buffers: list[Buffer] = []
        for parameter in net.weights:
            parameter.grad = torch.zeros_like(parameter)
        for member, module in enumerate(net.modules):
            found = pieces(module)
            for own, whole in zip(found.trained, net.weights, strict=True):
                assert whole.grad is not None
                own.tensor.grad = whole.grad[member]
            self.buffers += [one for one in found.fixed if isinstance(one, Buffer)]

    def forward(self, inputs: tuple[Tensor, ...], masks: Masks | None) -> Tensor:
        """Scores without their history, which is kept for ``backward``."""
        for parameter in self.net.weights:
            assert parameter.grad is not None
            parameter.grad.zero_()
        with torch.enable_grad():
            self.scores = self.net.scores(inputs, training=True)
        for buffer in self.buffers:
            buffer.take_back()
        return self.scores.detach()

    def backward(self, slopes: Tensor) -> None:
        """Fill the gradient of every parameter. slopes: of the loss by the scores."""
        torch.autograd.backward(self.scores, slopes)

    def hidden(self) -> tuple[Hidden, ...]:
        """Nothing: modules do not show their layers."""
        return ()


def grouped(weights: Sequence[nn.Parameter], rate: float = 1.0) -> tuple[Group, Group]:
    """Stacked parameters, those that decay and those that do not. rate: of all of them."""
    matrices = tuple(one for one in weights if one.dim() > 2)
    others = tuple(one for one in weights if one.dim() <= 2)
    return Group(matrices, rate), Group(others, rate, decay=False)


def switched(module: nn.Module, training: bool) -> nn.Module:
    """The module, for training or for answering."""
    if module.training != training:
        module.train(training)
    return module


@torch.no_grad()
def _stacked(tensors: list[Tensor]) -> Tensor:
    """All of them in one, (members, …), into which they look from now on.

    In the plain order of memory, whatever theirs was: the optimizer's state must lie as they do,
    when it comes from a checkpoint, too.
    """
    whole = torch.stack([tensor.detach() for tensor in tensors]).contiguous()
    for member, tensor in enumerate(tensors):
        tensor.data = whole.data[member]
    return whole

"""OwnNets: modules that a user brought, one a member, as the training loop takes them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from deeplode.errors import DeeplodeError, OptionError
from deeplode.nets.dropout import Masks
from deeplode.nets.flat import Flat
from deeplode.nets.group import Group, even
from deeplode.nets.pieces import Buffer, pieces
from deeplode.nets.trainable import Hidden

LARGE = 1_000_000  # weights of a member from which on several threads share in its products
MOST_THREADS = 64


class OwnNets:
    """Members side by side that share nothing, each a module of its own.

    All members' values of a parameter lie in one tensor, (members, …), that the modules look into:
    the optimizer steps through it once, and whatever asks for a member's slice finds it.

    flat: how rows become what a module is called with. outputs: scores of a row.
    name: of the net, in errors. together: whether the modules draw from torch's own random
    numbers, so that they must be trained in one order.
    """

    def __init__(
        self, modules: Sequence[nn.Module], flat: Flat, outputs: int, name: str, together: bool
    ) -> None:
        self.modules, self.flat = tuple(modules), flat
        self.outputs, self.name, self.together = outputs, name, together
        found = [pieces(module) for module in modules]
        self.weights = tuple(
            nn.Parameter(_stacked([one.tensor for one in same]))
            for same in zip(*(own.trained for own in found), strict=True)
        )
        self.rest = tuple(
            _stacked([one.tensor for one in same])
            for same in zip(*(own.fixed for own in found), strict=True)
        )

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Scores after training, (members, rows, outputs). inputs: as ``Flat.ready`` gives them,
        (members, rows, columns) each."""
        return self.scores(inputs, training=False)

    def scores(self, inputs: tuple[Tensor, ...], training: bool) -> Tensor:
        """Every member's scores for its own rows, (members, rows, outputs)."""
        wide = self.flat.wide(*inputs)
        found = []
        for module, rows in zip(self.modules, wide, strict=True):
            if module.training != training:
                module.train(training)
            found.append(call(module, rows, self.outputs, self.name))
        return torch.stack(found)

    def share(self, members: slice) -> OwnNets:
        """Some of the members, on the same memory."""
        part = OwnNets.__new__(OwnNets)
        part.modules, part.flat = self.modules[members], self.flat
        part.outputs, part.name, part.together = self.outputs, self.name, self.together
        part.weights = tuple(nn.Parameter(one.detach()[members]) for one in self.weights)
        part.rest = tuple(one[members] for one in self.rest)
        return part

    def shares(self, threads: int) -> list[slice]:
        """Nearly as many members for each thread; all in one where chance is shared."""
        return even(len(self.modules), 1 if self.together else threads)

    @property
    def small(self) -> bool:
        """Whether a member's layers are too small to be split over threads."""
        return sum(one.numel() for one in self.weights) < LARGE * len(self.modules)

    @property
    def threads(self) -> int:
        """The most threads that are of use: members side by side, and large layers split."""
        if not self.small:
            return MOST_THREADS
        return 1 if self.together else len(self.modules)

    def groups(self) -> tuple[Group, ...]:
        """What has one dimension, biases and scales, does not decay."""
        matrices = tuple(one for one in self.weights if one.dim() > 2)
        return (Group(matrices), Group(tuple(o for o in self.weights if o.dim() <= 2), decay=False))

    def tensors(self) -> list[list[Tensor]]:
        """Each member's own slices of all parameters and buffers."""
        whole = [*(one.detach() for one in self.weights), *self.rest]
        return [[one[member] for one in whole] for member in range(len(self.modules))]

    def passes(self, batch: int) -> OwnPass:
        """The way through and back, for batches of any size."""
        return OwnPass(self)


class OwnPass:
    """A ``Pass`` by torch's own differentiation, with dropout as the modules have it."""

    def __init__(self, net: OwnNets) -> None:
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


def call(module: nn.Module, rows: Tensor, outputs: int, name: str) -> Tensor:
    """A module's scores, (rows, outputs). rows: (rows, inputs) float32.

    Raises OptionError when the module raises, or does not give such scores.
    """
    try:
        found = module(rows)
    except DeeplodeError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {str(error)[:500]}"
        raise OptionError("E-OPT-134", net=name, given=tuple(rows.shape), error=why) from error
    wanted = (len(rows), outputs)
    if not isinstance(found, Tensor) or not found.is_floating_point():
        kind = f"{found.dtype}" if isinstance(found, Tensor) else type(found).__name__
        raise OptionError("E-OPT-135", net=name, given=tuple(rows.shape), expected=wanted, got=kind)
    if outputs == 1 and found.shape == (len(rows),):
        found = found.unsqueeze(1)
    if tuple(found.shape) != wanted:
        got = tuple(found.shape)
        raise OptionError("E-OPT-135", net=name, given=tuple(rows.shape), expected=wanted, got=got)
    return found.float()


@torch.no_grad()
def _stacked(tensors: list[Tensor]) -> Tensor:
    """All of them in one, (members, …), into which they look from now on."""
    whole = torch.stack([tensor.detach() for tensor in tensors])
    for member, tensor in enumerate(tensors):
        tensor.data = whole.data[member]
    return whole

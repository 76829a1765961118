"""OwnNets: modules that a user brought, one a member, as the training loop takes them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from deeplode.errors import DeeplodeError, OptionError
from deeplode.nets.flat import Flat
from deeplode.nets.group import even
from deeplode.nets.members import Members, switched

LARGE = 1_000_000  # weights of a member from which on several threads share in its products
MOST_THREADS = 64


class OwnNets(Members):
    """Members whose modules a user brought.

    flat: how rows become what a module is called with. outputs: scores of a row.
    name: of the net, in errors. together: whether the modules draw from torch's own random
    numbers, so that they must be trained in one order.
    """

    def __init__(
        self, modules: Sequence[nn.Module], flat: Flat, outputs: int, name: str, together: bool
    ) -> None:
        super().__init__(modules)
        self.flat, self.outputs, self.name, self.together = flat, outputs, name, together

    def scores(self, inputs: tuple[Tensor, ...], training: bool) -> Tensor:
        """Every member's scores for its own rows, (members, rows, outputs).

        inputs: as ``Flat.ready`` gives them, (members, rows, columns) each.
        """
        wide = self.flat.wide(*inputs)
        return torch.stack(
            [
                call(switched(module, training), rows, self.outputs, self.name)
                for module, rows in zip(self.modules, wide, strict=True)
            ]
        )

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

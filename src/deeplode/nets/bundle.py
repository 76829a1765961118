"""Bundle: ensembles of different shapes, trained as if they were one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import torch
from torch import Tensor

from deeplode.nets.group import Group, even
from deeplode.nets.trainable import Pass, Trainable

MOST_SHARED = 16  # members of a share: validation holds the inputs of all of them at once


class Bundle:
    """Nets side by side; members are counted through all of them.

    nets: each with members of one shape. members: of each net.
    """

    def __init__(self, nets: Sequence[Trainable], members: Sequence[int]) -> None:
        self.nets = tuple(nets)
        self.starts = (0, *accumulate(members))

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Scores, (members, rows, outputs). inputs: (members, rows, …) each."""
        parts = [net(*(one[own] for one in inputs)) for net, own in self._owned()]
        return torch.cat(parts)

    def _owned(self) -> Iterator[tuple[Trainable, slice]]:
        """Each net and its members."""
        for net, start, stop in zip(self.nets, self.starts, self.starts[1:], strict=False):
            yield net, slice(start, stop)

    def share(self, members: slice) -> Trainable:
        """Some members of one net, on the same memory.

        Raises ValueError where they are of several nets: those never go one way together.
        """
        for net, own in self._owned():
            if own.start <= members.start and members.stop <= own.stop:
                return net.share(slice(members.start - own.start, members.stop - own.start))
        raise ValueError(f"{members} are members of several nets.")

    def shares(self, threads: int) -> list[slice]:
        """The members of each net shared out to the threads, none across two nets."""
        found = []
        for _, own in self._owned():
            count = own.stop - own.start
            parts = max(min(threads, count), -(-count // MOST_SHARED))
            found += [
                slice(own.start + one.start, own.start + one.stop) for one in even(count, parts)
            ]
        return found

    def groups(self) -> tuple[Group, ...]:
        """All parameters, net after net."""
        return tuple(group for net in self.nets for group in net.groups())

    def tensors(self) -> list[list[Tensor]]:
        """For each member, all tensors that its answers depend on and training changes."""
        return [own for net in self.nets for own in net.tensors()]

    def passes(self, batch: int) -> Pass:
        """Raises ValueError: every share has a way of its own."""
        raise ValueError(f"no batch of {batch} goes through nets of several shapes at once.")

"""Trainable: what the training loop asks of a net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from deeplode.nets.dropout import Masks
from deeplode.nets.group import Group


class Pass(Protocol):
    """The way through some members and back, for batches of one size."""

    def forward(self, inputs: tuple[Tensor, ...], masks: Masks | None) -> Tensor:
        """Scores, (members, rows, outputs). inputs: (members, rows, …) each."""

    def backward(self, slopes: Tensor) -> None:
        """Fill the gradient of every parameter.

        slopes: derivative of the loss by the scores of the last ``forward``, in their shape.
        """

    def hidden(self) -> Sequence[Hidden]:
        """Its hidden layers as the last passes left them; none where they are not known."""


@dataclass(frozen=True)
class Hidden:
    """A hidden layer after a pass forward and back, for those who watch a training.

    activation: its name. z: (members, rows, units) pre-activations. gain: the same, slope of the
    activation there. dz: the same, slope of the loss by ``z``. weight: (members, inputs, units).
    """

    activation: str
    z: Tensor
    gain: Tensor
    dz: Tensor
    weight: Tensor


class Trainable(Protocol):
    """Members side by side that share nothing."""

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Scores as they are given after training, (members, rows, outputs)."""

    def share(self, members: slice) -> Trainable:
        """Some of the members, on the same memory: training them trains these."""

    def shares(self, threads: int) -> Sequence[slice]:
        """How the members are best shared out to so many threads."""

    def groups(self) -> tuple[Group, ...]:
        """All parameters."""

    def tensors(self) -> list[list[Tensor]]:
        """For each member, all tensors that its answers depend on and training changes."""

    def passes(self, batch: int) -> Pass:
        """The way through and back for batches of so many rows."""

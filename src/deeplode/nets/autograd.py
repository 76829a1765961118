"""Autograd: the way through any net of torch and back, by torch's own differentiation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from deeplode.nets.dropout import Masks
from deeplode.nets.trainable import Hidden


class Autograd:
    """A ``Pass`` for a net that has no backward pass of its own.

    call: inputs, (members, rows, …) each, and masks to scores, (members, rows, outputs).
    """

    def __init__(self, call: Callable[[tuple[Tensor, ...], Masks | None], Tensor]) -> None:
        self.call = call
        self.scores = torch.empty(0)

    def forward(self, inputs: tuple[Tensor, ...], masks: Masks | None) -> Tensor:
        """Scores without their history, which is kept for ``backward``."""
        with torch.enable_grad():
            self.scores = self.call(inputs, masks)
        return self.scores.detach()

    def backward(self, slopes: Tensor) -> None:
        """Fill the gradient of every parameter. slopes: of the loss by the scores."""
        torch.autograd.backward(self.scores, slopes)

    def hidden(self) -> tuple[Hidden, ...]:
        """Nothing: such a net does not show its layers."""
        return ()

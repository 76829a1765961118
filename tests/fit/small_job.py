"""A small real training, shared by the tests of this folder; also run as a program to be killed.

``python small_job.py FOLDER`` trains with a checkpoint after every epoch and prints each epoch.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from deeplode.fit import loop
from deeplode.fit.config import FitConfig
from deeplode.fit.losses import REGRESSION
from deeplode.fit.state import Fold, Job, Rows
from deeplode.nets.autograd import Autograd
from deeplode.nets.dropout import Masks
from deeplode.nets.group import Group, even
from deeplode.runtime import Budget

ROWS, COLUMNS, MEMBERS = 300, 5, 3
KILLED_EPOCHS = 60


class TwoLayers(nn.Module):
    """Members side by side, one hidden layer."""

    def __init__(self, first: Tensor, last: Tensor) -> None:
        super().__init__()
        self.first, self.last = nn.Parameter(first), nn.Parameter(last)

    @classmethod
    def random(cls, width: int, generator: torch.Generator) -> TwoLayers:
        first = torch.randn(MEMBERS, COLUMNS, width, generator=generator) / 2
        return cls(first, torch.randn(MEMBERS, width, 1, generator=generator) / width)

    def forward(self, numbers: Tensor, masks: Masks | None = None) -> Tensor:
        hidden = torch.bmm(numbers, self.first).tanh()
        if masks is not None:
            hidden = hidden * masks.layer(0, hidden.shape)
        return torch.bmm(hidden, self.last)

    def share(self, members: slice) -> TwoLayers:
        # Parts are changed by several threads: ``data`` gives each its own count of changes.
        return TwoLayers(self.first.data[members], self.last.data[members])

    def shares(self, threads: int) -> list[slice]:
        return even(len(self.first), threads)

    def groups(self) -> tuple[Group, ...]:
        return (Group(tuple(self.parameters())),)

    def tensors(self) -> list[list[Tensor]]:
        whole = [parameter.detach() for parameter in self.parameters()]
        return [[one[member] for one in whole] for member in range(len(self.first))]

    def passes(self, batch: int) -> Autograd:
        def call(inputs: tuple[Tensor, ...], masks: Masks | None) -> Tensor:
            for parameter in self.parameters():
                parameter.grad = None
            scores: Tensor = self(*inputs, masks)
            return scores

        return Autograd(call)


def small_job(**choices: Any) -> Job:
    """300 rows of a smooth function with noise; each member is validated on its own fifth."""
    config = FitConfig(**({"hidden": (16,), "batch_size": 32, "epochs": 12} | choices))
    generator = torch.Generator().manual_seed(7)
    numbers = torch.randn(ROWS, COLUMNS, generator=generator)
    target = 2 * numbers[:, 0].sin() + numbers[:, 1]
    target += 0.1 * torch.randn(ROWS, generator=generator)
    part = torch.arange(ROWS) % 5
    folds = tuple(
        Fold((part != m).nonzero().flatten(), (part == m).nonzero().flatten())
        for m in range(MEMBERS)
    )
    net = TwoLayers.random(config.hidden[0], generator)
    return Job(net, Rows((numbers,), target), folds, REGRESSION, config, generator)


def main(folder: Path) -> None:
    """Train until done or killed."""
    torch.set_num_threads(1)
    loop.SAVE_EVERY = -1.0
    job = small_job(epochs=KILLED_EPOCHS)

    def tell(event: str, /, **facts: Any) -> None:
        sys.stdout.write(f"{facts['epoch']}\n")
        sys.stdout.flush()

    loop.train(job, Budget(), tell, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

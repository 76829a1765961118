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
from deeplode.fit.losses import squared_error
from deeplode.fit.state import Fold, Job, Rows
from deeplode.nets.group import Group
from deeplode.runtime import Budget

ROWS, COLUMNS, MEMBERS = 300, 5, 3
KILLED_EPOCHS = 60


class TwoLayers(nn.Module):
    """Members side by side, one hidden layer."""

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(MEMBERS, COLUMNS, width, generator=generator) / 2)
        self.last = nn.Parameter(torch.randn(MEMBERS, width, 1, generator=generator) / width)

    def forward(self, numbers: Tensor, drop: Any) -> Tensor:
        hidden = torch.bmm(numbers, self.first).tanh()
        return torch.bmm(drop(hidden) if drop else hidden, self.last)


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
    net = TwoLayers(config.hidden[0], generator)
    group = Group(tuple(net.parameters()))
    return Job(net, (group,), Rows((numbers,), target), folds, squared_error, config, generator)


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

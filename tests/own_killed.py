"""Fits ``Classifier``'s net of one's own with a checkpoint folder. A program, to be killed.

``python own_killed.py CHECKPOINT SECONDS`` waits so many seconds after each epoch, then prints a
digest of what was learned and how many epochs this process trained.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from deeplode.data.split import folds
from deeplode.encode.batch import Batch
from deeplode.evaluate.problem import Problem
from deeplode.fit import loop
from deeplode.fit.config import FitConfig
from deeplode.nets.given import Given
from deeplode.runtime import Budget, configured
from deeplode.tasks.own import OwnFit

ROWS, EPOCHS = 300, 12


def mine(n_inputs: int, n_outputs: int) -> nn.Module:
    """BatchNorm has statistics, dropout draws torch's own random numbers."""
    return nn.Sequential(
        nn.Linear(n_inputs, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(16, n_outputs),
    )  # fmt: skip


def main(checkpoint: Path, seconds: float) -> None:
    """Fit, or go on fitting."""
    loop.SAVE_EVERY = 0.0  # a checkpoint after every epoch
    chance = torch.Generator().manual_seed(0)
    numbers = torch.randn(ROWS, 5, generator=chance)
    categories = torch.randint(2, 9, (ROWS, 1), generator=chance, dtype=torch.int32)
    target = (numbers[:, 0] - numbers[:, 1] > 0).long().numpy()
    config = FitConfig(
        hidden=(), dropout=0.0, members=2, epochs=EPOCHS, patience=EPOCHS, batch_size=32,
        learning_rate=0.01,
    )  # fmt: skip
    cuts = folds(ROWS, "random", target, 2, 0)
    trained = []

    def listen(event: str, /, **facts: Any) -> None:
        trained.append(event)
        time.sleep(seconds)

    with configured(1, 0):
        fit = OwnFit(Given.of(mine), config, checkpoint)
        batch = Batch(numbers, categories)
        net, oof = fit(batch, target, Problem("binary", 2, 0, 1), cuts, None, Budget(), listen)
    digest = hashlib.sha256(oof.tobytes())
    for own in net.nets.tensors():
        for tensor in own:
            digest.update(tensor.numpy().tobytes())
    sys.stdout.write(json.dumps({"digest": digest.hexdigest(), "epochs": len(trained)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))

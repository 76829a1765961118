"""Fits nets of one's own and prints what was planned and what was held. A program.

``python own_memory.py NET MEMBERS THREADS BATCH ROWS``: its peak is its own.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from torch import nn

from deeplode import Classifier
from deeplode.memory import peak_memory

NETS = {"wide": ([4096] * 2, False), "deep": ([512] * 24, False), "norm": ([1024] * 6, True)}


def main(kind: str, members: int, threads: int, batch: int, rows: int) -> None:
    """One epoch."""
    widths, norm = NETS[kind]

    def mine(n_inputs: int, n_outputs: int) -> nn.Module:
        layers: list[nn.Module] = []
        for before, width in zip([n_inputs, *widths], widths, strict=False):
            layers += [nn.Linear(before, width)]
            layers += [nn.BatchNorm1d(width)] if norm else []
            layers += [nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(widths[-1], n_outputs))

    chance = np.random.default_rng(0)
    x = chance.normal(size=(rows, 10))
    y = (x[:, 0] + chance.normal(size=rows) > 0).astype(int)
    choices = {"members": members, "threads": threads, "batch_size": batch, "epochs": 1}
    model = Classifier(net=mine, blend=False, **choices).fit(x, y)
    planned = model.facts_["training"]["planned_memory_bytes"]
    sys.stdout.write(json.dumps({"planned": planned, "peak": peak_memory()}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))

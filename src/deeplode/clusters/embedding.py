"""Embedding: two dimensions in which neighbours lie together, by a net that places new rows too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.clusters.neighbourgraph import nearest
from deeplode.detectors.detector import Arrays, checked, in_blocks, kept, whole
from deeplode.fit.config import FitConfig
from deeplode.fit.loop import train
from deeplode.fit.losses import Loss
from deeplode.fit.state import Fold, Job, Rows
from deeplode.nets.neighbourhood import Embedder, Embedders
from deeplode.progress import silent
from deeplode.runtime import Budget, configured

# Chosen on digits and 10 000 images of Fashion-MNIST (benchmarks/RESULTS.md), but for those named.
DIMENSIONS = 2  # five and ten were no better, and two can be drawn
HIDDEN = (256, 256)
STEPS = 1500
NEIGHBOURS = 15  # as UMAP has it (McInnes et al. 2018)
BATCH = 512  # rows whose neighbours stand against each other
RATE = 2e-3  # highest learning rate, as the denoiser's
DECAY = 1e-4
VALID = 0.05  # share of the rows that the loss is told of
BLOCK = 256  # rows placed at once
STEPS_A_ROW = 15  # at most, as the denoiser's


def _apart(scores: Tensor) -> Tensor:
    """(members, rows, rows): 1 + squared distance from every row to every row's neighbour."""
    own, near = scores.unbind(2)
    squares = own.square().sum(2).unsqueeze(2) + near.square().sum(2).unsqueeze(1)
    return torch.baddbmm(squares, own, near.transpose(1, 2), alpha=-2).clamp_(min=0).add_(1)


def _value(scores: Tensor, truth: Tensor) -> Tensor:
    heavy = _apart(scores).reciprocal_()  # Cauchy's kernel; the softmax of its logarithm
    paired = heavy.diagonal(dim1=1, dim2=2).log()
    return (heavy.sum(2).log() + heavy.sum(1).log()) / 2 - paired


def _slope(scores: Tensor, truth: Tensor) -> Tensor:
    own, near = scores.unbind(2)
    heavy = _apart(scores).reciprocal_()
    weight = heavy / heavy.sum(2, keepdim=True) + heavy / heavy.sum(1, keepdim=True)
    weight.diagonal(dim1=1, dim2=2).sub_(2)
    force = weight.mul_(heavy).neg_()
    first = force.sum(2).unsqueeze(2) * own - force @ near
    second = force.sum(1).unsqueeze(2) * near - force.transpose(1, 2) @ own
    return torch.stack([first, second], 2)


CONTRASTED = Loss(_value, _slope)  # scores: (members, rows, 2, dimensions); truth is not asked


@dataclass(frozen=True, eq=False)
class Embedding:
    """A net that was trained. scale: what rows are divided by before they go in."""

    net: Embedder
    scale: float
    name: ClassVar[str] = "embedding"

    @torch.no_grad()
    def of(self, x: Tensor) -> Tensor:
        """(rows, DIMENSIONS) float32."""
        x = checked(x, int(self.net.weights[0].shape[0]))
        return in_blocks(lambda block: self.net(block / self.scale), x, BLOCK)

    def facts(self) -> dict[str, Any]:
        """Sizes."""
        widths = [int(one.shape[0]) for one in self.net.weights]
        return {
            "space": self.name,
            "columns": widths[0],
            "hidden": widths[1:],
            "dimensions": int(self.net.weights[-1].shape[1]),
            "scale": self.scale,
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All weights."""
        return {name: one.numpy() for name, one in self.net.state_dict().items()}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what describes no net."""
        columns, dimensions = whole(facts, "columns", 1, 1 << 20), whole(facts, "dimensions", 1, 64)
        if not isinstance(facts["hidden"], list) or not 1 <= len(facts["hidden"]) <= 32:
            raise TypeError("hidden must be a list of widths.")
        hidden = [whole({"width": width}, "width", 1, 16_384) for width in facts["hidden"]]
        widths = (columns, *hidden, dimensions)
        found = {
            f"weights.{i}": kept(arrays, f"weights.{i}", "float32", *pair)
            for i, pair in enumerate(pairwise(widths))
        }
        found |= {
            f"biases.{i}": kept(arrays, f"biases.{i}", "float32", width)
            for i, width in enumerate(widths[1:])
        }
        net = Embedder(columns, hidden, dimensions, None)
        net.load_state_dict({name: torch.from_numpy(np.array(own)) for name, own in found.items()})
        scale = float(facts["scale"])
        if not 0 < scale < np.inf:
            raise ValueError(f"no scale: {scale}")
        return cls(net.requires_grad_(False), scale)


def fit_embedding(x: Tensor, seed: int, budget: Budget, threads: int) -> Embedding:
    """Train the net on rows, (rows, dimensions) float32, at least 3.

    budget: its deadline shortens the training. Source: see ``deeplode.nets.neighbourhood``.
    """
    scale = float(x.std(0).square().mean().sqrt().clamp(min=1e-6))
    x = x / scale
    with configured(threads, seed):
        chance = torch.Generator().manual_seed(seed)
        net = Embedder(x.shape[1], HIDDEN, DIMENSIONS, chance)
        near = nearest(x, min(NEIGHBOURS, len(x) - 1))
        train(_job(x, near, net, chance, seed), budget, silent)
    return Embedding(net.requires_grad_(False), scale)


def _job(x: Tensor, near: Tensor, net: Embedder, chance: torch.Generator, seed: int) -> Job:
    order = torch.randperm(len(x), generator=chance)
    valid = order[: min(BATCH, max(2, round(VALID * len(x))))]
    folds = (Fold(order, valid, chance),)  # what is told is the loss of rows that are learned from
    config = FitConfig(
        hidden=HIDDEN, dropout=0.0, learning_rate=RATE, weight_decay=DECAY, epochs=1,
        batch_size=BATCH,
    )  # fmt: skip
    rows = Rows((x, near), torch.zeros(len(x)))
    generator = torch.Generator().manual_seed(seed)
    job = Job(Embedders([net], [chance], x), rows, folds, CONTRASTED, config, generator)
    epochs = ceil(min(STEPS, STEPS_A_ROW * len(x)) / job.steps)
    return replace(job, config=replace(config, epochs=epochs, patience=epochs))

"""Denoise: an odd row is not what a net that takes noise off rows would make of it.

Denoising autoencoder over several noise levels, DDAE, arXiv 2508.00758.
"""

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

from deeplode.detectors.detector import Arrays, checked, in_blocks, kept, whole
from deeplode.fit.config import FitConfig
from deeplode.fit.loop import train
from deeplode.fit.losses import Loss
from deeplode.fit.state import Fold, Job, Rows
from deeplode.nets.denoiser import Denoiser, Denoisers
from deeplode.progress import silent
from deeplode.runtime import Budget, configured

CLEAN = (0.2, 0.4, 0.8)  # levels of the noise, in standard deviations of a column …
MIXED = (0.8, 1.6, 3.2)  # … and where rows may be odd
HIDDEN = (128, 128)
MEMBERS = 2
STEPS = 1500  # of training, at least; and an epoch at least
TYPICAL = 4096  # rows that each level's usual error is measured on
STEPS_A_ROW = 15  # at most: below 100 training rows a fit need not take as long as with thousands
RATE = 2e-3  # highest learning rate
DECAY = 0.01
VALID = 0.1  # share of the rows that a member does not learn from
BLOCK = 128  # rows that are scored at once
WILD = 5.0  # standard deviations from where on an error in a cell no longer counts squared


def _huber(error: Tensor) -> Tensor:
    size = error.abs()
    return torch.where(size > WILD, WILD * (2 * size - WILD), error.square())


def _value(scores: Tensor, truth: Tensor) -> Tensor:
    return _huber(scores - truth).mean(2)


def _slope(scores: Tensor, truth: Tensor) -> Tensor:
    return (scores - truth).clamp(-WILD, WILD) * (2 / scores.shape[2])


DENOISED = Loss(_value, _slope)  # scores and truth: (members, rows, columns)


@dataclass(frozen=True, eq=False)
class Denoise:
    """Denoisers that were trained.

    weight: (levels,) of each level's part in the score.
    """

    nets: tuple[Denoiser, ...]
    weight: NDArray[np.float64]
    name: ClassVar[str] = "denoising autoencoder"

    def score(self, x: Tensor) -> NDArray[np.float64]:
        """(rows,): root of the blame, summed."""
        return np.asarray(np.sqrt(self.blame(x).mean(axis=1)))

    @torch.no_grad()
    def blame(self, x: Tensor) -> NDArray[np.float64]:
        """(rows, columns): squared difference from what the nets make of the row, weighted mean
        over noise levels and nets; no noise is added to it."""
        weight = torch.from_numpy(self.weight).float()

        def errors(block: Tensor) -> Tensor:
            out = torch.zeros_like(block)
            for net in self.nets:
                gaps = net.every(block).sub_(block).square_()
                for part, own in zip(gaps, weight, strict=True):
                    out.add_(part, alpha=float(own) / len(self.nets))
            return out.double()

        return in_blocks(errors, checked(x, self.columns), BLOCK).numpy()

    @torch.no_grad()
    def expected(self, x: Tensor) -> NDArray[np.float64]:
        """The row as the nets would have it, (rows, columns), mean over noise levels and nets."""

        def mean(block: Tensor) -> Tensor:
            found = [net.every(block).mean(0) for net in self.nets]
            return torch.stack(found).mean(0).double()

        return in_blocks(mean, checked(x, self.columns), BLOCK).numpy()

    @property
    def columns(self) -> int:
        """Of the rows."""
        return int(self.nets[0].biases[-1].shape[0])

    def facts(self) -> dict[str, Any]:
        """Sizes, and the levels of noise."""
        net = self.nets[0]
        return {
            "columns": self.columns,
            "hidden": [len(one) for one in list(net.biases)[:-1]],
            "levels": len(net.levels),
            "members": len(self.nets),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All weights, one array for each parameter of all nets."""
        states = [net.state_dict() for net in self.nets]
        found = {name: torch.stack([own[name] for own in states]).numpy() for name in states[0]}
        return {**found, "weight": self.weight}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse of ``facts`` and ``arrays``."""
        columns, members = whole(facts, "columns", 1, 1 << 20), whole(facts, "members", 1, 64)
        levels = whole(facts, "levels", 1, 64)
        if not isinstance(facts["hidden"], list) or not 1 <= len(facts["hidden"]) <= 32:
            raise TypeError("hidden must be a list of widths.")
        hidden = [whole({"width": width}, "width", 1, 16_384) for width in facts["hidden"]]
        widths = (columns, *hidden, columns)
        sizes: dict[str, tuple[int, ...]] = {
            f"biases.{i}": (width,) for i, width in enumerate(widths[1:])
        }
        sizes |= {f"weights.{i}": pair for i, pair in enumerate(pairwise(widths))}
        sizes |= {"told": (levels, hidden[0]), "levels": (levels,)}
        found = {
            name: torch.from_numpy(np.array(kept(arrays, name, "float32", members, *size)))
            for name, size in sizes.items()
        }  # the sizes of all arrays are checked before a net of that size is made
        nets = [Denoiser(columns, hidden, [1.0] * levels, None) for _ in range(members)]
        for member, net in enumerate(nets):
            net.load_state_dict({name: one[member] for name, one in found.items()})
        return cls(
            tuple(net.requires_grad_(False) for net in nets),
            kept(arrays, "weight", "float64", levels),
        )


def fit_denoise(x: Tensor, chance: int, clean: bool, budget: Budget, threads: int) -> Denoise:
    """Train the nets. x: (rows, columns) float32, at least 1 row and column.

    Rows known to be normal: little noise, which tells what is near. Where rows may be odd: much
    noise, so that a group of odd rows is drawn towards the many. Both were chosen on development
    data (benchmarks/oddsets.py) among levels from 0.1 to 3.2, and so was that every level counts
    in units of its median error: thinned classes were ranked best from 1.6 up, shuffled rows up
    to 0.4.

    chance: seed. budget: its deadline shortens the training.
    """
    return trained(x, chance, clean, budget, threads, STEPS)


def trained(
    x: Tensor, chance: int, clean: bool, budget: Budget, threads: int, steps: int
) -> Denoise:
    """As ``fit_denoise``, with so many steps; fewer of few rows."""
    steps = min(steps, STEPS_A_ROW * len(x))
    levels = CLEAN if clean else MIXED
    with configured(threads, chance):
        seeds = [torch.Generator().manual_seed(chance + member) for member in range(MEMBERS)]
        nets = [Denoiser(x.shape[1], HIDDEN, levels, own) for own in seeds]
        train(_job(x.float(), nets, seeds, chance, steps), budget, silent)
        own = tuple(net.requires_grad_(False) for net in nets)
        some = torch.linspace(0, len(x) - 1, min(len(x), TYPICAL)).long()
        error = [Denoise(own, one).score(x[some]) ** 2 for one in np.eye(len(levels))]
    typical = np.array([max(float(np.median(one)), 1e-9) for one in error])
    return Denoise(own, 1 / (len(levels) * typical))


def _job(
    x: Tensor, nets: list[Denoiser], seeds: list[torch.Generator], chance: int, steps: int
) -> Job:
    generator = torch.Generator().manual_seed(chance)
    folds = tuple(_fold(len(x), own) for own in seeds)
    config = FitConfig(hidden=HIDDEN, dropout=0.0, learning_rate=RATE, weight_decay=DECAY, epochs=1)
    members = Denoisers(nets, seeds, chance)
    job = Job(members, Rows((x,), x), folds, DENOISED, config, generator)
    epochs = ceil(steps / job.steps)
    return replace(job, config=replace(config, epochs=epochs, patience=epochs))


def _fold(rows: int, chance: torch.Generator) -> Fold:
    """A member's own rows to learn from and to be validated on; a single row is both."""
    order = torch.randperm(rows, generator=chance)
    valid = min(max(1, round(VALID * rows)), 2048)
    return Fold(order[valid:] if rows > 1 else order, order[:valid])

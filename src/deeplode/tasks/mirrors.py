"""Mirrors: a small net is asked, on validation rows, whether left and right matter in images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.split import Fold, folds
from deeplode.encode.batch import Batch, Media
from deeplode.evaluate.problem import Problem
from deeplode.fit.config import FitConfig
from deeplode.nets.imagebranch import ImageShape
from deeplode.nets.mirrors import EPOCHS, ROWS, Pilot, with_mirrors
from deeplode.progress import silent
from deeplode.runtime import Budget
from deeplode.tasks.branches import Branch
from deeplode.tasks.deep import LOSSES, prior, truth
from deeplode.tasks.joint import JointFit, ready

SHARE = 0.1  # of the time that is left, which the small net may take


def choose_mirrors(
    branches: tuple[Branch, ...],
    batch: Batch,
    target: NDArray[Any],
    problem: Problem,
    config: FitConfig,
    budget: Budget,
) -> tuple[Branch, ...]:
    """The branches, those of images with mirrors where left and right do not matter.

    batch, target: training rows. config: of the net that will be trained.
    """
    rows = np.random.default_rng(problem.seed).permutation(len(batch))[:ROWS]
    some, own = batch.rows(torch.from_numpy(rows)), target[rows]
    allowed = budget
    if budget.left() < float("inf"):
        allowed = budget.until((1 - SHARE) * budget.left())
    small = replace(config, epochs=EPOCHS, patience=EPOCHS, members=1, strides=())
    found = []
    for at, branch in enumerate(branches):
        if isinstance(branch.shape, ImageShape) and len(rows) > 1:
            ask = _Asked(some.media[at], own, problem, small, allowed)
            branch = replace(branch, shape=with_mirrors(branch.shape, ask))
        found.append(branch)
    return tuple(found)


class _Asked:
    """Trains a net over one column of images alone and shows it the validation rows twice."""

    def __init__(
        self,
        media: Media,
        target: NDArray[Any],
        problem: Problem,
        config: FitConfig,
        budget: Budget,
    ) -> None:
        nothing = torch.empty(len(target), 0)
        self.batch = Batch(nothing, nothing.int(), (media,))
        self.target, self.problem, self.config, self.budget = target, problem, config, budget

    def __call__(self, shape: ImageShape) -> Pilot:
        problem = self.problem
        classes = self.target if problem.classifies else None
        fold: Fold = folds(len(self.target), "random", classes, 1, problem.seed)[0]
        fit = JointFit((Branch("image", shape),), self.config)
        net, _ = fit(self.batch, self.target, problem, [fold], None, self.budget, silent)
        held = self.batch.rows(torch.from_numpy(fold.valid))
        label = truth(self.target[fold.valid], problem, net.scale).unsqueeze(0)
        cells = held.media[0].cells
        turned = replace(held, media=(Media(cells.flip(3), held.media[0].described),))

        def loss(scores: Tensor) -> float:
            return float(LOSSES[problem.task].value(scores, label).mean())

        with torch.inference_mode():
            plain, mirrored = (
                loss(net.nets(*(one.unsqueeze(0) for one in ready(net.codes, rows))))
                for rows in (held, turned)
            )
        guess = prior(self.target, problem).expand(1, len(label[0]), -1)
        return Pilot(plain, mirrored, loss(guess))

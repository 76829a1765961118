"""The deep net of the leaderboard: encoded rows in, probabilities or values out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.split import Fold
from deeplode.encode.batch import Batch
from deeplode.evaluate.problem import Problem
from deeplode.fit.config import FitConfig
from deeplode.fit.loop import held_out, train, valid_rows
from deeplode.fit.losses import BINARY, MULTICLASS, REGRESSION, Loss
from deeplode.fit.state import Fold as RowFold
from deeplode.fit.state import Job, Rows, State
from deeplode.nets.codes import Codes
from deeplode.nets.ensemble import Ensemble
from deeplode.nets.shape import NetShape
from deeplode.nets.trainable import Trainable
from deeplode.progress import Listen
from deeplode.runtime import Budget
from deeplode.tasks.net import Net, Scale

LOSSES: dict[str, Loss] = {
    "binary": BINARY,
    "multiclass": MULTICLASS,
    "regression": REGRESSION,
}


def fit_net(
    batch: Batch,
    target: NDArray[Any],
    problem: Problem,
    folds: Sequence[Fold],
    weights: NDArray[np.float64] | None,
    budget: Budget,
    listen: Listen,
    config: FitConfig,
    checkpoint: Path | None = None,
) -> tuple[Net, NDArray[np.float64]]:
    """Train one member for each fold; returns the net and its out-of-fold predictions.

    target: (rows,) class codes or values. weights: (rows,) >= 0, or None.
    """
    generator = torch.Generator().manual_seed(problem.seed)
    scale = Scale() if problem.classifies else Scale.fit(target)
    codes = Codes.fit(batch.numbers, batch.categories, config.quantiles, config.frequent)
    shape = NetShape(config.hidden, config.activation, problem.n_outputs, len(folds))
    ensemble = Ensemble(shape, codes, prior(target, problem), generator)
    rows = Rows(
        codes.ready(batch.numbers, batch.categories),
        truth(target, problem, scale),
        weights_of(weights),
    )
    cuts = row_folds(folds)
    loss, spread = LOSSES[problem.task], codes.spread
    job = Job(ensemble, rows, cuts, loss, config, generator, spread)
    state = train(job, budget, listen, checkpoint)
    ensemble.fill_unseen()
    training = training_facts(job, state, sum(one.numel() for one in ensemble.parameters()))
    net = Net(problem, ensemble, scale, config, training)
    return net, out_of_fold(net.answer, ensemble, rows, cuts)


def training_facts(job: Job, state: State, parameters: int) -> dict[str, Any]:
    """What came of a training, as plain JSON values."""
    return {
        "history": state.history.to_json(),
        "best_epochs": state.best_epoch.tolist(),
        "setbacks": state.setbacks.tolist(),
        "strides": [list(stride) for stride in state.pace.strides],
        "steps": state.pace.step,
        "batch_size": job.batch,
        "parameters": parameters,
    }


def row_folds(folds: Sequence[Fold]) -> tuple[RowFold, ...]:
    """The rows of each member as the loop takes them."""
    return tuple(
        RowFold(torch.from_numpy(fold.train).long(), torch.from_numpy(fold.valid).long())
        for fold in folds
    )


def weights_of(weights: NDArray[np.float64] | None) -> Tensor | None:
    """(rows,) float32 of mean 1, or None."""
    return None if weights is None else torch.from_numpy(weights / weights.mean()).float()


def truth(target: NDArray[Any], problem: Problem, scale: Scale) -> Tensor:
    """The target as the losses take it: (rows,) int64 classes, float32 0 or 1, or standardised."""
    if problem.task == "multiclass":
        return torch.from_numpy(target).long()
    if problem.task == "binary":
        return torch.from_numpy(target).float()
    return torch.from_numpy((target - scale.mean) / scale.spread).float()


def prior(target: NDArray[Any], problem: Problem) -> Tensor:
    """Scores of the trivial answer: log odds, log shares, or 0."""
    if problem.task == "regression":
        return torch.zeros(1)
    counts = np.bincount(target, minlength=problem.n_classes) + 0.5
    logs = torch.from_numpy(np.log(counts / counts.sum())).float()
    return logs if problem.task == "multiclass" else (logs[1] - logs[0]).view(1)


def out_of_fold(
    answer: Callable[[Tensor], NDArray[np.float64]],
    net: Trainable,
    rows: Rows,
    folds: Sequence[RowFold],
) -> NDArray[np.float64]:
    """Each row's mean over the members that were validated on it; NaN where none was.

    answer: makes answers of scores, (members, rows, …) both.
    """
    index, own = valid_rows(folds)
    answers = answer(held_out(net, rows, index))
    total = np.zeros((len(rows.target), *answers.shape[2:]))
    count = np.zeros(len(rows.target))
    for found, places, counts in zip(answers, index.numpy(), own.numpy() > 0, strict=True):
        total[places[counts]] += found[counts]
        count[places[counts]] += 1
    count[count == 0] = np.nan
    return total / count.reshape(-1, *(1 for _ in answers.shape[2:]))

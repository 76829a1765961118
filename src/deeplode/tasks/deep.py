"""The deep net of the leaderboard: encoded rows in, probabilities or values out."""

from __future__ import annotations

from collections.abc import Sequence
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
from deeplode.fit.state import Job, Rows
from deeplode.nets.codes import Codes
from deeplode.nets.ensemble import Ensemble
from deeplode.nets.shape import NetShape
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
    weight = None if weights is None else torch.from_numpy(weights / weights.mean()).float()
    rows = Rows(codes.ready(batch.numbers, batch.categories), truth(target, problem, scale), weight)
    cuts = tuple(
        RowFold(torch.from_numpy(fold.train).long(), torch.from_numpy(fold.valid).long())
        for fold in folds
    )
    loss, spread = LOSSES[problem.task], codes.spread
    job = Job(ensemble, rows, cuts, loss, config, generator, spread)
    state = train(job, budget, listen, checkpoint)
    ensemble.fill_unseen()
    training = {
        "history": state.history.to_json(),
        "best_epochs": state.best_epoch.tolist(),
        "setbacks": state.setbacks.tolist(),
        "strides": [list(stride) for stride in state.pace.strides],
        "steps": state.pace.step,
        "batch_size": job.batch,
        "parameters": sum(parameter.numel() for parameter in ensemble.parameters()),
    }
    net = Net(problem, ensemble, scale, config, training)
    return net, _out_of_fold(net, rows, cuts)


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


def _out_of_fold(net: Net, rows: Rows, folds: Sequence[RowFold]) -> NDArray[np.float64]:
    """Each row's mean over the members that were validated on it; NaN where none was."""
    index, own = valid_rows(folds)
    answers = net.answer(held_out(net.ensemble, rows, index))
    total = np.zeros((len(rows.target), *answers.shape[2:]))
    count = np.zeros(len(rows.target))
    for answer, places, counts in zip(answers, index.numpy(), own.numpy() > 0, strict=True):
        total[places[counts]] += answer[counts]
        count[places[counts]] += 1
    count[count == 0] = np.nan
    return total / count.reshape(-1, *(1 for _ in answers.shape[2:]))

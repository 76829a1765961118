"""Boosted trees: one LightGBM model a fold, averaged, kept as a Forest.

Ke et al., LightGBM: A Highly Efficient Gradient Boosting Decision Tree, NeurIPS 2017.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import torch
from numpy.typing import NDArray

from deeplode.encode.batch import Batch
from deeplode.evaluate.problem import Problem
from deeplode.progress import Listen
from deeplode.runtime import Budget
from deeplode.trees.candidate import Trees
from deeplode.trees.grown import forest_of
from deeplode.trees.plan import SKETCHED, WORK, Plan, plan

_OBJECTIVES = {"binary": "binary", "multiclass": "multiclass", "regression": "l2"}


@dataclass(frozen=True)
class _Grown:
    """One fold's model: rounds that count, why it ended, and the loss on its validation rows."""

    booster: Any
    rounds: int
    ended: str
    loss: float


class _Watch:
    """LightGBM's callback: ends a model that no longer improves or has no time left."""

    order = 30
    before_iteration = False

    def __init__(self, patience: int, budget: Budget, until: float) -> None:
        self.patience, self.budget, self.until = patience, budget, until
        self.rounds, self.loss, self.ended = 0, float("inf"), "rounds"

    def __call__(self, env: Any) -> None:
        done = env.iteration + 1
        loss = env.evaluation_result_list[0][2]
        if loss < self.loss or not self.rounds:
            self.rounds, self.loss = done, loss
        stop = self.budget.stop() or ("time" if time.monotonic() > self.until else None)
        if done - self.rounds >= self.patience:
            stop = "patience"
        if stop:
            self.ended = stop
            raise lightgbm.callback.EarlyStopException(done - 1, env.evaluation_result_list)


def fit_trees(
    batch: Batch,
    target: NDArray[Any],
    problem: Problem,
    folds: Sequence[Any],
    weights: NDArray[np.float64] | None,
    budget: Budget,
    listen: Listen,
    replay: Mapping[str, Any] | None = None,
) -> tuple[Trees, NDArray[np.float64]]:
    """Grow one model a fold; each stops where its validation loss is lowest.

    target: (rows,) int64 classes or float64 values. weights: (rows,) or None.
    folds: each with the positions ``train`` and ``valid``; equal folds are grown once.
    replay: the facts of an earlier fit, whose rounds are repeated without looking at the clock.
    Returns the trees and their out-of-fold predictions, NaN in rows that no fold validates.
    """
    x = _matrix(batch)
    distinct = _distinct(folds)
    plain = batch.numbers.shape[1] + batch.categories.shape[1]
    most = SKETCHED if batch.media and not plain else WORK
    made = plan(x.shape, distinct, problem, budget, replay, most)
    center, scale = (0.0, 1.0) if problem.classifies else _spread(target)
    label = target if problem.classifies else (target - center) / scale
    grown = _grow_all((x, label, weights, batch.categories.shape[1]), problem, made, budget)
    for number, one in enumerate(grown):
        listen("trees", fold=number, rounds=one.rounds, valid_loss=one.loss, ended=one.ended)
    forest = forest_of(
        [one.booster for one in grown],
        [one.rounds for one in grown],
        batch.simple.shape[1],
        _slots(batch),
    )
    history = {
        "rounds": [one.rounds for one in grown],
        "ended": [one.ended for one in grown],
        "learning_rate": made.learning_rate,
        "rows": [len(fold.train) for fold in made.folds],
        "work": made.work,
    }
    trees = Trees(forest, problem, center, scale, history)
    return trees, _out_of_fold(trees, batch, distinct, len(grown))


def _matrix(batch: Batch) -> NDArray[np.float32]:
    """(rows, columns) numbers, then slots; a column of zeros where there are no columns."""
    numbers, categories = batch.simple.numpy(), batch.categories.numpy()
    x = np.concatenate([numbers, categories.astype(np.float32)], axis=1)
    return x if x.shape[1] else np.zeros((len(x), 1), np.float32)


def _distinct(folds: Sequence[Any]) -> list[Any]:
    """The folds that differ in their validation rows: a second equal model would add nothing."""
    seen: dict[bytes, Any] = {}
    for fold in folds:
        seen.setdefault(np.asarray(fold.valid).tobytes(), fold)
    return list(seen.values())


def _spread(target: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation, so that LightGBM's float32 labels lose nothing."""
    size = float(np.abs(target).max()) or 1.0
    center, scale = float((target / size).mean() * size), float((target / size).std() * size)
    return center, scale if np.isfinite(scale) and scale > 0 else 1.0


def _slots(batch: Batch) -> tuple[int, ...]:
    """Slots of each category column that the trees can tell apart."""
    if not len(batch) or not batch.categories.shape[1]:
        return (1,) * batch.categories.shape[1]
    return tuple(int(top) + 1 for top in batch.categories.numpy().max(axis=0))


def _grow_all(
    data: tuple[NDArray[np.float32], NDArray[Any], NDArray[np.float64] | None, int],
    problem: Problem,
    made: Plan,
    budget: Budget,
) -> list[_Grown]:
    """All folds' models: side by side, a core each, which is quicker than one on all cores."""
    workers = min(problem.threads, len(made.folds))
    waves = -(-len(made.folds) // workers)
    threads = problem.threads // workers

    def grow(number: int) -> _Grown:
        until = time.monotonic() + made.seconds / waves
        watch = _Watch(made.patience, budget, until)
        rounds = made.rounds[number]
        params = _params(problem, made, threads)
        return _grow(data, made.folds[number], params, rounds, watch)

    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(grow, number) for number in range(len(made.folds))]
        first = futures[0].result()
        # What had no time to begin is left out; the first model is always there.
        if budget.stop():
            for future in futures[1:]:
                future.cancel()
        return [first, *(one.result() for one in futures[1:] if not one.cancelled())]


def _grow(
    data: tuple[NDArray[np.float32], NDArray[Any], NDArray[np.float64] | None, int],
    fold: Any,
    params: dict[str, Any],
    rounds: int,
    watch: _Watch,
) -> _Grown:
    x, label, weights, n_categories = data
    categories = list(range(x.shape[1] - n_categories, x.shape[1]))

    def dataset(rows: NDArray[np.int64], reference: Any = None) -> Any:
        weight = None if weights is None or not weights[rows].any() else weights[rows]
        return lightgbm.Dataset(
            x[rows], label[rows], reference, weight, categorical_feature=categories, params=params
        )

    train = dataset(fold.train)
    booster = lightgbm.train(params, train, rounds, [dataset(fold.valid, train)], callbacks=[watch])
    return _Grown(booster, max(1, watch.rounds), watch.ended, watch.loss)


def _params(problem: Problem, made: Plan, threads: int) -> dict[str, Any]:
    params: dict[str, Any] = {
        "objective": _OBJECTIVES[problem.task],
        "learning_rate": made.learning_rate,
        "num_leaves": made.shape.leaves,
        "min_data_in_leaf": made.shape.least,
        "bagging_fraction": made.shape.rows_share,
        "bagging_freq": 1 if made.shape.rows_share < 1 else 0,
        "feature_fraction": made.shape.columns_share,
        "seed": problem.seed,
        "num_threads": threads,
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
        "verbosity": -1,
    }
    if problem.task == "multiclass":
        params["num_class"] = problem.n_classes
    return params


def _out_of_fold(
    trees: Trees, batch: Batch, folds: Sequence[Any], grown: int
) -> NDArray[np.float64]:
    """(rows,) or (rows, classes): validation rows predicted by the model that never saw them."""
    n_classes = trees.problem.n_classes
    shape = (len(batch), n_classes) if n_classes > 1 else (len(batch),)
    oof = np.full(shape, np.nan)
    for member, fold in enumerate(folds[:grown]):
        rows = np.asarray(fold.valid)
        oof[rows] = trees.predict_member(batch.rows(torch.from_numpy(rows)), member)
    return oof

"""The linear model, which a deep net must beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.encode.batch import Batch
from deeplode.evaluate.design import Design, fit_design
from deeplode.evaluate.penalty import ENOUGH, MANY, USUAL, choose_penalty, held_out_loss
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.solve import solve
from deeplode.evaluate.sparse import Rows as TextRows
from deeplode.evaluate.sparse import features_of, scores_of, solve_sparse, texts_of, widths_of
from deeplode.progress import Listen
from deeplode.runtime import Budget

KEPT = 0.9  # share of the time before a deadline that is left to the others
CELLS = 40_000_000  # rows x (matrix columns + classes) held at once; more rows are not used
WORK = 1e11  # multiplications of one fit: fewer iterations on larger tasks
ITERATIONS = 100
SCORES = 1 << 22  # rows x columns predicted at a time


@dataclass(frozen=True, eq=False)
class Linear:
    """Scores are design x coefficients, and those of the features of texts.

    coefficients: (design columns, classes) or (design columns, 1).
    tables: (features + 1, classes) of each column of text.
    center, scale: turn a regression score into the target's unit.
    steps: iterations of each fold's fit. penalty: on squared coefficients, as 1 / C.
    """

    design: Design
    problem: Problem
    coefficients: NDArray[np.float32]
    center: float = 0.0
    scale: float = 1.0
    steps: tuple[int, ...] = ()
    tables: tuple[NDArray[np.float32], ...] = ()
    penalty: float = USUAL

    name = "linear"

    def __post_init__(self) -> None:
        expected = (self.design.width, self.problem.n_classes)
        if self.coefficients.shape != expected or not np.isfinite(self.coefficients).all():
            raise ValueError(f"coefficients must be finite and of shape {expected}.")
        for table in self.tables:
            right = table.ndim == 2 and table.shape[1] == expected[1] and len(table)
            if table.dtype != np.float32 or not right or not np.isfinite(table).all():
                raise ValueError(f"a text's coefficients cannot be {table.shape}.")

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Probabilities, (rows, classes), or values in the target's unit, (rows,)."""
        step = max(1, SCORES // (self.design.width + self.problem.n_classes))
        firsts = range(0, max(1, len(batch)), step)
        return np.concatenate(
            [self._predict(batch.rows(slice(first, first + step))) for first in firsts]
        )

    def _predict(self, batch: Batch) -> NDArray[np.float64]:
        dense = self.design.matrix(batch) @ torch.from_numpy(self.coefficients)
        scores = (dense + scores_of(texts_of(batch), self.tables)).double()
        if self.problem.classifies:
            return np.asarray(torch.softmax(scores, dim=1).numpy())
        return np.asarray(scores[:, 0].numpy() * self.scale + self.center)

    def facts(self) -> dict[str, Any]:
        """What is not an array, ready for JSON."""
        return {
            "name": self.name,
            "task": self.problem.task,
            "n_classes": self.problem.n_classes,
            "center": self.center,
            "scale": self.scale,
            "steps": list(self.steps),
            "texts": len(self.tables),
            "penalty": self.penalty,
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """The coefficients and the design."""
        return {
            **{f"text.{at}": table for at, table in enumerate(self.tables)},
            "coefficients": self.coefficients,
            "mean": self.design.mean,
            "deviation": self.design.deviation,
            "gaps": self.design.gaps,
            "places": self.design.places,
        }

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Linear:
        """The model that ``facts()`` and ``arrays()`` describe; ValueError if none."""
        names = ("mean", "deviation", "gaps", "places")
        return cls(
            Design(*(arrays[name] for name in names)),
            Problem(facts["task"], facts["n_classes"]),
            arrays["coefficients"],
            float(facts["center"]),
            float(facts["scale"]),
            tuple(int(steps) for steps in facts["steps"]),
            tuple(arrays[f"text.{at}"] for at in range(int(facts.get("texts", 0)))),
            float(facts.get("penalty", USUAL)),
        )


def fit_linear(
    batch: Batch,
    target: NDArray[Any],
    problem: Problem,
    folds: Sequence[Any],
    weights: NDArray[np.float64] | None,
    budget: Budget,
    listen: Listen,
    replay: Mapping[str, Any] | None = None,
) -> tuple[Linear, NDArray[np.float64]]:
    """Fit each fold from where the last one ended; the model has their mean coefficients.

    target: (rows,) int64 classes or float64 values. weights: (rows,) or None.
    Penalty: half the squared coefficients, once for all rows, as scikit-learn's C = 1; where
    columns are many for the rows, as validation rows want it.
    replay: ``facts`` of an earlier fit, repeated without looking at the clock.
    """
    center, scale = (0.0, 1.0) if problem.classifies else _unit(target)
    label = torch.from_numpy(target if problem.classifies else (target - center) / scale)
    weight = torch.ones(len(target)) if weights is None else torch.from_numpy(weights).float()
    design = fit_design(batch)
    zeros = np.zeros((design.width, problem.n_classes), np.float32)
    tables = tuple(np.zeros((w, problem.n_classes), np.float32) for w in widths_of(batch))
    model = Linear(design, problem, zeros, center, scale, tables=tables)
    oof = np.full((len(target), problem.n_classes), np.nan)
    oof = oof if problem.classifies else oof[:, 0]
    allowed = budget if budget.left() == float("inf") else budget.until(KEPT * budget.left())
    fitting = _Fitting(batch, label, weight, allowed)
    if replay:
        model = replace(model, penalty=float(replay["penalty"]))
    elif design.width > MANY * len(folds[0].train):
        model = replace(model, penalty=fitting.penalty(model, folds, target))
    fitted: list[Linear] = []
    for fold, most in zip(folds, replay["steps"] if replay else [0] * len(folds), strict=False):
        model = fitting.of(model, fold, most)
        oof[fold.valid] = fitting.held_out(model, fold)
        fitted.append(model)
        listen("linear", fold=len(fitted) - 1, steps=model.steps[-1])
        if not replay and allowed.stop():
            break
    mean = _mean([one.coefficients for one in fitted])
    tables = tuple(_mean([one.tables[at] for one in fitted]) for at in range(len(model.tables)))
    return replace(model, coefficients=mean, tables=tables), oof


@dataclass(frozen=True)
class _Fitting:
    """Fits a fold at a time. label: as the solvers take it. weight: (rows,)."""

    batch: Batch
    label: Tensor
    weight: Tensor
    budget: Budget

    def of(self, model: Linear, fold: Any, most: int = 0) -> Linear:
        """The model fitted on a fold's training rows. most: steps; 0 = what their work allows."""
        width = model.design.width + model.problem.n_classes + _filled(self.batch)
        rows = torch.from_numpy(_some(fold.train, width, model.problem.seed))
        own = (self.batch.rows(rows), self.label[rows], self.weight[rows])
        most = most or _most_steps(len(rows), width, model.problem)
        found, steps = _fitted(model, own, most, self.budget)
        return replace(found, steps=(*model.steps, steps))

    def held_out(self, model: Linear, fold: Any) -> NDArray[np.float64]:
        """Its predictions of the fold's validation rows."""
        return model.predict(self.batch.rows(torch.from_numpy(np.asarray(fold.valid))))

    def penalty(self, model: Linear, folds: Sequence[Any], target: NDArray[Any]) -> float:
        """The one that validation rows of the first folds want: of as many as have ENOUGH rows."""
        some = folds[: -(-ENOUGH // max(1, len(folds[0].valid)))]

        def loss(penalty: float) -> float:
            blank = replace(model, penalty=penalty)
            outputs = [self.held_out(self.of(blank, fold), fold) for fold in some]
            truth = np.concatenate([target[fold.valid] for fold in some])
            return held_out_loss(model.problem, truth, np.concatenate(outputs))

        return choose_penalty(loss, self.budget.stop)


def _mean(those: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.asarray(np.mean(np.stack(those), axis=0, dtype=np.float64), np.float32)


def _fitted(
    model: Linear, data: tuple[Batch, Tensor, Tensor], most: int, budget: Budget
) -> tuple[Linear, int]:
    """The model fitted to some rows, and the iterations that it took.

    It goes on from where the model is, but for texts: far from their end, their many coefficients
    would still know the rows that the next fold validates on.
    """
    batch, label, weight = data
    dense, problem = model.design.matrix(batch), model.problem
    if not model.tables:
        found, steps = solve(
            (dense, label, weight), model.coefficients, problem, most, budget, model.penalty
        )
        return replace(model, coefficients=found), steps
    widths = [len(table) for table in model.tables]
    texts = features_of(texts_of(batch), widths)
    rows = TextRows(dense.numpy(), texts, label.numpy(), weight.double().numpy())
    start = np.zeros((dense.shape[1] + texts.shape[1], problem.n_classes), np.float32)
    both, steps = solve_sparse(rows, start, problem, most, budget, model.penalty)
    ends = np.cumsum([dense.shape[1], *widths])[:-1]
    coefficients, *tables = np.split(both, ends)
    return replace(model, coefficients=coefficients, tables=tuple(tables)), steps


def _filled(batch: Batch) -> int:
    """Mean count of the features of a row's texts."""
    return sum(int((cells > 0).sum()) for cells in texts_of(batch)) // max(len(batch), 1)


def _some(rows: NDArray[np.int64], width: int, seed: int) -> NDArray[np.int64]:
    """All rows, or so many drawn at random that CELLS is kept."""
    most = max(1, CELLS // width)
    if len(rows) <= most:
        return np.asarray(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _most_steps(rows: int, width: int, problem: Problem) -> int:
    # Forward and backward, a probe and a half each.
    work = 6.0 * rows * width * problem.n_classes
    return max(1, min(ITERATIONS, int(WORK / work)))


def _unit(target: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation of the target, of any size."""
    size = float(np.abs(target).max()) or 1.0
    small = target / size
    return float(small.mean() * size), float(small.std() * size) or 1.0

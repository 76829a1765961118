"""The deep net of the leaderboard: encoded rows in, probabilities or values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.encode.batch import UNSEEN, Batch
from deeplode.evaluate.problem import Problem
from deeplode.fit.config import FitConfig
from deeplode.fit.loop import held_out, train, valid_rows
from deeplode.fit.losses import Loss, binary_cross_entropy, cross_entropy, squared_error
from deeplode.fit.state import Fold as RowFold
from deeplode.fit.state import Job, Rows
from deeplode.nets.ensemble import Ensemble
from deeplode.nets.knots import Knots, place_knots
from deeplode.nets.shape import NetShape
from deeplode.progress import Listen
from deeplode.runtime import Budget

CHUNK = 8192  # rows predicted at once

LOSSES: dict[str, Loss] = {
    "binary": binary_cross_entropy,
    "multiclass": cross_entropy,
    "regression": squared_error,
}


class Fold(Protocol):
    """Row positions to learn from and to validate on."""

    @property
    def train(self) -> NDArray[np.int64]: ...
    @property
    def valid(self) -> NDArray[np.int64]: ...


@dataclass(frozen=True)
class Scale:
    """A regression target's own unit to standardised units and back.

    low, high: predictions are kept between these, a little beyond the training rows' range.
    """

    mean: float = 0.0
    spread: float = 1.0
    low: float = -np.inf
    high: float = np.inf

    @classmethod
    def fit(cls, target: NDArray[np.float64]) -> Scale:
        """Mean and standard deviation of the training rows; range widened by a tenth."""
        low, high = float(target.min()), float(target.max())
        spread = float(target.std()) or 1.0
        reach = 0.1 * (high - low)
        return cls(float(target.mean()), spread, low - reach, high + reach)


@dataclass(frozen=True)
class Inputs:
    """Encoded rows to a net's cells and slots.

    knots: where numbers may bend. flagged: number columns with a missing flag.
    filler: (columns,) coordinate of a missing number. slots: slots of each category column.
    """

    knots: Knots
    flagged: tuple[int, ...]
    slots: tuple[int, ...]

    @classmethod
    def fit(cls, batch: Batch, config: FitConfig) -> Inputs:
        """Learned from training rows."""
        missing = batch.numbers.isnan().sum(0)
        flagged = tuple(missing.nonzero().flatten().tolist())
        width = batch.categories.shape[1]
        slots = tuple(int(batch.categories[:, i].max()) + 1 for i in range(width))
        knots = place_knots(batch.numbers, config.quantiles, config.frequent)
        return cls(knots, flagged, slots)

    def cells(self, numbers: Tensor) -> Tensor:
        """(rows, columns) float32, NaN = missing -> (rows, 2 * columns + flags) without NaN.

        A missing number has coordinate 0 and the normal score 0 of a median.
        """
        places = self.knots.coordinates(numbers)
        missing = places.isnan()
        places = places.nan_to_num(0.0)
        normal = self.knots.as_normal(places).masked_fill_(missing, 0.0)
        return torch.cat([places, normal, missing[:, list(self.flagged)].float()], 1)

    def levels(self, categories: Tensor) -> Tensor:
        """(rows, columns) int32 -> int64; a slot that the net does not have counts as unseen."""
        size = torch.tensor(self.slots)
        return categories.long().where(categories < size, torch.tensor(UNSEEN))


@dataclass(frozen=True)
class Net:
    """A trained ensemble."""

    problem: Problem
    inputs: Inputs
    ensemble: Ensemble
    scale: Scale
    config: FitConfig
    training: Mapping[str, Any]

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Probabilities (rows, n_classes), or values (rows,) in the target's unit."""
        parts = [
            self._outputs(batch.rows(torch.arange(start, min(start + CHUNK, len(batch)))))
            for start in range(0, len(batch), CHUNK)
        ]
        shape = (0, self.problem.n_classes) if self.problem.classifies else (0,)
        return np.concatenate(parts) if parts else np.empty(shape)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned that is not in ``facts``."""
        learned = {name: value.numpy() for name, value in self.ensemble.state_dict().items()}
        knots = self.inputs.knots
        return {**learned, "knots": knots.values.numpy(), "normal": knots.normal.numpy()}

    def facts(self) -> dict[str, Any]:
        """What the net is and how it was trained, as plain JSON values."""
        return {
            "task": self.problem.task,
            "n_classes": self.problem.n_classes,
            "seed": self.problem.seed,
            "threads": self.problem.threads,
            "shape": self.ensemble.shape.to_json(),
            "flagged": list(self.inputs.flagged),
            "scale": asdict(self.scale),
            "config": self.config.to_json(),
            "training": dict(self.training),
        }

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Net:
        """The inverse of ``facts`` and ``arrays``.

        Raises ValueError, KeyError or TypeError when the two do not describe a net.
        """
        problem = Problem(*(facts[name] for name in ("task", "n_classes", "seed", "threads")))
        shape = NetShape.from_json(facts["shape"])
        starts = [0]
        for segments in shape.segments:
            starts.append(starts[-1] + segments + 1)
        flat = [
            torch.from_numpy(_floats(arrays[name], (starts[-1],))) for name in ("knots", "normal")
        ]
        flagged = tuple(facts["flagged"])
        if len(flagged) != shape.flags or not set(flagged) <= set(range(len(shape.segments))):
            raise ValueError(f"flags {flagged} do not belong to {len(shape.segments)} numbers.")
        if shape.outputs != problem.n_outputs:
            raise ValueError(f"{shape.outputs} outputs do not belong to {problem}.")
        ensemble = Ensemble(shape, torch.zeros(shape.outputs), torch.Generator())
        with torch.no_grad():
            for name, parameter in ensemble.named_parameters():
                parameter.copy_(torch.from_numpy(_floats(arrays[name], tuple(parameter.shape))))
        inputs = Inputs(Knots(flat[0], flat[1], tuple(starts)), flagged, shape.slots)
        scale = Scale(**{name: float(value) for name, value in facts["scale"].items()})
        config = FitConfig.from_json(facts["config"])
        return cls(problem, inputs, ensemble, scale, config, facts["training"])

    @torch.no_grad()
    def _outputs(self, batch: Batch) -> NDArray[np.float64]:
        members = self.ensemble.shape.members
        cells = self.inputs.cells(batch.numbers).expand(members, -1, -1)
        slots = self.inputs.levels(batch.categories).expand(members, -1, -1)
        return self.answer(self.ensemble(cells, slots)).mean(0)

    def answer(self, scores: Tensor) -> NDArray[np.float64]:
        """(members, rows, outputs) -> (members, rows, n_classes) or (members, rows)."""
        wide = scores.double()
        if self.problem.task == "multiclass":
            return wide.softmax(2).numpy()
        if self.problem.task == "binary":
            positive = wide.squeeze(2).sigmoid()
            return torch.stack([1 - positive, positive], 2).numpy()
        values = wide.squeeze(2) * self.scale.spread + self.scale.mean
        return values.clamp(self.scale.low, self.scale.high).numpy()


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
    torch.set_flush_denormal(True)  # denormal moments make a step 15 times slower
    generator = torch.Generator().manual_seed(problem.seed)
    scale = Scale() if problem.classifies else Scale.fit(target)
    inputs = Inputs.fit(batch, config)
    shape = NetShape(
        inputs.knots.segments,
        len(inputs.flagged),
        inputs.slots,
        config.hidden,
        config.activation,
        problem.n_outputs,
        len(folds),
    )
    ensemble = Ensemble(shape, _prior(target, problem), generator)
    weight = None if weights is None else torch.from_numpy(weights / weights.mean()).float()
    rows = Rows(
        (inputs.cells(batch.numbers), inputs.levels(batch.categories)),
        _truth(target, problem, scale),
        weight,
    )
    cuts = tuple(
        RowFold(torch.from_numpy(f.train).long(), torch.from_numpy(f.valid).long()) for f in folds
    )
    job = Job(ensemble, rows, cuts, LOSSES[problem.task], config, generator)
    state = train(job, budget, listen, checkpoint)
    training = {
        "history": state.history.to_json(),
        "best_epochs": state.best_epoch.tolist(),
        "strides": state.pace.strides,
        "steps": state.pace.step,
    }
    net = Net(problem, inputs, ensemble, scale, config, training)
    return net, _out_of_fold(net, rows, cuts)


def _floats(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    if array.dtype != np.float32 or array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"expected finite float32 {shape}, got {array.dtype} {array.shape}.")
    return np.array(array)


def _truth(target: NDArray[Any], problem: Problem, scale: Scale) -> Tensor:
    if problem.task == "multiclass":
        return torch.from_numpy(target).long()
    if problem.task == "binary":
        return torch.from_numpy(target).float()
    return torch.from_numpy((target - scale.mean) / scale.spread).float()


def _prior(target: NDArray[Any], problem: Problem) -> Tensor:
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

"""Net: the trained deep net of the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.encode.batch import Batch
from deeplode.evaluate.problem import Problem
from deeplode.fit.config import FitConfig
from deeplode.nets.codes import Codes
from deeplode.nets.ensemble import Ensemble
from deeplode.nets.folded import Folded
from deeplode.nets.knots import Knots
from deeplode.nets.shape import NetShape
from deeplode.runtime import side_by_side

HEAVY = 5.0  # a standard deviation beyond so many robust ones comes from a heavy tail
CHUNK = 256  # rows that one thread predicts at once: their activations stay in its cache


@dataclass(frozen=True)
class Scale:
    """A regression target's own unit to standardised units and back.

    low, high: predictions are kept between these, a little beyond the training rows' range.
    """

    mean: float = 0.0
    spread: float = 1.0
    low: float = -1e308
    high: float = 1e308

    @classmethod
    def fit(cls, target: NDArray[np.float64]) -> Scale:
        """Mean and standard deviation of the training rows; range widened by a tenth.

        In a heavy tail a few rows make nearly all of the deviation, and the others would lie
        squeezed together: there five times the median deviation from the median counts instead.
        """
        low, high = float(target.min()), float(target.max())
        middle = 1.4826 * float(np.median(np.abs(target - np.median(target))))
        spread = min(float(target.std()), HEAVY * middle or np.inf) or 1.0
        reach = 0.1 * (high - low)
        return cls(float(target.mean()), spread, low - reach, high + reach)


def answers_of(scores: Tensor, problem: Problem, scale: Scale) -> NDArray[np.float64]:
    """Scores, (members, rows, outputs), as probabilities, (members, rows, n_classes), or as values
    in the target's unit, (members, rows)."""
    wide = scores.double()
    if problem.task == "multiclass":
        return wide.softmax(2).numpy()
    if problem.task == "binary":
        positive = wide.squeeze(2).sigmoid()
        return torch.stack([1 - positive, positive], 2).numpy()
    values = wide.squeeze(2) * scale.spread + scale.mean
    return values.clamp(scale.low, scale.high).numpy()


@dataclass(frozen=True)
class Net:
    """A trained ensemble: the candidate called ``net``."""

    problem: Problem
    ensemble: Ensemble
    scale: Scale
    config: FitConfig
    training: Mapping[str, Any]

    name = "net"

    @cached_property
    def _folded(self) -> Folded:
        return Folded(self.ensemble)

    def __getstate__(self) -> dict[str, Any]:
        """Without what can be made again: scikit-learn's users copy estimators by their state."""
        return {name: value for name, value in vars(self).items() if name != "_folded"}

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Probabilities (rows, n_classes), or values (rows,) in the target's unit."""
        folded = self._folded

        @torch.inference_mode()
        def answers(start: int) -> NDArray[np.float64]:
            part = slice(start, start + CHUNK)
            scores = folded.scores(batch.numbers[part], batch.categories[part])
            mean: NDArray[np.float64] = self.answer(scores).mean(0)
            return mean

        parts = side_by_side(answers, range(0, len(batch), CHUNK))
        shape = (0, self.problem.n_classes) if self.problem.classifies else (0,)
        return np.concatenate(parts) if parts else np.empty(shape)

    def predict_row(
        self, numbers: NDArray[np.float32], slots: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """One row, without the cost of a Batch: (n_classes,), or () in the target's unit.

        numbers: (columns,), NaN = missing; slots: (columns,).
        """
        batch = Batch(torch.from_numpy(numbers[None]), torch.from_numpy(slots[None]))
        answer: NDArray[np.float64] = self.predict(batch)[0]
        return answer

    def answer(self, scores: Tensor) -> NDArray[np.float64]:
        """(members, rows, outputs) -> (members, rows, n_classes) or (members, rows)."""
        return answers_of(scores, self.problem, self.scale)

    @property
    def members(self) -> int:
        """Nets side by side."""
        return self.ensemble.shape.members

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """The weights between units, which l1 makes sparse."""
        return tuple(self.ensemble.weights)

    @property
    def parameters(self) -> int:
        """All numbers that training changes."""
        return sum(one.numel() for one in self.ensemble.parameters())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned that is not in ``facts``."""
        learned = {name: value.numpy() for name, value in self.ensemble.state_dict().items()}
        return learned | arrays_of_codes(self.ensemble.codes)

    def facts(self) -> dict[str, Any]:
        """What the net is and how it was trained, as plain JSON values."""
        codes = self.ensemble.codes
        return {
            "task": self.problem.task,
            "n_classes": self.problem.n_classes,
            "seed": self.problem.seed,
            "threads": self.problem.threads,
            "shape": self.ensemble.shape.to_json(),
            "starts": list(codes.knots.starts),
            "slots": list(codes.slots),
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
        if shape.outputs != problem.n_outputs:
            raise ValueError(f"{shape.outputs} outputs do not belong to {problem}.")
        codes = codes_of(facts["starts"], tuple(facts["slots"]), arrays)
        ensemble = Ensemble(shape, codes, torch.zeros(shape.outputs), None)
        with torch.no_grad():
            for name, parameter in ensemble.named_parameters():
                parameter.copy_(_floats(arrays, name, tuple(parameter.shape)))
        scale = Scale(**{name: float(value) for name, value in facts["scale"].items()})
        config = FitConfig.from_json(facts["config"])
        return cls(problem, ensemble, scale, config, facts["training"])


def _rising(starts: Sequence[int]) -> tuple[int, ...]:
    """Where each column's knots begin: at least two knots a column."""
    if not starts or starts[0] != 0 or any(b - a < 2 for a, b in pairwise(starts)):
        raise ValueError(f"knots cannot begin at {list(starts)[:20]}.")
    return tuple(int(start) for start in starts)


def arrays_of_codes(codes: Codes) -> dict[str, NDArray[Any]]:
    """What the codes hold that is not whole numbers."""
    fixed = {
        "knots": codes.knots.values,
        "normal": codes.knots.normal,
        "smooth": codes.knots.smooth,
        "shares": codes.shares,
        "center": codes.center,
    }
    return {name: value.numpy() for name, value in fixed.items()}


def codes_of(
    begin: Sequence[int], slots: tuple[int, ...], arrays: Mapping[str, NDArray[Any]]
) -> Codes:
    """The codes of ``arrays_of_codes``. begin: where each column's knots do; slots: of each
    category column. Raises ValueError or KeyError where they do not fit."""
    starts = _rising(begin)
    if any(type(count) is not int or count < 1 for count in slots):
        raise ValueError(f"slots must be whole numbers above 0: {slots}.")
    names = ("knots", "normal", "smooth")
    values, normal, smooth = (_floats(arrays, name, (starts[-1],)) for name in names)
    knots = Knots(values, normal, smooth, starts)
    shares = _floats(arrays, "shares", (sum(slots),))
    empty = Codes(knots, slots, shares, torch.empty(0))
    return replace(empty, center=_floats(arrays, "center", (sum(empty.inputs),)))


def _floats(arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> Tensor:
    array = arrays[name]
    if array.dtype != np.float32 or array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite float32 {shape}: {array.dtype} {array.shape}.")
    return torch.from_numpy(np.array(array))

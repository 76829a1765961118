"""The user's own net as the leaderboard's ``net``: trained by our loop, kept without its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.split import Fold
from deeplode.encode.batch import Batch
from deeplode.errors import DeeplodeError, ModelFileError
from deeplode.evaluate.problem import Problem
from deeplode.fit.config import FitConfig
from deeplode.fit.loop import train
from deeplode.fit.state import Job, Rows
from deeplode.messages import Notice
from deeplode.nets.flat import Flat
from deeplode.nets.given import Given
from deeplode.nets.own import MOST_THREADS, OwnNets
from deeplode.progress import Listen
from deeplode.runtime import Budget, at_most, seeded
from deeplode.tasks.deep import (
    LOSSES,
    out_of_fold,
    row_folds,
    training_facts,
    truth,
    weights_of,
)
from deeplode.tasks.modulearrays import Arrays, arrays_of, check_layout, fill, layout
from deeplode.tasks.net import CHUNK, Scale, answers_of
from deeplode.tasks.ownmembers import fitting, members_of


@dataclass(frozen=True)
class OwnNet:
    """Trained modules of the user: the candidate called ``net``.

    given: what makes such modules. notices: what was made of it, to be told after training.
    """

    problem: Problem
    given: Given
    nets: OwnNets
    scale: Scale
    config: FitConfig
    training: Mapping[str, Any]
    notices: tuple[Notice, ...] = ()

    name = "net"

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Probabilities (rows, n_classes), or values (rows,) in the target's unit."""
        flat, parts = self.nets.flat, []
        with torch.inference_mode(), at_most(1 if self.nets.small else MOST_THREADS):
            for start in range(0, len(batch), CHUNK):
                part = slice(start, start + CHUNK)
                ready = flat.ready(batch.numbers[part], batch.categories[part])
                shared = (one.expand(self.members, *one.shape) for one in ready)
                parts.append(self.answer(self.nets(*shared)).mean(0))
        shape = (0, self.problem.n_classes) if self.problem.classifies else (0,)
        return np.concatenate(parts) if parts else np.empty(shape)

    def answer(self, scores: Tensor) -> NDArray[np.float64]:
        """(members, rows, outputs) -> (members, rows, n_classes) or (members, rows)."""
        return answers_of(scores, self.problem, self.scale)

    @property
    def members(self) -> int:
        """Nets side by side."""
        return len(self.nets.modules)

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """The weights between units, which l1 makes sparse."""
        return self.nets.groups()[0].parameters

    @property
    def parameters(self) -> int:
        """All numbers that training changes."""
        return sum(one.numel() for one in self.nets.weights)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Weights and buffers of every member, by the order in which its module has them."""
        found = arrays_of(self.nets.modules, "own")
        return {**found, "places": self.nets.flat.places.numpy()}

    def facts(self) -> dict[str, Any]:
        """What the net is and how it was trained, as plain JSON values."""
        return {
            "own": self.given.name,
            "task": self.problem.task,
            "n_classes": self.problem.n_classes,
            "seed": self.problem.seed,
            "threads": self.problem.threads,
            "members": self.members,
            "layout": layout(self.nets.modules[0]),
            "flat": self.nets.flat.to_json(),
            "scale": asdict(self.scale),
            "config": self.config.to_json(),
            "training": dict(self.training),
        }

    @classmethod
    def restore(
        cls, facts: Mapping[str, Any], arrays: Arrays, nets: Mapping[str, Any], source: str
    ) -> OwnNet:
        """The inverse of ``facts`` and ``arrays``. nets: what the user passed, by name.

        Raises ModelFileError when the net is not among them or does not fit its weights;
        ValueError, KeyError or TypeError when the two do not describe a net.
        """
        name = str(facts["own"])
        if name not in nets:
            raise ModelFileError("E-MODEL-016", source=source, net=name[:100])
        problem = Problem(*(facts[key] for key in ("task", "n_classes", "seed", "threads")))
        config, places = FitConfig.from_json(facts["config"]), np.array(arrays["places"])
        flat = Flat.from_json(facts["flat"], torch.from_numpy(places))
        scale = Scale(**{key: float(value) for key, value in facts["scale"].items()})
        if type(facts["members"]) is not int or not 1 <= facts["members"] <= 64:
            raise ValueError(f"there cannot be {facts['members']} members.")
        try:
            given = Given.of((name, nets[name]))
            example = torch.zeros(2, flat.width)
            made, _ = members_of(given, example, problem, facts["members"])
        except DeeplodeError as error:
            raise ModelFileError("E-MODEL-017", source=source, net=name, why=str(error)) from error
        check_layout(made[0], facts["layout"], name, source)
        fill(made, arrays, "own")
        whole = OwnNets(made, flat, problem.n_outputs, name, together=False)
        return cls(problem, given, whole, scale, config, facts["training"])


@dataclass(frozen=True)
class OwnFit:
    """Trains one module for each fold, in the one loop."""

    given: Given
    config: FitConfig
    checkpoint: Path | None = None

    def __call__(
        self,
        batch: Batch,
        target: NDArray[Any],
        problem: Problem,
        folds: Sequence[Fold],
        weights: NDArray[np.float64] | None,
        budget: Budget,
        listen: Listen,
    ) -> tuple[OwnNet, NDArray[np.float64]]:
        """The net and its out-of-fold predictions.

        target: (rows,) class codes or values. weights: (rows,) >= 0, or None.
        Raises OptionError when the module does not do as it must, LimitError when memory is short.
        """
        scale = Scale() if problem.classifies else Scale.fit(target)
        flat = Flat.fit(batch.numbers, batch.categories)
        ready = flat.ready(batch.numbers, batch.categories)
        made, found = members_of(self.given, _some(flat, ready), problem, len(folds))
        limit = budget.memory_limit
        config, needed = fitting(made[0], found, batch, problem, self.config, limit)
        nets = OwnNets(made, flat, problem.n_outputs, self.given.name, found.together)
        rows, cuts = (
            Rows(ready, truth(target, problem, scale), weights_of(weights)),
            row_folds(folds),
        )
        generator = torch.Generator().manual_seed(problem.seed)
        spread = batch.numbers.nan_to_num(0.0).std(0, correction=0).unsqueeze(0)
        job = Job(nets, rows, cuts, LOSSES[problem.task], config, generator, spread)
        with seeded(problem.seed), at_most(nets.threads):
            state = train(job, budget, listen, self.checkpoint)
        training = training_facts(job, state, sum(one.numel() for one in nets.weights))
        training["planned_memory_bytes"] = needed
        notices = (*found.notices, *self._smaller(config, budget))
        net = OwnNet(problem, self.given, nets, scale, config, training, notices)
        return net, out_of_fold(net.answer, nets, rows, cuts)

    def _smaller(self, config: FitConfig, budget: Budget) -> list[Notice]:
        """Say when the memory limit made the batches smaller."""
        before, after = self.config.batch_size, config.batch_size
        values = {
            "limit": (budget.memory_limit or 0) // 1_000_000,
            "before": before,
            "after": after,
        }
        return [] if before == after else [Notice("W-LIMIT-001", None, values)]


def _some(flat: Flat, ready: tuple[Tensor, Tensor], most: int = 64) -> Tensor:
    """Some training rows, (rows, width), for a net to be tried on."""
    return flat.wide(*(one[:most] for one in ready))

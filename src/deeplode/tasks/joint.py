"""The deep net of tables that hold texts, images or sounds: branches beside a tower, one loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
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
from deeplode.fit.loop import train
from deeplode.fit.state import Job, Rows
from deeplode.nets.codes import Codes
from deeplode.nets.joint import CHUNK, Joint, JointNets, Tower
from deeplode.progress import Listen
from deeplode.runtime import Budget, seeded
from deeplode.tasks.branches import Branch, branch_of
from deeplode.tasks.deep import (
    LOSSES,
    out_of_fold,
    prior,
    row_folds,
    training_facts,
    truth,
    weights_of,
)
from deeplode.tasks.modulearrays import Arrays, arrays_of, fill
from deeplode.tasks.net import Scale, answers_of, arrays_of_codes, codes_of

MOST_MEMBERS = 64
SEEDS = 7_919  # between the seeds of two members
AT_ONCE = 8 * CHUNK  # rows that are made ready for the net at once


@dataclass(frozen=True)
class JointNet:
    """Trained joint nets: the candidate called ``net``.

    branches: one for each column of media.
    """

    problem: Problem
    nets: JointNets
    codes: Codes
    branches: tuple[Branch, ...]
    scale: Scale
    config: FitConfig
    training: Mapping[str, Any]

    name = "net"

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Probabilities (rows, n_classes), or values (rows,) in the target's unit."""
        parts = []
        with torch.inference_mode():
            for start in range(0, len(batch), AT_ONCE):
                part = batch.rows(slice(start, start + AT_ONCE))
                shared = [one.expand(self.members, *one.shape) for one in ready(self.codes, part)]
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
        """Weights and buffers of every member, and the codes of the tower's inputs."""
        return arrays_of(self.nets.modules, "joint") | arrays_of_codes(self.codes)

    def facts(self) -> dict[str, Any]:
        """What the net is and how it was trained, as plain JSON values."""
        return {
            "joint": [one.to_json() for one in self.branches],
            "task": self.problem.task,
            "n_classes": self.problem.n_classes,
            "seed": self.problem.seed,
            "threads": self.problem.threads,
            "members": self.members,
            "starts": list(self.codes.knots.starts),
            "slots": list(self.codes.slots),
            "scale": asdict(self.scale),
            "config": self.config.to_json(),
            "training": dict(self.training),
        }

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> JointNet:
        """The inverse of ``facts`` and ``arrays``.

        Raises ValueError, KeyError or TypeError when the two do not describe a net.
        """
        problem = Problem(*(facts[name] for name in ("task", "n_classes", "seed", "threads")))
        members = facts["members"]
        if type(members) is not int or not 1 <= members <= MOST_MEMBERS:
            raise ValueError(f"there cannot be {members} members.")
        branches = tuple(branch_of(one) for one in facts["joint"])
        codes = codes_of(facts["starts"], tuple(facts["slots"]), arrays)
        config = FitConfig.from_json(facts["config"])
        start = torch.zeros(problem.n_outputs)
        nets = JointNets([built(codes, branches, config, start, None) for _ in range(members)])
        fill(nets.modules, arrays, "joint")
        scale = Scale(**{name: float(value) for name, value in facts["scale"].items()})
        return cls(problem, nets, codes, branches, scale, config, facts["training"])


def built(
    codes: Codes,
    branches: Sequence[Branch],
    config: FitConfig,
    start: Tensor,
    generator: torch.Generator | None,
) -> Joint:
    """One member. start: (outputs,) scores of the trivial answer."""
    tower = None
    if codes.slots or codes.knots.columns:
        tower = Tower(codes, config.hidden, config.activation, config.dropout, generator)
    made = [(one.shape.build(generator), one.shape.features) for one in branches]
    return Joint(tower, made, start)


def ready(codes: Codes, batch: Batch) -> tuple[Tensor, ...]:
    """Rows as the nets take them in."""
    return (*codes.ready(batch.numbers, batch.categories), *(one.cells for one in batch.media))


@dataclass(frozen=True)
class JointFit:
    """Trains one joint net for each fold.

    branches: one for each column of media.
    """

    branches: tuple[Branch, ...]
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
    ) -> tuple[JointNet, NDArray[np.float64]]:
        """The net and its out-of-fold predictions.

        target: (rows,) class codes or values. weights: (rows,) >= 0, or None.
        """
        config = self.config
        generator = torch.Generator().manual_seed(problem.seed)
        scale = Scale() if problem.classifies else Scale.fit(target)
        codes = Codes.fit(batch.numbers, batch.categories, config.quantiles, config.frequent)
        start = prior(target, problem)
        chances = [
            torch.Generator().manual_seed(problem.seed + SEEDS * (member + 1))
            for member in range(len(folds))
        ]
        made = [built(codes, self.branches, config, start, generator) for _ in folds]
        nets = JointNets(made, chances)
        rows = Rows(ready(codes, batch), truth(target, problem, scale), weights_of(weights))
        cuts = tuple(
            replace(one, chance=own) for one, own in zip(row_folds(folds), chances, strict=True)
        )
        plain = replace(config, dropout=0.0)  # the modules drop out themselves
        job = Job(nets, rows, cuts, LOSSES[problem.task], plain, generator, codes.spread)
        with seeded(problem.seed):  # as the members' random numbers pass through torch's own
            state = train(job, budget, listen, self.checkpoint)
        training = training_facts(job, state, sum(one.numel() for one in nets.weights))
        net = JointNet(problem, nets, codes, self.branches, scale, config, training)
        return net, out_of_fold(net.answer, nets, rows, cuts)

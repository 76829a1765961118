"""Outcomes: what came of every net, gathered by combination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deeplode.evaluate.metrics import scores
from deeplode.experiments.stacks import Course, Study, job
from deeplode.fit.config import FitConfig
from deeplode.fit.diagnostics import diagnose
from deeplode.fit.history import LAYER
from deeplode.fit.loop import held_out, train
from deeplode.fit.state import Job, Rows, State
from deeplode.messages import Notice
from deeplode.nets.ensemble import Ensemble
from deeplode.progress import Listen
from deeplode.runtime import Budget

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """What came of one combination's nets, one for each seed.

    config: how they were trained. losses: (seeds, rows) of the validation rows, with the weights of
    each net's best epoch. metrics: of each seed, there; tested: on test rows, empty without any.
    best_epochs: 0 = before any step.
    start: (seeds,) validation loss before the first step. learned, valid: (seeds, epochs) training
    and validation losses. layers: (seeds, epochs, layers, 4), as history.LAYER names them.
    steps, seconds: of an epoch, of one net. zeros: share of weights that are exactly 0.
    """

    config: FitConfig
    parameters: int
    losses: Floats
    metrics: Sequence[Mapping[str, float]]
    tested: Sequence[Mapping[str, float]]
    best_epochs: NDArray[np.int64]
    start: Floats
    learned: Floats
    valid: Floats
    layers: Floats
    steps: int
    seconds: Floats
    zeros: float
    notices: Sequence[Notice]

    @property
    def loss(self) -> Floats:
        """(seeds,) the best validation loss of each."""
        found = np.concatenate([self.start[:, None], self.valid], 1)
        best: Floats = np.nanmin(np.where(np.isfinite(found), found, np.nan), 1)
        return best

    def layer(self, name: str) -> Floats:
        """One fact of each hidden layer after each epoch, mean over seeds: (epochs, layers)."""
        found: Floats = self.layers[..., LAYER.index(name)].mean(0)
        return found

    def epochs_to(self, loss: float) -> Floats:
        """(seeds,) epochs until the validation loss was as low as that; infinity = never."""
        reached = np.concatenate([self.start[:, None], self.valid], 1) <= loss
        return np.where(reached.any(1), reached.argmax(1), np.inf)


def trained(
    study: Study, course: Course, budget: Budget, listen: Listen, folder: Path | None = None
) -> tuple[dict[int, Outcome], bool]:
    """Train a course. Returns the outcome of each of its combinations, and whether it was cut.

    folder: where a checkpoint is kept and looked for.
    """
    made = job(study, course, study.learn, study.valid)
    state = train(made, budget, listen, folder)
    if not len(state.history):
        return {}, True
    sizes = np.array([study.parameters(one.config) for one in course], dtype=np.float64)
    told = _Told(made, state, _judged(study, made, state, course), sizes / sizes.sum())
    places: dict[int, list[int]] = {}
    for at, member in enumerate(course):
        places.setdefault(member.combination, []).append(at)
    found = {
        combination: told.outcome(slice(own[0], own[-1] + 1), int(sizes[own[0]]))
        for combination, own in places.items()
    }
    return found, bool(state.pace.strides)


@dataclass(frozen=True)
class _Judged:
    """Every net with its best weights.

    losses: (members, validation rows). metrics: of each member there; tested: on test rows.
    zeros: (members,).
    """

    losses: Floats
    metrics: Sequence[Mapping[str, float]]
    tested: Sequence[Mapping[str, float]]
    zeros: Floats


@torch.no_grad()
def _judged(study: Study, made: Job, state: State, course: Course) -> _Judged:
    """Score every net on validation and test rows, and count its weights that are exactly 0."""
    valid, rows, test = study.valid, study.rows, study.test
    truth = study.target[valid.numpy()]
    losses, metrics, tested, zeros = [], [], [], []
    for part in state.parts:
        net = part.net
        assert isinstance(net, Ensemble)
        index = valid.expand(net.shape.members, -1)
        found = held_out(net, rows, index)
        losses.append(made.loss.value(found, rows.target[index]).double().numpy())
        answer = study.net(course[part.members.start].config).answer
        metrics += _scored(study, answer(found), truth, _weights(rows, valid))
        if test is not None:
            every = torch.arange(len(test.target))
            found = held_out(net, test.rows, every.expand(net.shape.members, -1))
            tested += _scored(study, answer(found), test.target, _weights(test.rows, every))
        size = sum(own[0].numel() for own in net.weights)
        zeros.append(sum((own == 0).sum((1, 2)) for own in net.weights).double() / size)
    return _Judged(np.concatenate(losses), metrics, tested, torch.cat(zeros).numpy())


def _scored(
    study: Study, answers: Floats, truth: NDArray[Any], weights: Floats | None
) -> list[dict[str, float]]:
    """The metrics of each member's answers."""
    return [scores(study.problem, truth, one, weights) for one in answers]


def _weights(rows: Rows, index: torch.Tensor) -> Floats | None:
    return None if rows.weight is None else rows.weight[index].double().numpy()


@dataclass(frozen=True)
class _Told:
    """A trained course. shares: each member's part of the work of an epoch."""

    job: Job
    state: State
    judged: _Judged
    shares: Floats

    def outcome(self, members: slice, parameters: int) -> Outcome:
        """Of a combination, whose members these are."""
        history, state = self.state.history, self.state
        config = self.job.own[members.start]

        def by_seed(values: Sequence[Sequence[Any]]) -> Floats:
            """(epochs, members) -> (seeds, epochs)."""
            return np.array([one[members] for one in values], dtype=np.float64).swapaxes(0, 1)

        judged, setbacks = self.judged, state.setbacks.tolist()
        layers = by_seed(history.layers)
        return Outcome(
            config, parameters, judged.losses[members], judged.metrics[members],
            judged.tested[members],
            state.best_epoch[members].numpy(), np.array(history.start[members]),
            by_seed(history.learned), by_seed(history.members),
            layers.reshape(*layers.shape[:2], -1, len(LAYER)),
            self.job.steps, np.array(history.seconds) * self.shares[members.start],
            float(judged.zeros[members].mean()),
            diagnose(history, config, setbacks, members),
        )  # fmt: skip

"""Stacks: nets of many combinations and seeds, laid out to be trained side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.data.schema import row_weights
from deeplode.data.table import Table
from deeplode.encode.encoder import Encoder
from deeplode.evaluate.problem import Problem
from deeplode.fit.config import FitConfig
from deeplode.fit.losses import Loss
from deeplode.fit.state import Fold, Job, Rows
from deeplode.nets.bundle import Bundle
from deeplode.nets.codes import Codes
from deeplode.nets.ensemble import Ensemble
from deeplode.nets.shape import MOST, NetShape
from deeplode.tasks.deep import LOSSES, prior, truth, weights_of
from deeplode.tasks.learn import Lesson
from deeplode.tasks.net import Net, Scale

ORDERS = 2**32  # added to a seed: its order of rows owes nothing to its starting weights


@dataclass(frozen=True)
class Member:
    """One net: which combination, and which seed's weights and order of rows."""

    combination: int
    seed: int
    config: FitConfig


Course = Sequence[Member]  # trained together by one call of the loop


@dataclass(frozen=True)
class Exam:
    """Test rows, encoded. target: (rows,) classes or values in their own unit."""

    rows: Rows
    target: NDArray[Any]


@dataclass(frozen=True)
class Study:
    """What all nets of a comparison share.

    target: (rows,) classes or values in their own unit. rows: encoded, those that are learned from
    and those that validate. learn, valid: their positions, int64. codes, prior, scale: learned from
    the rows of ``learn`` alone. test: rows that every net is scored on once, at the end, or None.
    """

    problem: Problem
    target: NDArray[Any]
    rows: Rows
    learn: Tensor
    valid: Tensor
    codes: Codes
    prior: Tensor
    scale: Scale
    test: Exam | None = None

    @property
    def loss(self) -> Loss:
        """What training makes small."""
        return LOSSES[self.problem.task]

    @cached_property
    def widest(self) -> int:
        """Inputs of the first layer, embeddings apart."""
        return sum(self.codes.inputs)

    def net(self, config: FitConfig) -> Net:
        """Turns scores of nets trained by ``config`` into answers; its own weights are zero."""
        return Net(self.problem, self.ensemble(config, 1, None), self.scale, config, {})

    def parameters(self, config: FitConfig) -> int:
        """Numbers that one net of the config's shape learns."""
        return sum(one.numel() for one in self.ensemble(config, 1, None).parameters())

    def ensemble(self, config: FitConfig, members: int, seed: int | None) -> Ensemble:
        """Nets of the config's shape, at the seed's starting weights, or at zero."""
        shape = NetShape(config.hidden, config.activation, self.problem.n_outputs, members)
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        return Ensemble(shape, self.codes, self.prior, generator)


def study(
    lesson: Lesson, encoder: Encoder, learn: np.ndarray, valid: np.ndarray, problem: Problem
) -> Study:
    """Encode a lesson once for all nets. learn, valid: positions among its rows."""
    batch = encoder.transform(lesson.table).batch
    learned = torch.from_numpy(learn).long()
    own = batch.rows(learned)
    target = lesson.target
    scale = Scale() if problem.classifies else Scale.fit(target[learn])
    default = FitConfig()
    codes = Codes.fit(own.numbers, own.categories, default.quantiles, default.frequent)
    weight = weights_of(lesson.weights)
    rows = Rows(codes.ready(batch.numbers, batch.categories), truth(target, problem, scale), weight)
    first = prior(target[learn], problem)
    return Study(
        problem, target, rows, learned, torch.from_numpy(valid).long(), codes, first, scale
    )


def exam(test: Table, lesson: Lesson, encoder: Encoder, study: Study) -> Exam:
    """Labelled rows as the nets of a study see them. Raises DataError for an absent column."""
    batch = encoder.transform(test).batch
    target = np.array(lesson.code.encode(test.frame[lesson.code.name]))
    name = lesson.schema.roles.weight
    weight = weights_of(None if name is None else row_weights(test, name))
    inputs = study.codes.ready(batch.numbers, batch.categories)
    return Exam(Rows(inputs, truth(target, study.problem, study.scale), weight), target)


def courses(configs: Sequence[FitConfig], seeds: Sequence[int]) -> list[tuple[Member, ...]]:
    """Members that one call of the training loop trains together: those of the same epochs.

    Within each, those of one shape and activation are neighbours, then those whose batches go
    forward alike, then those of one combination.
    """
    together: dict[tuple[int, ...], list[int]] = {}
    for at, config in enumerate(configs):
        key = (config.batch_size, config.accumulate, config.epochs, config.patience)
        together.setdefault(key, []).append(at)

    def place(at: int) -> tuple[object, ...]:
        one = configs[at]
        alike = (one.dropout, one.label_smoothing, one.input_noise)
        return one.hidden, one.activation, alike, at

    return [
        tuple(Member(at, seed, configs[at]) for at in sorted(own, key=place) for seed in seeds)
        for own in together.values()
    ]


def job(study: Study, members: Sequence[Member], learn: Tensor, valid: Tensor) -> Job:
    """The training of a course, on rows of the study."""
    folds = tuple(
        Fold(learn, valid, torch.Generator().manual_seed(ORDERS + one.seed)) for one in members
    )
    chance = torch.Generator().manual_seed(study.problem.seed)
    own = tuple(one.config for one in members)
    return Job(
        bundle(study, members), study.rows, folds, study.loss, own[0], chance,
        study.codes.spread, own,
    )  # fmt: skip


def bundle(study: Study, members: Sequence[Member]) -> Bundle:
    """The nets, each at its seed's starting weights: the same for all combinations of a shape.

    Where activations ask for other starting weights, these differ by a factor alone.
    """
    nets, counts = [], []
    for config, seeds in _stacks(members):
        net = study.ensemble(config, len(seeds), None)
        for at, seed in enumerate(seeds):
            begin(net, at, study.ensemble(config, 1, seed))
        nets.append(net)
        counts.append(len(seeds))
    return Bundle(nets, counts)


def _stacks(members: Iterable[Member]) -> Iterator[tuple[FitConfig, list[int]]]:
    """Seeds of neighbours that make up one ensemble, with a config of their shape."""
    for _, run in groupby(members, key=lambda one: (one.config.hidden, one.config.activation)):
        alike = list(run)
        for start in range(0, len(alike), MOST["members"]):
            part = alike[start : start + MOST["members"]]
            yield part[0].config, [one.seed for one in part]


@torch.no_grad()
def begin(net: Ensemble, member: int, start: Ensemble) -> None:
    """Give a member the weights of ``start``, an ensemble of one."""
    for own, other in zip(net.parameters(), start.parameters(), strict=True):
        own[member].copy_(other[0])

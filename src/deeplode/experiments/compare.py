"""Compare: training choices side by side, on the same rows, from the same starting points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deeplode.data.split import hold_out
from deeplode.data.table import Table
from deeplode.encode.encoder import Encoder
from deeplode.errors import DeeplodeError, Interrupted, LimitError
from deeplode.evaluate.problem import Problem
from deeplode.experiments import cost, grid
from deeplode.experiments.outcomes import Outcome, trained
from deeplode.experiments.settings import CompareOptions
from deeplode.experiments.stacks import Course, Study, courses, exam, study
from deeplode.experiments.told import told
from deeplode.fit.config import FitConfig
from deeplode.messages import Notice
from deeplode.progress import Listen
from deeplode.runtime import Budget
from deeplode.tasks.choose import choose
from deeplode.tasks.learn import Lesson

VALID = 0.25  # share of the training rows that validate every net


@dataclass(frozen=True)
class Around:
    """What surrounds a comparison.

    held: bytes of all tables in memory. checkpoint: folder that a killed one goes on from.
    test: labelled rows that every net is scored on once, after everything else.
    """

    held: int = 0
    checkpoint: Path | None = None
    test: Table | None = None


def check_ranges(options: CompareOptions) -> None:
    """Raise OptionError for a value that lies outside its option's range: before any reading."""
    fixed = {name: (value,) for name, value in options.net().items()}
    for name, values in {**fixed, **options.varied}.items():
        for value in values:
            one: dict[str, Any] = {name: 1 if value == "full" else value}
            replace(FitConfig(), **one)


def compare(
    lesson: Lesson,
    options: CompareOptions,
    problem: Problem,
    budget: Budget,
    listen: Listen,
    around: Around,
) -> tuple[dict[str, Any], list[Notice]]:
    """The facts of a comparison, and what should be known of it.

    lesson: training rows; some of them validate.
    Raises LimitError where the limits leave no room for all nets, OptionError where there are too
    many without a limit.
    """
    combinations = grid.combinations(options.varied)
    listen("stage", name="encode")
    learn, valid = parted(lesson, options)
    encoder = Encoder.fit(lesson.table.rows(learn), lesson.schema)
    given = options.net()
    configs = [
        _config(len(learn), encoder, problem, {**given, **one.choices}) for one in combinations
    ]
    shared = study(lesson, encoder, learn, valid, problem)
    if around.test is not None:
        shared = replace(shared, test=exam(around.test, lesson, encoder, shared))
    seeds = range(options.seed, options.seed + options.seeds)
    plan = courses(configs, seeds)
    needed = cost.estimate(shared, plan, around.held)
    if not options.resume:  # what was let in once is let in again, however the clock goes
        cost.refuse(needed, budget, {"combinations": len(combinations), "seeds": options.seeds})
    listen("stage", name="net")
    listen("cost", combinations=len(combinations), seeds=options.seeds, **needed.as_json())
    train = _Training(shared, budget, listen, around.checkpoint)
    outcomes, cut = _all(train, plan, needed.seconds)
    listen("stage", name="judge")
    by = None if lesson.by is None or lesson.how != "group" else lesson.by[valid]
    facts = told(shared, combinations, outcomes, seeds, options.to_loss, by)
    facts["split"] = {"how": lesson.how, "train": len(learn), "valid": len(valid)}
    facts["cost"] = needed.as_json()
    return facts, [Notice("W-COMPARE-001")] if cut else []


def parted(lesson: Lesson, options: CompareOptions) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the rows that are learned from and of those that validate, for every net."""
    roles = lesson.schema.roles
    column = {"group": roles.group, "time": roles.timestamp}.get(lesson.how)
    classes = lesson.target if lesson.code.classes else None
    split = hold_out(lesson.table, lesson.how, classes, VALID, options.seed, column)
    return split.train, split.test


def _config(rows: int, encoder: Encoder, problem: Problem, given: Mapping[str, Any]) -> FitConfig:
    """How a combination is trained: one net at a time, through all epochs if nothing else is
    said."""
    found = choose(rows, encoder.sizes, problem, given)
    patience = given.get("patience", found.epochs)
    return replace(found, members=1, patience=patience)


@dataclass(frozen=True)
class _Training:
    """How every course is trained."""

    study: Study
    budget: Budget
    listen: Listen
    checkpoint: Path | None

    def __call__(
        self, number: int, course: Course, share: float
    ) -> tuple[dict[int, Outcome], bool]:
        """Outcomes of a course, and whether it was cut short. share: of the time left, its own.

        Raises DeeplodeError where nothing of it could be trained.
        """
        budget, left = self.budget, self.budget.left()
        if share < 1 and left < np.inf:
            budget = budget.until((1 - share) * left)
        folder = None if self.checkpoint is None else self.checkpoint / f"course-{number}"
        made: dict[int, Outcome] = {}
        cut = True
        if not budget.stop():
            made, cut = trained(self.study, course, budget, self.listen, folder)
        if not made:
            raise _nothing(self.budget)
        return made, cut


def _all(
    train: _Training, plan: Sequence[Course], seconds: Sequence[float]
) -> tuple[list[Outcome], bool]:
    """Train course after course, each in its share of the time that is left."""
    found: dict[int, Outcome] = {}
    cut = False
    for at, course in enumerate(plan):
        share = seconds[at] / max(sum(seconds[at:]), 1e-9)
        made, shortened = train(at, course, share if at + 1 < len(plan) else 1.0)
        found.update(made)
        cut = cut or shortened
    return [found[at] for at in sorted(found)], cut


def _nothing(budget: Budget) -> DeeplodeError:
    """Why some combinations could not be trained at all."""
    why = budget.stop()
    if why == "interrupt":
        return Interrupted("E-STOP-001")
    if why == "memory":
        return LimitError("E-LIMIT-002", limit=(budget.memory_limit or 0) // 1_000_000)
    return LimitError("E-LIMIT-003", limit=budget.deadline - budget.started, spent=budget.spent())

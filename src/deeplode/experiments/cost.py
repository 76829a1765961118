"""Cost: the memory and the time that a comparison will take, and the refusal before it does."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from deeplode.errors import LimitError, OptionError
from deeplode.experiments.stacks import Course, Study, job
from deeplode.fit.loop import VALIDATE, train
from deeplode.memory import PROGRAM, marks
from deeplode.nets.bundle import MOST_SHARED
from deeplode.progress import silent
from deeplode.runtime import Budget

MOST_UNLIMITED = 500  # nets that are trained without a time limit
SAMPLE = 12  # nets that the estimate trains
STEPS = 4  # for so many steps, twice: the first ones are slower
FORWARD = 1 / 3  # of a step's work is validation's, row for row
FLOAT = 4
COPIES = 9  # of all weights: gradients, moments, the best so far, a checkpoint while it is written


@dataclass(frozen=True)
class Cost:
    """What training all nets takes. seconds: of each course; memory: bytes at the peak."""

    nets: int
    seconds: tuple[float, ...]
    memory: int

    def as_json(self) -> dict[str, float]:
        """For the record."""
        whole = round(sum(self.seconds), 3)
        return {"nets": self.nets, "seconds": whole, "bytes": self.memory}


def estimate(study: Study, courses: Sequence[Course], held: int) -> Cost:
    """Train a few nets for a few steps and reckon. held: bytes of all tables in memory."""
    nets = sum(map(len, courses))
    needed = max(memory(study, course) for course in courses)
    return Cost(nets, tuple(seconds(study, one) for one in courses), PROGRAM + held + needed)


def refuse(cost: Cost, budget: Budget, counts: Mapping[str, int]) -> None:
    """Raise where the limits leave no room for all nets. counts: combinations and seeds.

    Raises LimitError for a limit that was given, OptionError for too many nets without one.
    """
    told = {**counts, "nets": cost.nets, "seconds": f"{sum(cost.seconds):.3g}"}
    limit = budget.memory_limit
    if limit is not None and cost.memory > marks(limit)[0]:
        needed = (cost.memory + limit - marks(limit)[0]) // 1_000_000
        raise LimitError("E-LIMIT-006", **told, needed=needed, given=limit // 1_000_000)
    if sum(cost.seconds) > budget.left():
        raise LimitError("E-LIMIT-005", **told, left=f"{budget.left():.3g}")
    if cost.nets > MOST_UNLIMITED and budget.deadline == float("inf"):
        raise OptionError("E-OPT-124", **told, most=MOST_UNLIMITED)


def memory(study: Study, course: Course) -> int:
    """Bytes that training a course takes at its peak, on top of the encoded rows.

    An upper estimate: weights with all their copies; inputs, activations and masks of a step; the
    order of rows; validation of as many nets as there are threads for.
    """
    rows = len(study.learn)
    batch = min(course[0].config.batch_size, rows)
    steps = weights = widest = 0
    sizes: dict[tuple[int, ...], int] = {}  # parameters of each shape
    for one in course:
        widths = one.config.hidden
        if widths not in sizes:
            sizes[widths] = study.parameters(one.config)
        parameters = sizes[widths]
        weights += COPIES * parameters + 2 * 2 * rows  # orders are int64
        steps += batch * (3 * study.widest + 4 * sum(widths) + 2 * max(widths, default=1))
        widest = max(widest, 2 * study.widest + 2 * sum(widths))
    threads = torch.get_num_threads() * min(MOST_SHARED, len(course))
    held = 2 * 2 * len(study.valid) * len(course)
    return FLOAT * (weights + steps + held + threads * min(VALIDATE, len(study.valid)) * widest)


def seconds(study: Study, course: Course) -> float:
    """Seconds that training a course takes, from a few steps of a few of its nets."""
    some = [course[at * len(course) // SAMPLE] for at in range(SAMPLE)]
    some = some if len(course) > SAMPLE else list(course)
    config = replace(course[0].config, epochs=2, patience=2)
    size = config.batch_size * config.accumulate
    learn, valid = study.learn[: STEPS * size], study.valid[: config.batch_size]
    trial = job(study, some, learn, valid)
    trial = replace(trial, config=config)
    began = time.monotonic()
    state = train(trial, Budget(), silent)
    spent = state.history.seconds[-1] if len(state.history) > 1 else time.monotonic() - began
    one = spent / (trial.steps * trial.accumulate)  # a batch of all of them
    rows, batch = len(study.learn), min(config.batch_size, len(study.learn))
    batches = rows // batch + FORWARD * len(study.valid) / batch
    return one * batches * course[0].config.epochs * len(course) / len(some)

"""What net fits these data: one table of rules, from rows, columns and task to a FitConfig."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from deeplode.encode.batch import Sizes
from deeplode.evaluate.problem import Problem
from deeplode.fit.config import FitConfig
from deeplode.nets.codes import EMBEDDING, ONE_HOT

FLOAT = 4  # bytes of a float32


@dataclass(frozen=True)
class Rule:
    """Choices for tables of up to so many training rows."""

    rows: float
    batch_size: int
    epochs: int


RULES = (  # the first row whose ``rows`` is not exceeded counts
    Rule(4_000, 64, 40),
    Rule(60_000, 256, 20),
    Rule(250_000, 512, 10),
    Rule(float("inf"), 1024, 5),
)


def choose(
    rows: int, sizes: Sizes, problem: Problem, given: Mapping[str, Any] | None = None
) -> FitConfig:
    """The configuration for so many training rows; what is ``given`` by name stands as it is."""
    rule = next(rule for rule in RULES if rows <= rule.rows)
    config = FitConfig(batch_size=rule.batch_size, epochs=rule.epochs)
    wanted = dict(given or {})
    if wanted.get("batch_size") == "full":
        wanted["batch_size"] = rows
    return replace(config, **wanted)


def memory(rows: int, sizes: Sizes, problem: Problem, config: FitConfig) -> int:
    """Bytes that training such a net holds at its peak, the encoded rows not counted.

    Parameters with their gradients, two moments and best copies; the rows' cells and slots; the
    activations of a step and of validation.
    """
    segments = sizes.numbers * (config.quantiles + config.frequent)
    hot = sum(size if size <= ONE_HOT + 2 else EMBEDDING for size in sizes.categories)
    widths = (segments + 2 * sizes.numbers + hot, *config.hidden, problem.n_outputs)
    parameters: int = sum((a + 1) * b for a, b in pairwise(widths))
    many = sum(size for size in sizes.categories if size > ONE_HOT + 2)
    parameters = config.members * (parameters + EMBEDDING * many)
    cells = rows * (3 * sizes.numbers * FLOAT + len(sizes.categories) * 8 + 8)
    order = config.members * rows * 8
    step = config.members * max(config.batch_size, 2048) * (2 * widths[0] + 4 * sum(widths[1:]))
    return FLOAT * (6 * parameters + step) + cells + order


def shrink(
    rows: int, sizes: Sizes, problem: Problem, config: FitConfig, ceiling: int
) -> tuple[FitConfig, int]:
    """The configuration and rows that fit below ``ceiling`` bytes.

    Batch shrinks first, then members, then rows held at once; returns the smallest when nothing
    fits.
    """
    while memory(rows, sizes, problem, config) > ceiling:
        if config.batch_size > 64:
            config = replace(config, batch_size=config.batch_size // 2)
        elif config.members > 1:
            config = replace(config, members=config.members // 2)
        elif rows > 1000:
            rows = max(1000, int(rows * 0.8))
        else:
            break
    return config, rows

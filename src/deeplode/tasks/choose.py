"""What net fits these data: one table of rules, from rows, columns and task to a FitConfig."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

from deeplode.encode.batch import Sizes
from deeplode.errors import OptionError
from deeplode.evaluate.problem import Problem
from deeplode.fit.config import FitConfig
from deeplode.fit.loop import VALIDATE
from deeplode.nets.codes import EMBEDDING, ONE_HOT
from deeplode.tasks.branches import Rule as MediaRule
from deeplode.tasks.branches import branch_memory, training_rule

FLOAT = 4  # bytes of a float32
MOST_SEGMENTS = 4_096  # stretches between knots, all number columns together
SMALLEST_BATCH = 64
FEWEST_ROWS = 1_000
TOWER = (128, 64)  # hidden layers of numbers and categories beside texts, images or sounds


@dataclass(frozen=True)
class Rule:
    """Choices for tables of up to so many training rows."""

    rows: float
    batch_size: int
    epochs: int
    members: int
    hidden: tuple[int, ...]
    dropout: float


RULES = (  # the first whose ``rows`` is not exceeded counts
    Rule(4_000, batch_size=64, epochs=30, members=8, hidden=(128, 128, 128), dropout=0.15),
    Rule(60_000, batch_size=256, epochs=30, members=4, hidden=(256, 128), dropout=0.1),
    Rule(250_000, batch_size=512, epochs=12, members=4, hidden=(256, 128), dropout=0.1),
    Rule(float("inf"), batch_size=1_024, epochs=6, members=2, hidden=(256, 128), dropout=0.1),
)

# Strong decay lets a high learning rate pass over noise without learning it by heart.
DECAY = {"binary": 1.0, "multiclass": 1.0, "regression": 0.3}  # a step, times its rate
DECAYED = ("adamw", "muon")  # optimizers that are made for it
RATES = {  # highest learning rate of each optimizer
    "sgd": 0.1,
    "momentum": 0.02,
    "nesterov": 0.02,
    "adagrad": 0.02,
    "adadelta": 1.0,
    "rmsprop": 0.002,
    "rmsprop_centered": 0.002,
    "rmsprop_momentum": 0.0005,
    "adam": 0.004,
    "amsgrad": 0.004,
    "adamw": 0.008,
    "nadam": 0.004,
    "adamax": 0.008,
    "muon": 0.004,
}


def choose(
    rows: int, sizes: Sizes, problem: Problem, given: Mapping[str, Any] | None = None
) -> FitConfig:
    """The configuration for so many training rows.

    given: choices of the user by the names of FitConfig, which stand as they are; ``batch_size``
    may be ``full``.
    """
    rule = next(rule for rule in RULES if rows <= rule.rows)
    default = FitConfig()
    knots = max(1, min(default.quantiles, MOST_SEGMENTS // (2 * max(sizes.numbers, 1))))
    optimizer = (given or {}).get("optimizer", default.optimizer)
    wanted: dict[str, Any] = {
        "hidden": rule.hidden,
        "batch_size": rule.batch_size,
        "epochs": rule.epochs,
        "patience": rule.epochs,
        "members": rule.members,
        "dropout": rule.dropout,
        "learning_rate": RATES.get(optimizer, default.learning_rate),
        "weight_decay": DECAY[problem.task] if optimizer in DECAYED else 0.0,
        "quantiles": knots,
        "frequent": knots,
    }
    if sizes.media:
        wanted |= _over_media(training_rule(sizes, rows), optimizer)
    if not problem.classifies or (given or {}).get("focal"):
        wanted.pop("label_smoothing", None)
    wanted |= given or {}
    if wanted["batch_size"] == "full":
        wanted["batch_size"] = rows
    config = replace(default, **wanted)
    for option in ("label_smoothing", "focal"):
        if getattr(config, option) > 0 and not problem.classifies:
            raise OptionError("E-OPT-071", option=option)
    return config


def _over_media(rule: MediaRule, optimizer: str) -> dict[str, Any]:
    """What is otherwise where texts, images or sounds are learned from."""
    chosen = {name: value for name, value in asdict(rule).items() if name != "rows"}
    if optimizer not in DECAYED:  # its rate and decay are those of the table's rules
        for name in ("learning_rate", "weight_decay"):
            del chosen[name]
    return {**chosen, "hidden": TOWER, "patience": rule.epochs}


def memory(rows: int, sizes: Sizes, problem: Problem, config: FitConfig) -> int:
    """Bytes that training such a net takes at its peak, on top of the encoded rows.

    An upper estimate: parameters with gradients, two moments and best copies; the rows as the net
    takes them in, and their order; inputs and activations of a step or of validation.
    """
    segments = sizes.numbers * (config.quantiles + config.frequent + 1)
    few = [slots for slots in sizes.categories if slots <= ONE_HOT + 2]
    many = [slots for slots in sizes.categories if slots > ONE_HOT + 2]
    inputs = segments + 2 * sizes.numbers + sum(few) + EMBEDDING * len(many)
    widths = (inputs, *config.hidden, problem.n_outputs)
    weights = sum((a + 1) * b for a, b in pairwise(widths)) + EMBEDDING * sum(many)
    held = rows * (3 * sizes.numbers + len(sizes.categories) + 2) * FLOAT
    order = rows * config.members * 2 * FLOAT
    batch = min(max(config.batch_size, VALIDATE), rows)
    step = config.members * batch * (3 * inputs + 4 * sum(widths[1:])) * FLOAT
    media = branch_memory(sizes, rows, config.members, config.batch_size) if sizes.media else 0
    return 7 * config.members * weights * FLOAT + held + order + step + media


def shrink(
    rows: int, sizes: Sizes, problem: Problem, config: FitConfig, ceiling: int
) -> tuple[FitConfig, int]:
    """The configuration and the number of training rows that stay below ``ceiling`` bytes.

    Batch shrinks first, as far as that helps, then members, then rows; the smallest of each when
    nothing fits.
    """
    while (need := memory(rows, sizes, problem, config)) > ceiling:
        half = replace(config, batch_size=max(SMALLEST_BATCH, config.batch_size // 2))
        if memory(rows, sizes, problem, half) < need:
            config = half
        elif config.members > 1:
            config = replace(config, members=config.members // 2)
        elif rows > FEWEST_ROWS:
            rows = max(FEWEST_ROWS, rows * 4 // 5)
        else:
            break
    return config, rows

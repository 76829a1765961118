"""The options of the experiments. Those that ``train`` also has are taken from there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from deeplode.errors import OptionError
from deeplode.options import ReadOptions, TrainOptions, option

# What experiments/reference.py has written out; a test holds the two together.
ACTIVATIONS = (
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "identity",
)
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adamw")
MOST_NEURONS = 64  # of a layer: nobody reads more
MOST_LAYERS = 12
MOST_STEPS = 10_000

_TRAIN: Mapping[str, Field[Any]] = {one.name: one for one in fields(TrainOptions)}


def same(name: str, default: Any = MISSING, **changed: Any) -> Any:
    """The option ``name`` of ``train`` with its help and heading; what differs is given."""
    one = _TRAIN[name]
    return field(
        default=one.default if default is MISSING else default,
        metadata={**one.metadata, "shown": "", **changed},
    )


@dataclass(frozen=True)
class TraceOptions(ReadOptions):
    """Everything that ``trace`` can be told.

    Raises OptionError for a value that makes no sense.
    """

    target: str | None = same("target")
    kinds: Mapping[str, str] | None = same("kinds")
    drop: tuple[str, ...] = same("drop")
    id: str | None = same("id")
    timestamp: str | None = same("timestamp")
    group: str | None = same("group")

    split: str | None = same("split", shown=_TRAIN["split"].metadata["shown"])

    out: str | None = same("out", about="Page to write.", form="FILE.html")
    force: bool = same("force", about="Replace the file at --out.")
    seed: int = same("seed")
    step: int = option(1, "Step to show; those before it are made, not shown.", "Run", "N")

    hidden: tuple[int, ...] = same(
        "hidden", (4, 3), about="Widths of the hidden layers, such as 4,3.", shown="4,3"
    )
    activation: str = same("activation", "tanh", among=ACTIVATIONS)
    optimizer: str = same("optimizer", "sgd", among=OPTIMIZERS)
    learning_rate: float = same("learning_rate", 0.1, about="Learning rate.")
    batch_size: int | str = same("batch_size", 8)
    dropout: float = same("dropout", 0.0)
    l1: float = same("l1", 0.0, about="Weight of the sum of absolute weights (proximal).")
    l2: float = same("l2", 0.0, about="Weight decay: decoupled in adamw, else in the gradient.")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, bound in {"seed": 0, "step": 1}.items():
            if getattr(self, name) < bound:
                value = getattr(self, name)
                raise OptionError("E-OPT-004", option=name, value=value, least=bound)
        size = self.batch_size
        _check("batch_size", size, size == "full" or (isinstance(size, int) and size >= 1),
               "1, 2, … or full")  # fmt: skip
        _check("step", self.step, self.step <= MOST_STEPS, f"1 to {MOST_STEPS}")
        narrow = all(isinstance(one, int) and 1 <= one <= MOST_NEURONS for one in self.hidden)
        _check("hidden", self.hidden, narrow and len(self.hidden) <= MOST_LAYERS,
               f"at most {MOST_LAYERS} widths, each 1 to {MOST_NEURONS}")  # fmt: skip
        _check("learning_rate", self.learning_rate, 0 < self.learning_rate < math.inf, "> 0")
        _check("dropout", self.dropout, 0 <= self.dropout < 1, "0 to below 1")
        for name in ("l1", "l2"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) < math.inf, ">= 0")


def _check(name: str, value: object, good: bool, allowed: str) -> None:
    if not good:
        raise OptionError("E-OPT-070", option=name, value=value, allowed=allowed)

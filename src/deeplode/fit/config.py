"""FitConfig: every choice of how a net is trained, with its default, written once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from math import inf
from typing import Any

from deeplode.choices import not_among
from deeplode.errors import OptionError
from deeplode.fit.optimizers import OPTIMIZERS, STYLES, Penalties
from deeplode.fit.schedules import SCHEDULES
from deeplode.nets.activation import ACTIVATIONS

AMONG: dict[str, Collection[str]] = {  # the only values of each choice
    "activation": ACTIVATIONS,
    "optimizer": OPTIMIZERS,
    "optimizer_style": STYLES,
    "schedule": SCHEDULES,
}
COUNTS = ("batch_size", "accumulate", "epochs", "patience", "members")  # whole, 1 or more
WEIGHTS = (
    "learning_rate",
    "l1",
    "l2",
    "weight_decay",
    "clip_norm",
    "max_norm",
    "focal",
    "input_noise",
)
SHARES = ("dropout", "label_smoothing")  # 0 or more, below 1


@dataclass(frozen=True)
class FitConfig:
    """Size and training of a net.

    Raises OptionError for a value that makes no sense.
    """

    hidden: tuple[int, ...] = (256, 128)  # width of each hidden layer
    activation: str = "silu"
    optimizer: str = "adamw"
    optimizer_style: str = "torch"  # whose form of the rules: torch or keras
    learning_rate: float = 8e-3  # highest learning rate of the schedule
    schedule: str = "one_cycle"
    batch_size: int = 256  # rows of a step, for each member
    accumulate: int = 1  # batches whose gradients make up one step
    clip_norm: float = 0.0  # longest gradient of a member; 0 = any
    l1: float = 0.0  # weight of the sum of absolute weights: soft threshold, exact zeros
    l2: float = 0.0  # coupled: l2 / 2 * sum of squared weights in the loss
    weight_decay: float = 1.0  # decoupled: share of a weight that a step takes, times the rate
    max_norm: float = 0.0  # longest vector of weights into a unit; 0 = any
    label_smoothing: float = 0.0  # share of a class label spread over all classes
    focal: float = 0.0  # gamma of the focal loss: rows answered well count less; 0 = all alike
    input_noise: float = 0.0  # Gaussian noise on number columns, in standard deviations
    dropout: float = 0.1  # share of hidden activations set to zero in a step
    epochs: int = 30  # passes over the training rows
    patience: int = 30  # epochs without a better validation loss before training ends
    members: int = 4  # nets trained at once, each with its own validation rows
    quantiles: int = 24  # knots of a number's encoding at quantiles
    frequent: int = 24  # knots of a number's encoding at its most frequent values
    # (step, stride) pairs of a run that its deadline cut short: repeats it without a clock.
    strides: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        for name, choices in AMONG.items():
            if getattr(self, name) not in choices:
                raise not_among(name, getattr(self, name), choices)
        for name in COUNTS:
            value = getattr(self, name)
            _check(name, value, isinstance(value, int) and value >= 1, ">= 1")
        for name in WEIGHTS:
            value = getattr(self, name)
            _check(name, value, _is_number(value) and 0 <= value < inf, ">= 0")
        for name in SHARES:
            value = getattr(self, name)
            _check(name, value, _is_number(value) and 0 <= value < 1, "0 … 1")
        if self.focal and self.label_smoothing:
            raise OptionError("E-OPT-006", one="focal", other="label_smoothing")
        _check("hidden", self.hidden, all(width >= 1 for width in self.hidden), ">= 1")

    @property
    def penalties(self) -> Penalties:
        """What holds the weights small."""
        return Penalties(self.l1, self.l2, self.weight_decay)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> FitConfig:
        """The inverse of ``to_json``; unknown names raise TypeError."""
        given = {name: facts[name] for name in facts}
        given["hidden"] = tuple(given["hidden"])
        given["strides"] = tuple((int(step), float(size)) for step, size in given["strides"])
        return cls(**given)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check(option: str, value: Any, good: bool, allowed: str) -> None:
    if not good:
        raise OptionError("E-OPT-070", option=option, value=value, allowed=allowed)


NAMES = tuple(field.name for field in fields(FitConfig))

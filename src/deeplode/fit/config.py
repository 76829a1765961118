"""FitConfig: every choice of how a net is trained, with its default, written once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from deeplode.errors import OptionError
from deeplode.fit.optimizers import OPTIMIZERS
from deeplode.fit.schedules import SCHEDULES
from deeplode.nets.activation import ACTIVATIONS


@dataclass(frozen=True)
class FitConfig:
    """Size and training of a net.

    Raises OptionError for a value that makes no sense.
    """

    hidden: tuple[int, ...] = (192, 192, 192)  # width of each hidden layer
    activation: str = "silu"
    optimizer: str = "adamw"
    learning_rate: float = 8e-3  # highest learning rate of the schedule
    schedule: str = "one_cycle"
    batch_size: int = 256  # rows of a step, for each member
    l1: float = 0.0  # weight of the sum of absolute weights in the loss
    l2: float = 1.0  # weight decay a step, times the learning rate; decoupled with adamw
    dropout: float = 0.15  # share of hidden activations set to zero in a step
    epochs: int = 20  # passes over the training rows
    patience: int = 20  # epochs without a better validation loss before training ends
    members: int = 4  # nets trained at once, each with its own validation rows
    quantiles: int = 24  # knots of a number's encoding at quantiles
    frequent: int = 24  # knots of a number's encoding at its most frequent values
    # (step, stride) pairs of a run that its deadline cut short: repeats it without a clock.
    strides: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        _check("activation", self.activation, self.activation in ACTIVATIONS, list(ACTIVATIONS))
        _check("optimizer", self.optimizer, self.optimizer in OPTIMIZERS, list(OPTIMIZERS))
        _check("schedule", self.schedule, self.schedule in SCHEDULES, list(SCHEDULES))
        for name in ("batch_size", "epochs", "patience", "members"):
            _check(name, getattr(self, name), getattr(self, name) >= 1, ">= 1")
        for name in ("l1", "l2", "learning_rate"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) < float("inf"), ">= 0")
        _check("dropout", self.dropout, 0 <= self.dropout < 1, "0 … 1")
        _check("hidden", self.hidden, all(width >= 1 for width in self.hidden), ">= 1")

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


def _check(option: str, value: Any, good: bool, allowed: Any) -> None:
    if not good:
        choices = ", ".join(allowed) if isinstance(allowed, list) else allowed
        raise OptionError("E-OPT-070", option=option, value=value, allowed=choices)


NAMES = tuple(field.name for field in fields(FitConfig))

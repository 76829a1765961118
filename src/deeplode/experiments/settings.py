"""The options of the experiments. Those that ``train`` also has are taken from there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deeplode.errors import OptionError
from deeplode.experiments import grid
from deeplode.limited import Limited
from deeplode.optionfield import option
from deeplode.readoptions import ReadOptions
from deeplode.same import TRAIN, same

# What experiments/reference.py has written out; a test holds the two together.
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adamw")
MOST_NEURONS = 64  # of a layer: nobody reads more
MOST_LAYERS = 12
MOST_STEPS = 10_000
MOST_NETS = 5_000  # of a comparison, whatever its limits


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

    split: str | None = same("split", shown=TRAIN["split"].metadata["shown"])

    out: str | None = same("out", about="Page to write.", form="FILE.html")
    force: bool = same("force", about="Replace the file at --out.")
    seed: int = same("seed")
    step: int = option(1, "Step to show; those before it are made, not shown.", "Run", "N")

    hidden: tuple[int, ...] = same(
        "hidden", (4, 3), about="Widths of the hidden layers, such as 4,3.", shown="4,3"
    )
    activation: str = same("activation", "tanh")
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


@dataclass(frozen=True)
class CompareOptions(Limited, ReadOptions):
    """Everything that ``compare`` can be told. None: chosen from the data, as ``train`` does.

    vary: the values of each option that is varied; texts are read as the command line reads them.
    Raises OptionError for a value that makes no sense.
    """

    target: str | None = same("target")
    kinds: Mapping[str, str] | None = same("kinds")
    drop: tuple[str, ...] = same("drop")
    id: str | None = same("id")
    timestamp: str | None = same("timestamp")
    group: str | None = same("group")
    weight: str | None = same("weight")

    test: str | None = same("test", shown="none: a fifth of the rows is set aside, unseen")
    split: str | None = same("split", shown=TRAIN["split"].metadata["shown"])

    time_limit: str | float | None = same("time_limit")
    memory_limit: str | int | None = same("memory_limit")
    threads: int | None = same("threads", shown="all cores allowed")
    device: str = same("device")

    vary: Mapping[str, tuple[Any, ...]] | None = option(
        None,
        "Choices to compare, such as optimizer=sgd,adam or hidden=64,128x64; once for each option.",
        "Run",
        "NAME=A,B,…",
    )
    seeds: int = option(3, "Nets of each combination, each with its own chance.", "Run", "N")
    to_loss: float | None = option(
        None,
        "Validation loss for which steps and seconds are counted.",
        "Run",
        "X",
        shown="the best of the combination in the middle",
    )
    out: str | None = same("out", shown="deeplode-runs/<source>-compare-<number>")
    force: bool = same("force")
    resume: bool = same("resume")
    seed: int = same("seed")

    hidden: tuple[int, ...] | None = same("hidden")
    activation: str | None = same("activation")
    optimizer: str | None = same("optimizer")
    optimizer_style: str | None = same("optimizer_style", shown="torch")
    learning_rate: float | None = same("learning_rate", shown="the optimizer's own")
    schedule: str | None = same("schedule")
    batch_size: int | str | None = same("batch_size")
    accumulate: int | None = same("accumulate", shown="1")
    clip_norm: float | None = same("clip_norm", shown="any")
    epochs: int | None = same("epochs", about="Passes over the training rows.")
    patience: int | None = same("patience", shown="all epochs")
    dropout: float | None = same("dropout")
    l1: float | None = same("l1", shown="0")
    l2: float | None = same("l2", shown="0")
    weight_decay: float | None = same("weight_decay")
    max_norm: float | None = same("max_norm", shown="any")
    label_smoothing: float | None = same("label_smoothing", shown="0")
    focal: float | None = same("focal", shown="0")
    input_noise: float | None = same("input_noise", shown="0")

    def __post_init__(self) -> None:
        super().__post_init__()
        least = dict.fromkeys(("seeds", "threads", "epochs", "patience", "accumulate"), 1)
        for name, bound in {**least, "seed": 0}.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise OptionError("E-OPT-004", option=name, value=value, least=bound)
        if self.to_loss is not None:
            _check("to_loss", self.to_loss, 0 < self.to_loss < math.inf, "> 0")
        _ = self.seconds, self.memory_bytes  # say at once when they cannot be read
        if self.resume and self.force:
            raise OptionError("E-OPT-006", one="resume", other="force")
        for name in self.varied:
            if getattr(self, name) is not None:
                raise OptionError("E-OPT-006", one=name, other=f"vary {name}")
        nets = grid.count(self.varied) * self.seeds
        if nets > MOST_NETS:
            raise OptionError("E-OPT-123", nets=nets, most=MOST_NETS)

    @property
    def varied(self) -> dict[str, tuple[Any, ...]]:
        """The values of each option that is varied, in its own type."""
        return grid.checked(self.vary or {})

    def as_json(self) -> dict[str, Any]:
        """All options as plain JSON values, to be recorded with a run."""
        plain = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items()
        }
        varied = {name: [list(one) if isinstance(one, tuple) else one for one in values]
                  for name, values in self.varied.items()}  # fmt: skip
        return {**plain, "vary": varied}

    def net(self) -> dict[str, Any]:
        """The network choices that hold for all combinations."""
        found = {name: getattr(self, name) for name in grid.VARIABLE}
        return {name: value for name, value in found.items() if value is not None}


def _check(name: str, value: object, good: bool, allowed: str) -> None:
    if not good:
        raise OptionError("E-OPT-070", option=name, value=value, allowed=allowed)

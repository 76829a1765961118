"""Every option of the verbs: its name, its default and its help, written once.

A field of ``TrainOptions`` is a flag of the command line (``--time-limit``), a key of the TOML
file that ``--config`` reads (``time_limit``) and a keyword in Python (``time_limit=``). The
command line makes its flags and their help from these fields; ``verbs.train`` takes the object.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from deeplode.errors import OptionError

Value = TypeVar("Value")

ACTIVATIONS = (
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "tanh",
    "sigmoid",
)
OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam", "adamw")
SCHEDULES = ("constant", "step", "cosine", "one_cycle")

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}


def option(
    default: Value, about: str, group: str, among: Iterable[str] = (), shown: str = ""
) -> Value:
    """A field with what the command line must know of it.

    about: one sentence for ``--help``. group: heading that it stands under. among: the only values
    allowed, where they are few. shown: what help prints as the default when None means "found
    from the data".
    """
    metadata = {"about": about, "group": group, "among": tuple(among), "shown": shown}
    made: Value = field(default=default, metadata=metadata)
    return made


@dataclass(frozen=True)
class ReadOptions:
    """How to read a source; None means that it is found from the data, shown and recorded."""

    encoding: str | None = option(
        None, "Text encoding, such as utf-8, gb18030, big5, shift_jis, latin-1.", "Reading"
    )
    delimiter: str | None = option(None, "What stands between cells: , ; | or tab.", "Reading")
    decimal: str | None = option(None, "Decimal mark of numbers.", "Reading", (".", ","))
    thousands: str | None = option(
        None, "Mark between thousands of numbers, such as , or . or a space.", "Reading"
    )
    sheet: str | None = option(
        None, "Sheet of an Excel file: its name or its number from 1.", "Reading"
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            value, among = getattr(self, one.name), one.metadata["among"]
            if among and value is not None and value not in among:
                raise OptionError(
                    "E-OPT-002", option=one.name, value=value, allowed=", ".join(among)
                )

    def reading(self) -> dict[str, Any]:
        """Keywords for ``read``: those that were set."""
        return _set(self, "Reading")


@dataclass(frozen=True)
class TrainOptions(ReadOptions):
    """Everything that ``train`` can be told. None: chosen from the data, shown and recorded.

    Raises OptionError for a value that makes no sense.
    """

    target: str | None = option(None, "Column to learn.", "Columns")
    kinds: Mapping[str, str] | None = option(
        None,
        "What columns hold, where the guess is wrong: COL=KIND,… with KIND one of number, "
        "category, boolean, datetime, id.",
        "Columns",
    )
    drop: tuple[str, ...] = option((), "Columns to leave out: COL,…", "Columns")
    id: str | None = option(None, "Column that names the rows in every output.", "Columns")
    timestamp: str | None = option(None, "Column that says when a row was seen.", "Columns")
    group: str | None = option(
        None, "Column whose equal values stay on one side of the split.", "Columns"
    )
    weight: str | None = option(None, "Column that says how much a row counts.", "Columns")

    test: str | None = option(None, "Labelled test rows; else a fifth is held out.", "Split")
    split: str | None = option(
        None,
        "How rows are held out.",
        "Split",
        ("random", "time", "group"),
        "group with --group, time with --timestamp, else random",
    )

    time_limit: str | float | None = option(
        None, "Time for everything, such as 90s, 5m, 1h (bare numbers are seconds).", "Limits"
    )
    memory_limit: str | int | None = option(
        None, "Peak memory allowed, such as 4GB (bare numbers are bytes).", "Limits"
    )
    threads: int | None = option(
        None, "Threads to compute with.", "Limits", shown="all cores this process may use"
    )
    device: str = option("auto", "Where nets are trained.", "Limits", ("auto", "cpu", "cuda"))

    seed: int = option(0, "Where randomness starts: same seed, same bits.", "Run")
    out: str | None = option(
        None, "Run folder.", "Run", shown="deeplode-runs/<source>-train-<number>"
    )
    force: bool = option(False, "Replace what stands at --out.", "Run")
    resume: bool = option(False, "Go on with the interrupted run at --out.", "Run")
    replay: str | None = option(
        None, "Repeat this run folder's options and its recorded steps, whatever the clock.", "Run"
    )

    blend: bool = option(True, "Blend the net with the trees; without, a pure net.", "Network")
    members: int | None = option(None, "Nets trained at once and averaged.", "Network")
    hidden: tuple[int, ...] | None = option(
        None, "Widths of the hidden layers, such as 256,256,256.", "Network"
    )
    activation: str | None = option(None, "Function between layers.", "Network", ACTIVATIONS)
    optimizer: str | None = option(None, "How steps are taken.", "Network", OPTIMIZERS)
    learning_rate: float | None = option(None, "Highest step size.", "Network")
    schedule: str | None = option(
        None, "How the step size changes over the epochs.", "Network", SCHEDULES
    )
    batch_size: int | str | None = option(
        None, "Rows a step: a number, 1 (stochastic) or full.", "Network"
    )
    epochs: int | None = option(None, "Passes over the training rows at most.", "Network")
    patience: int | None = option(
        None, "Epochs without a better validation loss before the end.", "Network"
    )
    dropout: float | None = option(None, "Share of hidden units left out a step.", "Network")
    l1: float | None = option(None, "Weight of the sum of absolute weights.", "Network")
    l2: float | None = option(None, "Weight of the sum of squared weights.", "Network")

    def __post_init__(self) -> None:
        super().__post_init__()
        least = {"seed": 0, "threads": 1, "members": 1, "epochs": 1, "patience": 1}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < bound):
                raise OptionError("E-OPT-004", option=name, value=value, least=bound)
        _ = self.seconds, self.memory_bytes  # say at once when they cannot be read
        if self.resume and self.force:
            raise OptionError("E-OPT-006", one="resume", other="force")

    @property
    def seconds(self) -> float | None:
        """``time_limit`` in seconds; None without a limit."""
        return None if self.time_limit is None else duration(self.time_limit)

    @property
    def memory_bytes(self) -> int | None:
        """``memory_limit`` in bytes; None without a limit."""
        return None if self.memory_limit is None else size(self.memory_limit)

    def net(self) -> dict[str, Any]:
        """The network choices that were set, by name; those not set follow from the data."""
        chosen = _set(self, "Network")
        chosen.pop("blend")
        return chosen

    def with_values(self, values: Mapping[str, Any]) -> TrainOptions:
        """The same options with some replaced, by name.

        Raises OptionError naming the nearest option for a name that is none.
        """
        names = [one.name for one in fields(self)]
        for name in values:
            if name not in names:
                near = get_close_matches(name.replace("-", "_"), names, 1) or names
                raise OptionError("E-OPT-001", option=name, near=", ".join(near))
        return replace(self, **{name: _plain(value) for name, value in values.items()})

    @classmethod
    def from_toml(cls, path: str | Path) -> TrainOptions:
        """The options in a TOML file of keys and values; ``kinds`` is a table in it."""
        try:
            values = tomllib.loads(Path(path).read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise OptionError("E-OPT-007", path=str(path), why=str(error)) from error
        return cls().with_values(values)

    def as_json(self) -> dict[str, Any]:
        """All options as plain JSON values, to be recorded with a run."""
        return {
            one.name: list(value) if isinstance(value, tuple) else value
            for one in fields(self)
            for value in (getattr(self, one.name),)
        }


def duration(text: str | float) -> float:
    """Seconds of ``90s``, ``5m``, ``1h``, ``1h30m`` or a bare number of seconds.

    Raises OptionError when it is not a positive time.
    """
    if isinstance(text, str):
        parts = re.findall(r"([\d.]+)\s*(ms|min|[smhd]?)\s*", text.strip().lower())
        whole = "".join(number + unit for number, unit in parts)
        try:
            if whole != re.sub(r"\s+", "", text.lower()):
                raise ValueError
            seconds = sum(float(number) * _SECONDS[unit or "s"] for number, unit in parts)
        except ValueError:
            raise OptionError(
                "E-OPT-005", option="time_limit", value=text, like="90s, 5m, 1h"
            ) from None
    else:
        seconds = float(text)
    if not 0 < seconds < math.inf:
        raise OptionError("E-OPT-005", option="time_limit", value=text, like="90s, 5m, 1h")
    return seconds


def size(text: str | int) -> int:
    """Bytes of ``4GB``, ``512MB``, ``2GiB`` (``4G`` is ``4GB``) or a bare number of bytes.

    Raises OptionError when it is not a positive size.
    """
    if isinstance(text, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?B?)\s*", text.upper())
        unit = (match[2] if match and match[2] else "B").removesuffix("B") + "B"
        if not match or unit not in _BYTES:
            raise OptionError("E-OPT-005", option="memory_limit", value=text, like="512MB, 4GB")
        text = int(float(match[1]) * _BYTES[unit])
    if text <= 0:
        raise OptionError("E-OPT-005", option="memory_limit", value=text, like="512MB, 4GB")
    return text


def _set(options: ReadOptions, group: str) -> dict[str, Any]:
    """The options of one group that are not None."""
    return {
        one.name: value
        for one in fields(options)
        if one.metadata["group"] == group and (value := getattr(options, one.name)) is not None
    }


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

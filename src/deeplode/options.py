"""Every option of the verbs: its name, its default and its help, written once.

A field of ``TrainOptions`` is a flag of the command line (``--time-limit``), a key of the TOML
file that ``--config`` reads (``time_limit``) and a keyword in Python (``time_limit=``). The
command line makes its flags and their help from these fields; ``verbs.train`` takes the object.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from deeplode.choices import (
    ACTIVATIONS,
    OPTIMIZERS,
    SCHEDULES,
    STYLES,
    TYPES,
    not_among,
)
from deeplode.errors import OptionError
from deeplode.optionfield import option
from deeplode.quantity import duration, share, size

FORMATS = ("csv", "json", "jsonl", "parquet", "arrow", "xlsx")
APART = (("resume", "force"), ("resume", "replay"), ("split_column", "test"))  # options
GROUPS = ("Columns", "Split", "Limits", "Run", "Network", "Reading")  # headings of help, in order


@dataclass(frozen=True)
class ReadOptions:
    """How to read a source; None means that it is found from the data, shown and recorded.

    Raises OptionError for a value that makes no sense.
    """

    format: str | None = option(
        None, "Format, where the name does not tell it.", "Reading", among=FORMATS
    )
    encoding: str | None = option(
        None, "Text encoding: utf-8, gb18030, big5, shift-jis, latin-1 …", "Reading", "NAME"
    )
    delimiter: str | None = option(None, "What stands between cells: , ; | or tab.", "Reading", "C")
    quote: str | None = option(None, "What stands around cells: one sign, or none.", "Reading", "C")
    decimal: str | None = option(None, "Decimal sign: . or , (comma).", "Reading", "C")
    thousands: str | None = option(
        None, "Sign between thousands: one sign, or none.", "Reading", "C"
    )
    header: bool = option(True, "The first line is a row, not the names of the columns.", "Reading")
    sheet: str | None = option(
        None, "Sheet of an Excel file.", "Reading", "NAME", shown="the first"
    )
    every: int = option(1, "Read every N-th row only.", "Reading", "N")

    def __post_init__(self) -> None:
        for one in fields(self):
            value, among = getattr(self, one.name), one.metadata["among"]
            types = str(one.type).split(" | ")
            fits = isinstance(value, tuple(TYPES[name] for name in types))
            if not fits or (isinstance(value, bool) and "bool" not in types):
                raise OptionError("E-OPT-008", option=one.name, value=value, form=types[0])
            if among and value is not None and value not in among:
                raise not_among(one.name, value, among)
        if self.every < 1:
            raise OptionError("E-OPT-004", option="every", value=self.every, least=1)

    def with_values(self, values: Mapping[str, Any]) -> Self:
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
    def from_toml(cls, path: str | Path) -> Self:
        """The options in a TOML file of keys and values; ``kinds`` and ``vary`` are tables in it.

        Raises OptionError for a file that cannot be read, and for a key that is no option.
        """
        try:
            values = tomllib.loads(Path(path).read_text("utf-8"))
        except (OSError, ValueError) as error:  # absent, not UTF-8, not TOML
            why = getattr(error, "strerror", None) or str(error)
            raise OptionError("E-OPT-007", path=str(path), why=why) from error
        return cls().with_values(values)


@dataclass(frozen=True)
class TrainOptions(ReadOptions):
    """Everything that ``train`` can be told. None: chosen from the data, shown and recorded.

    Raises OptionError for a value that makes no sense.
    """

    target: str | None = option(None, "Column to learn.", "Columns", "COL")
    kinds: Mapping[str, str] | None = option(
        None,
        "What columns hold, where the guess is wrong: number, category, boolean, datetime or id.",
        "Columns",
        "COL=KIND,…",
    )
    drop: tuple[str, ...] = option((), "Columns to leave out.", "Columns", "COL,…")
    id: str | None = option(None, "Column that names the rows in every output.", "Columns", "COL")
    timestamp: str | None = option(None, "Column that says when a row was.", "Columns", "COL")
    group: str | None = option(
        None, "Column whose equal values stay on one side of the split.", "Columns", "COL"
    )
    weight: str | None = option(None, "Column of how much each row counts.", "Columns", "COL")
    max_bad: str | float = option(
        "5%", "Share of a column's images or sounds that may be unreadable.", "Columns", "SHARE"
    )
    text_encoder: str | None = option(
        None, "Folder with a pretrained encoder that texts go through, too.", "Columns", "DIR"
    )
    image_encoder: str | None = option(
        None, "Folder with a pretrained encoder that images go through, too.", "Columns", "DIR"
    )

    test: str | None = option(
        None, "Labelled rows to test on.", "Split", "FILE", shown="a fifth of the rows"
    )
    split: str | None = option(
        None,
        "How test and validation rows are chosen.",
        "Split",
        among=("random", "time", "group"),
        shown="by --group or --timestamp if given, else random",
    )
    split_column: str | None = option(
        None, "Column that says of each row: train, valid or test.", "Split", "COL"
    )

    time_limit: str | float | None = option(
        None, "Time for everything, start and saving too: 90s, 5m, 1h.", "Limits", "TIME"
    )
    memory_limit: str | int | None = option(
        None, "Most memory the program may hold: 512MB, 4GB.", "Limits", "SIZE"
    )
    threads: int | None = option(
        None, "Threads to compute with.", "Limits", "N", shown="all cores allowed"
    )
    device: str = option(
        "auto", "Where the net is trained.", "Limits", among=("auto", "cpu", "cuda")
    )

    out: str | None = option(
        None, "Run folder.", "Run", "DIR", shown="deeplode-runs/<source>-train-<number>"
    )
    force: bool = option(False, "Write into --out even if it holds a run.", "Run")
    resume: bool = option(False, "Go on with the run at --out that was cut off.", "Run")
    replay: str | None = option(
        None, "Repeat that run, cut short by its time limit or not, step by step.", "Run", "RUN"
    )
    seed: int = option(0, "Where chance begins: same seed, same bits.", "Run", "N")

    blend: bool = option(True, "The model is a pure net, without the trees.", "Network")
    members: int | None = option(None, "Nets trained at once and averaged.", "Network", "N")
    hidden: tuple[int, ...] | None = option(
        None, "Widths of the hidden layers, such as 256,256,256.", "Network", "N,…"
    )
    activation: str | None = option(
        None, "Function after each hidden layer.", "Network", "NAME", among=ACTIVATIONS
    )
    optimizer: str | None = option(None, "Rule for the steps.", "Network", "NAME", among=OPTIMIZERS)
    optimizer_style: str | None = option(
        None,
        "Whose form of the rule, where PyTorch and Keras differ.",
        "Network",
        among=STYLES,
        shown="torch",
    )
    learning_rate: float | None = option(None, "Largest learning rate.", "Network", "X")
    schedule: str | None = option(
        None, "How the learning rate changes.", "Network", "NAME", among=SCHEDULES
    )
    batch_size: int | str | None = option(
        None, "Rows a step: a number, 1 (stochastic) or full.", "Network", "N|full"
    )
    accumulate: int | None = option(
        None, "Batches whose gradients make up one step.", "Network", "N", shown="1"
    )
    clip_norm: float | None = option(
        None, "Longest gradient of a net; longer ones are shortened.", "Network", "X", shown="any"
    )
    epochs: int | None = option(None, "Most passes over the training rows.", "Network", "N")
    patience: int | None = option(
        None, "Epochs without a better validation loss until the end.", "Network", "N"
    )
    dropout: float | None = option(
        None, "Share of hidden units left out in a step.", "Network", "X"
    )
    l1: float | None = option(
        None, "Penalty on absolute weights; small ones become exactly 0.", "Network", "X", shown="0"
    )
    l2: float | None = option(
        None,
        "Coupled penalty: X times each weight is added to its gradient.",
        "Network",
        "X",
        shown="0",
    )
    weight_decay: float | None = option(
        None,
        "Decoupled decay: each step takes the share X times learning rate of a weight away.",
        "Network",
        "X",
    )
    max_norm: float | None = option(
        None, "Longest vector of weights into a unit.", "Network", "X", shown="any"
    )
    label_smoothing: float | None = option(
        None, "Share of a class label spread over all classes.", "Network", "X", shown="0"
    )
    focal: float | None = option(
        None, "Gamma of the focal loss: rows answered well count less.", "Network", "X", shown="0"
    )
    input_noise: float | None = option(
        None, "Noise on numbers in training, in standard deviations.", "Network", "X", shown="0"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        least = dict.fromkeys(("threads", "members", "epochs", "patience", "accumulate"), 1)
        for name, bound in {**least, "seed": 0}.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise OptionError("E-OPT-004", option=name, value=value, least=bound)
        _ = self.seconds, self.memory_bytes, self.most_bad  # say at once when they cannot be read
        for one, other in APART:
            if getattr(self, one) and getattr(self, other):
                raise OptionError("E-OPT-006", one=one, other=other)

    @property
    def seconds(self) -> float | None:
        """``time_limit`` in seconds; None without a limit."""
        return None if self.time_limit is None else duration(self.time_limit)

    @property
    def memory_bytes(self) -> int | None:
        """``memory_limit`` in bytes; None without a limit."""
        return None if self.memory_limit is None else size(self.memory_limit)

    @property
    def most_bad(self) -> float:
        """``max_bad`` as a number between 0 and 1."""
        return share("max_bad", self.max_bad)

    def net(self) -> dict[str, Any]:
        """The network choices that were set, by name; those not set follow from the data."""
        chosen = _set(self, "Network")
        chosen.pop("blend")
        return chosen

    def as_json(self) -> dict[str, Any]:
        """All options as plain JSON values, to be recorded with a run."""
        return {
            one.name: list(value) if isinstance(value, tuple) else value
            for one in fields(self)
            for value in (getattr(self, one.name),)
        }


def _set(options: ReadOptions, group: str) -> dict[str, Any]:
    """The options of one group that are not None."""
    return {
        one.name: value
        for one in fields(options)
        if one.metadata["group"] == group and (value := getattr(options, one.name)) is not None
    }


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

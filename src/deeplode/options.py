"""Every option of ``train``: its name, its default and its help, written once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from deeplode.choices import ACTIVATIONS, OPTIMIZERS, SCHEDULES, STYLES
from deeplode.errors import OptionError
from deeplode.limited import Limited
from deeplode.optionfield import option
from deeplode.quantity import costs, moments, share
from deeplode.readoptions import ReadOptions

APART = (  # options that exclude each other
    ("resume", "force"),
    ("resume", "replay"),
    ("split_column", "test"),
    ("cost", "capacity"),
    ("horizon", "window"),
    ("horizon", "test"),
    ("horizon", "split_column"),
    ("horizon", "weight"),
    ("horizon", "id"),
    ("features", "test"),
    ("edges", "window"),
    ("edges", "horizon"),
)


@dataclass(frozen=True)
class TrainOptions(Limited, ReadOptions):
    """Everything that ``train`` can be told. None: chosen from the data, shown and recorded.

    Raises OptionError for a value that makes no sense.
    """

    target: str | None = option(
        None, "Column to learn; with --horizon also several.", "Columns", "COL"
    )
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
    window: int | str | None = option(
        None, "Moments of its series that an answer looks back on; all: one answer a series.",
        "Columns", "N|all", shown="by the data if --timestamp and --group are given, else 1",
    )  # fmt: skip
    horizon: int | None = option(
        None, "Moments ahead that the target is forecast.", "Columns", "N", shown="no forecast"
    )
    edges: str | None = option(
        None, "Links between the rows: columns source, target and, if they differ, weight.",
        "Columns", "FILE",
    )  # fmt: skip
    weight: str | None = option(None, "Column of how much each row counts.", "Columns", "COL")
    max_bad: str | float = option(
        "5%",
        "Share of a column's images or sounds that may be unreadable, of links that name no node.",
        "Columns",
        "SHARE",
    )
    text_encoder: str | None = option(
        None, "Folder with a pretrained encoder that texts go through, too.", "Columns", "DIR"
    )
    image_encoder: str | None = option(
        None, "Folder with a pretrained encoder that images go through, too.", "Columns", "DIR"
    )
    fine_tune: bool = option(
        False, "The net trains these pretrained encoders further and keeps them.", "Columns"
    )

    cost: str | None = option(
        None, "Cost of a missed positive and of a false alarm: fn=100,fp=1.", "Decision", "COSTS"
    )
    capacity: str | float | None = option(
        None, "Share of the rows that somebody can look at: 1%.", "Decision", "SHARE"
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
        least = dict.fromkeys(
            ("threads", "members", "epochs", "patience", "accumulate", "horizon"), 1
        )
        for name, bound in {**least, "seed": 0}.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise OptionError("E-OPT-004", option=name, value=value, least=bound)
        _ = self.seconds, self.memory_bytes  # say at once when they cannot be read
        _ = self.most_bad, self.costs, self.most_called, self.looks_back
        for one, other in APART:
            if getattr(self, one) and getattr(self, other):
                raise OptionError("E-OPT-006", one=one, other=other)
        if self.horizon is not None and self.timestamp is None:
            raise OptionError("E-OPT-170", option="horizon")
        if self.horizon is not None and self.split not in (None, "time"):
            raise OptionError("E-OPT-006", one="horizon", other="split")

    @property
    def most_bad(self) -> float:
        """``max_bad`` as a number between 0 and 1."""
        return share("max_bad", self.max_bad)

    @property
    def looks_back(self) -> int | str | None:
        """``window`` as a number, or ``all``."""
        return None if self.window is None else moments(self.window)

    @property
    def costs(self) -> tuple[float, float] | None:
        """``cost`` as two numbers, of a missed positive and of a false alarm."""
        return None if self.cost is None else costs(self.cost)

    @property
    def most_called(self) -> float | None:
        """``capacity`` as a number between 0 and 1."""
        return None if self.capacity is None else share("capacity", self.capacity)

    def net(self) -> dict[str, Any]:
        """The network choices that were set, by name; those not set follow from the data."""
        chosen = _set(self, "Network")
        chosen.pop("blend")
        return chosen


def _set(options: ReadOptions, group: str) -> dict[str, Any]:
    """The options of one group that are not None."""
    return {
        one.name: value
        for one in fields(options)
        if one.metadata["group"] == group and (value := getattr(options, one.name)) is not None
    }

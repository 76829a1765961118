"""The options of ``detect``. Those that ``train`` also has are taken from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deeplode.errors import OptionError
from deeplode.limited import Limited
from deeplode.optionfield import option
from deeplode.quantity import share
from deeplode.readoptions import ReadOptions
from deeplode.recommendoptions import MOST, RecommendOptions
from deeplode.same import same

AUTO = "auto"
APART = (  # options that exclude each other
    ("resume", "force"),
    ("clean", "capacity"),
    ("clean", "clean_rows"),
    ("clean", "clean_until"),
    ("clean_rows", "clean_until"),
    ("timestamp", "target"),
)
MOST_ANOMALIES = 0.5  # with more, what is odd would be the rule


@dataclass(frozen=True)
class RowOptions(ReadOptions):
    """How the rows that a model is asked about are read."""

    edges: str | None = same("edges")
    max_bad: str | float = same("max_bad")

    @property
    def most_bad(self) -> float:
        """``max_bad`` as a number between 0 and 1."""
        return share("max_bad", self.max_bad)


@dataclass(frozen=True)
class PredictOptions(RowOptions):
    """Everything that ``predict`` can be told."""

    items: str | None = option(
        None, "New items to recommend, too: a table with the columns items are known by.",
        "Recommendations", "FILE",
    )  # fmt: skip
    top: int | None = same("top", None, RecommendOptions, shown="as in training")
    only: str | None = same("only", of=RecommendOptions)
    exclude: str | None = same("exclude", of=RecommendOptions)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.top is not None and self.top < 1:
            raise OptionError("E-OPT-004", option="top", value=self.top, least=1)
        if self.top is not None and self.top > MOST:
            raise OptionError("E-OPT-240", top=self.top, most=MOST)


@dataclass(frozen=True)
class EvaluateOptions(RowOptions):
    """Everything that ``evaluate`` can be told."""

    target: str | None = same(
        "target", about="Column with the truth, for a model of detect: 1, yes or the rarer value."
    )


@dataclass(frozen=True)
class DetectOptions(Limited, ReadOptions):
    """Everything that ``detect`` can be told. None: chosen from the data, shown and recorded.

    Raises OptionError for a value that makes no sense.
    """

    target: str | None = same(
        "target", about="Column that marks a few known anomalies; all other rows are unlabelled."
    )
    kinds: Mapping[str, str] | None = same("kinds")
    drop: tuple[str, ...] = same("drop")
    id: str | None = same("id")
    max_bad: str | float = same("max_bad")

    timestamp: str | None = same(
        "timestamp", about="Column that says when a row was: rows are moments of series."
    )
    group: str | None = same("group", about="Column that names the series, such as a machine.")
    window: int | None = option(
        None, "Moments that an answer looks back on.", "Series", "N", shown="30, less where short"
    )
    clean_rows: int | None = option(
        None, "The first N moments of each series are known to be normal.", "Series", "N"
    )
    clean_until: str | None = option(
        None, "Moments before this time are known to be normal.", "Series", "TIME"
    )

    clean: bool = option(
        False, "The rows are known to be normal; none of them is an anomaly.", "Anomalies"
    )
    contamination: str | float = option(
        AUTO, "Share of the rows that are anomalies: 2%, 0.02, or auto.", "Anomalies", "SHARE"
    )
    capacity: int | None = option(
        None, "How many rows somebody can look at: the oddest are called.", "Anomalies", "N"
    )

    time_limit: str | float | None = same("time_limit")
    memory_limit: str | int | None = same("memory_limit")
    threads: int | None = same("threads", shown="all cores allowed")

    out: str | None = same("out", shown="deeplode-runs/<source>-detect-<number>")
    force: bool = same("force")
    resume: bool = same("resume")
    seed: int = same("seed")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, bound in {
            "threads": 1,
            "capacity": 1,
            "seed": 0,
            "window": 2,
            "clean_rows": 2,
        }.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise OptionError("E-OPT-004", option=name, value=value, least=bound)
        _ = self.seconds, self.memory_bytes, self.most_bad, self.known_share
        if self.timestamp is None:
            for name in ("group", "window", "clean_rows", "clean_until"):
                if getattr(self, name) is not None:
                    raise OptionError("E-OPT-170", option=name.replace("_", "-"))
        for one, other in APART:
            if getattr(self, one) and getattr(self, other):
                raise OptionError("E-OPT-006", one=one, other=other)
        if self.clean and self.target is not None:
            raise OptionError("E-OPT-165", target=self.target)
        for one in ("clean", "clean_rows", "clean_until", "capacity"):
            if getattr(self, one) and self.known_share is not None:
                raise OptionError("E-OPT-006", one=one, other="contamination")

    @property
    def most_bad(self) -> float:
        """``max_bad`` as a number between 0 and 1."""
        return share("max_bad", self.max_bad)

    @property
    def known_share(self) -> float | None:
        """``contamination`` as a number between 0 and 0.5; None where it is to be estimated."""
        if self.contamination == AUTO:
            return None
        found = share("contamination", self.contamination)
        if not 0 < found <= MOST_ANOMALIES:
            raise OptionError(
                "E-OPT-005", option="contamination", value=self.contamination, like="auto, 2%, 0.02"
            )
        return found

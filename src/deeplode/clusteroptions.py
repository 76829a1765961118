"""The options of ``cluster``. Those that other verbs have are taken from ``train``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deeplode.errors import OptionError
from deeplode.limited import Limited
from deeplode.optionfield import option
from deeplode.quantity import share
from deeplode.readoptions import ReadOptions
from deeplode.same import same

AUTO = "auto"
LIKE = "auto, 2, 8"
MOST = 1_000  # groups that can be asked for


@dataclass(frozen=True)
class ClusterOptions(Limited, ReadOptions):
    """Everything that ``cluster`` can be told. None: chosen from the data, shown and recorded.

    Raises OptionError for a value that makes no sense.
    """

    clusters: str | int = option(
        AUTO, "How many groups to form: a number, or auto to find out.", "Groups", "N"
    )
    target: str | None = same(
        "target", about="Column with groups known before: it forms none, but scores the answer."
    )
    kinds: Mapping[str, str] | None = same("kinds")
    drop: tuple[str, ...] = same("drop")
    id: str | None = same("id")
    edges: str | None = same("edges")
    timestamp: str | None = same(
        "timestamp",
        about="Column that says when a row was: the latest month against the one before.",
    )
    max_bad: str | float = same("max_bad")

    time_limit: str | float | None = same("time_limit")
    memory_limit: str | int | None = same("memory_limit")
    threads: int | None = same("threads", shown="all cores allowed")

    out: str | None = same("out", shown="deeplode-runs/<source>-cluster-<number>")
    force: bool = same("force")
    resume: bool = same("resume")
    seed: int = same("seed")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, bound in {"threads": 1, "seed": 0}.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise OptionError("E-OPT-004", option=name, value=value, least=bound)
        _ = self.seconds, self.memory_bytes, self.most_bad, self.wanted
        for one, other in (("resume", "force"), ("edges", "timestamp")):
            if getattr(self, one) and getattr(self, other):
                raise OptionError("E-OPT-006", one=one, other=other)

    @property
    def most_bad(self) -> float:
        """``max_bad`` as a number between 0 and 1."""
        return share("max_bad", self.max_bad)

    @property
    def wanted(self) -> int | None:
        """``clusters`` as a number; None where it is to be found out."""
        if self.clusters == AUTO:
            return None
        try:
            found = int(self.clusters)
        except (TypeError, ValueError):
            found = 0
        if not 1 <= found <= MOST or str(found) != str(self.clusters).strip():
            raise OptionError("E-OPT-005", option="clusters", value=self.clusters, like=LIKE)
        return found

"""The options of ``recommend``. Those that other verbs have are taken from ``train``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deeplode.errors import OptionError
from deeplode.limited import Limited
from deeplode.optionfield import option
from deeplode.quantity import share
from deeplode.readoptions import ReadOptions
from deeplode.same import same

SPLITS = ("time", "last", "random")
DUPLICATES = ("last", "sum", "keep")
PROTOCOLS = ("recbole",)
MOST = 1_000  # items that a user can be recommended
PUBLISHED_RATING, PUBLISHED_COUNT = 3.0, 10  # of --protocol recbole
APART = (  # options that exclude each other
    ("resume", "force"),
    ("protocol", "split_column"),
    ("split", "split_column"),
    ("protocol", "refit"),
)


@dataclass(frozen=True)
class RecommendOptions(Limited, ReadOptions):
    """Everything that ``recommend`` can be told. None: chosen from the data, shown and recorded.

    Raises OptionError for a value that makes no sense.
    """

    user: str | None = option(None, "Column that says who.", "Columns", "COL")
    item: str | None = option(None, "Column that says what.", "Columns", "COL")
    rating: str | None = option(
        None, "Column of how much the user liked it, or of how much was bought.", "Columns", "COL"
    )
    timestamp: str | None = same("timestamp", about="Column that says when.")
    items: str | None = option(
        None, "What is known of items: a table with the item column.", "Columns", "FILE"
    )
    users: str | None = option(
        None, "What is known of users: a table with the user column.", "Columns", "FILE"
    )
    kinds: Mapping[str, str] | None = same("kinds")
    drop: tuple[str, ...] = same("drop", about="Columns of items and users to leave out.")
    max_bad: str | float = same(
        "max_bad", about="Share of the rows that may lack a user, an item or a rating."
    )

    min_rating: float | None = option(
        None, "Least rating of what a user liked.", "Recommendations", "X",
        shown="the middle of the scale",
    )  # fmt: skip
    min_count: int = option(
        1, "Leave out users and items with fewer interactions.", "Recommendations", "N"
    )
    duplicates: str = option(
        "last", "What becomes of a user's repeated interactions with an item: the last one, "
        "one with the sum of ratings, or all.", "Recommendations", among=DUPLICATES,
    )  # fmt: skip
    top: int = option(10, "Items recommended to each user.", "Recommendations", "K")
    only: str | None = option(
        None, "Recommend these alone: a table with the item column.", "Recommendations", "FILE"
    )
    exclude: str | None = option(
        None, "Never recommend these: a table with the item column, of single users if it has "
        "the user column, too.", "Recommendations", "FILE",
    )  # fmt: skip
    in_stock: str | None = option(
        None, "Column of --items that says what can be recommended now.", "Recommendations", "COL"
    )
    refit: bool = option(
        False, "Once scored, learn again from all interactions, those of the test too.",
        "Recommendations",
    )  # fmt: skip

    split: str | None = same("split", among=SPLITS, shown="time with --timestamp, else random")
    split_column: str | None = same("split_column")
    protocol: str | None = option(
        None, "Split and scores as published tables have them: ratings from 3, 10 interactions "
        "each, random 8:1:1.", "Split", "NAME", among=PROTOCOLS,
    )  # fmt: skip

    time_limit: str | float | None = same("time_limit")
    memory_limit: str | int | None = same("memory_limit")
    threads: int | None = same("threads", shown="all cores allowed")

    out: str | None = same("out", shown="deeplode-runs/<source>-recommend-<number>")
    force: bool = same("force")
    resume: bool = same("resume")
    seed: int = same("seed")

    def __post_init__(self) -> None:
        super().__post_init__()
        least = {"threads": 1, "seed": 0, "top": 1, "min_count": 1}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise OptionError("E-OPT-004", option=name, value=value, least=bound)
        _ = self.seconds, self.memory_bytes, self.most_bad
        if self.top > MOST:
            raise OptionError("E-OPT-240", top=self.top, most=MOST)
        for one, other in APART:
            if getattr(self, one) and getattr(self, other):
                raise OptionError("E-OPT-006", one=one, other=other)
        needs = (("in_stock", "items"), ("min_rating", "rating"))
        for one, other in needs:
            if getattr(self, one) is not None and getattr(self, other) is None:
                raise OptionError("E-OPT-241", option=one, needed=other)
        if self.split in ("time", "last") and self.timestamp is None:
            raise OptionError("E-OPT-241", option="split", needed="timestamp")
        self._distinct()

    def _distinct(self) -> None:
        """One column cannot say two things."""
        roles = ("user", "item", "rating", "timestamp", "split_column")
        given = [(role, getattr(self, role)) for role in roles if getattr(self, role) is not None]
        for at, (role, column) in enumerate(given):
            for other, same_column in given[:at]:
                if column == same_column:
                    raise OptionError("E-OPT-242", one=other, other=role, column=column)

    @property
    def most_bad(self) -> float:
        """``max_bad`` as a number between 0 and 1."""
        return share("max_bad", self.max_bad)

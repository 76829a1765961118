"""History: what was seen epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class History:
    """One entry an epoch; the lists are equally long.

    train_loss, valid_loss: mean over members. members: each member's validation loss.
    seconds: length of the epoch, validation included. rows_per_second: training rows of all
    members taken together.
    """

    train_loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    members: list[list[float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    rows_per_second: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.train_loss)

    def add(
        self, train_loss: float, members: list[float], seconds: float, rows_per_second: float
    ) -> None:
        """One epoch more. members: validation loss of each."""
        self.train_loss.append(train_loss)
        self.valid_loss.append(sum(members) / len(members))
        self.members.append(members)
        self.seconds.append(round(seconds, 4))
        self.rows_per_second.append(round(rows_per_second, 1))

    def last(self) -> dict[str, float]:
        """The latest epoch's facts, as they are listened to."""
        return {
            "train_loss": self.train_loss[-1],
            "valid_loss": self.valid_loss[-1],
            "seconds": self.seconds[-1],
            "rows_per_second": self.rows_per_second[-1],
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> History:
        """The inverse of ``to_json``; unknown names raise TypeError."""
        return cls(**facts)

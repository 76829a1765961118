"""History: what was seen epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

LAYER = ("dead", "saturated", "gradient", "zeros")  # facts of a hidden layer, see ``observe``


@dataclass
class History:
    """One entry an epoch; the lists are equally long, but for ``start``.

    start: each member's validation loss before the first step.
    learned, members: each member's training and validation loss.
    seconds: length of the epoch, validation included. rows_per_second: training rows of all
        members taken together.
    layers: of each member, its hidden layers, each as LAYER says.

    A loss that is not finite is NaN here and null in JSON.
    """

    start: list[float] = field(default_factory=list)
    learned: list[list[float]] = field(default_factory=list)
    members: list[list[float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    rows_per_second: list[float] = field(default_factory=list)
    layers: list[list[list[list[float]]]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.members)

    def add(
        self,
        learned: list[float],
        members: list[float],
        seconds: float,
        rows_per_second: float,
        layers: list[list[list[float]]],
    ) -> None:
        """One epoch more."""
        self.learned.append(learned)
        self.members.append(members)
        self.seconds.append(round(seconds, 4))
        self.rows_per_second.append(round(rows_per_second, 1))
        self.layers.append(layers)

    @property
    def train_loss(self) -> list[float]:
        """Mean over members."""
        return [_mean(one) for one in self.learned]

    @property
    def valid_loss(self) -> list[float]:
        """Mean over members."""
        return [_mean(one) for one in self.members]

    def valid_loss_of(self, members: slice) -> list[float]:
        """Mean over some of the members."""
        return [_mean(one[members]) for one in self.members]

    def last(self) -> dict[str, float]:
        """The latest epoch's facts, as they are listened to."""
        return {
            "train_loss": _mean(self.learned[-1]),
            "valid_loss": _mean(self.members[-1]),
            "seconds": self.seconds[-1],
            "rows_per_second": self.rows_per_second[-1],
        }

    def by_epoch(self) -> list[dict[str, Any]]:
        """Plain facts of each epoch, means over members."""
        losses = zip(self.train_loss, self.valid_loss, self.layers, strict=True)
        return [
            {
                "epoch": epoch,
                "train_loss": _to_plain(train),
                "valid_loss": _to_plain(valid),
                "layers": _to_plain(mean_layers(layers)),
            }
            for epoch, (train, valid, layers) in enumerate(losses, 1)
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {one.name: _to_plain(getattr(self, one.name)) for one in fields(self)}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> History:
        """The inverse of ``to_json``; unknown names raise TypeError."""
        return cls(**{name: _from_plain(value) for name, value in facts.items()})


def mean_layers(members: Sequence[list[list[float]]]) -> list[dict[str, float]]:
    """Each hidden layer's facts by name, means over members that have the same layers."""
    return [
        {name: _mean([own[at] for own in same]) for at, name in enumerate(LAYER)}
        for same in zip(*members, strict=True)
    ]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _to_plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_to_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _to_plain(one) for name, one in value.items()}
    return value if math.isfinite(value) else None


def _from_plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_plain(one) for one in value]
    return math.nan if value is None else value

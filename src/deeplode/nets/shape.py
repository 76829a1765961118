"""NetShape: the plain numbers that fix every tensor of a net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deeplode.nets.activation import ACTIVATIONS

ONE_HOT = 9  # a category column with at most so many levels enters as 0/1 columns
EMBEDDING = 8  # columns that a category column with more levels is turned into
MOST = {"members": 64, "layers": 32, "width": 16_384, "inputs": 1_000_000, "outputs": 100_000}


@dataclass(frozen=True)
class NetShape:
    """What an ensemble needs to know to lay out its weights.

    segments: stretches between knots of each number column.
    flags: number columns that have a missing flag.
    slots: slots of each category column.
    hidden: width of each hidden layer.
    outputs: scores a row.
    members: nets side by side.

    Raises ValueError for sizes below 1, beyond MOST, or an activation that does not exist.
    """

    segments: tuple[int, ...]
    flags: int
    slots: tuple[int, ...]
    hidden: tuple[int, ...]
    activation: str
    outputs: int
    members: int

    def __post_init__(self) -> None:
        sizes = (*self.segments, *self.slots, *self.hidden, self.outputs, self.members)
        if any(not isinstance(size, int) or size < 1 for size in sizes) or self.flags < 0:
            raise ValueError(f"every size of a net must be a whole number above 0: {self}")
        within = {
            "members": self.members,
            "layers": len(self.hidden),
            "width": max(self.hidden, default=1),
            "inputs": sum(self.segments) + sum(self.slots) + self.flags,
            "outputs": self.outputs,
        }
        for name, size in within.items():
            if size > MOST[name]:
                raise ValueError(f"a net may have at most {MOST[name]} {name}, got {size}.")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"there is no activation {self.activation!r}.")

    @property
    def one_hot(self) -> tuple[int, ...]:
        """Positions of the category columns that enter as 0/1 columns."""
        return tuple(i for i, slots in enumerate(self.slots) if slots <= ONE_HOT + 2)

    @property
    def embedded(self) -> tuple[int, ...]:
        """Positions of the category columns that enter through an embedding."""
        return tuple(i for i, slots in enumerate(self.slots) if slots > ONE_HOT + 2)

    @property
    def cells(self) -> int:
        """Columns of the number part of the net's input: coordinates, normal scores, flags."""
        return 2 * len(self.segments) + self.flags

    @property
    def blocks(self) -> tuple[int, int, int, int]:
        """Inputs of the first layer from segments, the other cells, one-hot, and embeddings."""
        return (
            sum(self.segments),
            len(self.segments) + self.flags,
            sum(self.slots[i] for i in self.one_hot),
            EMBEDDING * len(self.embedded),
        )

    @property
    def widths(self) -> tuple[int, ...]:
        """Width of the input, of each hidden layer, and of the output."""
        return (sum(self.blocks), *self.hidden, self.outputs)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> NetShape:
        """The inverse of ``to_json``; ValueError, KeyError or TypeError for anything else."""
        plain: dict[str, Any] = {name: facts[name] for name in cls.__dataclass_fields__}
        lists = {name: tuple(plain[name]) for name in ("segments", "slots", "hidden")}
        return cls(**(plain | lists))

"""NetShape: the plain numbers that, with the codes, fix every tensor of a net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deeplode.nets.activation import ACTIVATIONS

MOST = {"members": 64, "layers": 32, "width": 16_384, "outputs": 100_000}


@dataclass(frozen=True)
class NetShape:
    """What an ensemble needs to know, beside its inputs, to lay out its weights.

    hidden: width of each hidden layer. activation: between layers. outputs: scores a row.
    members: nets side by side.

    Raises ValueError for sizes below 1, beyond MOST, or an activation that does not exist.
    """

    hidden: tuple[int, ...]
    activation: str
    outputs: int
    members: int

    def __post_init__(self) -> None:
        sizes = (*self.hidden, self.outputs, self.members)
        if any(type(size) is not int or size < 1 for size in sizes):
            raise ValueError(f"every size of a net must be a whole number above 0: {self}")
        within = {
            "members": self.members,
            "layers": len(self.hidden),
            "width": max(self.hidden, default=1),
            "outputs": self.outputs,
        }
        for name, size in within.items():
            if size > MOST[name]:
                raise ValueError(f"a net may have at most {MOST[name]} {name}, got {size}.")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"there is no activation {self.activation!r}.")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> NetShape:
        """The inverse of ``to_json``; ValueError, KeyError or TypeError for anything else."""
        plain: dict[str, Any] = {name: facts[name] for name in cls.__dataclass_fields__}
        plain["hidden"] = tuple(plain["hidden"])
        return cls(**plain)

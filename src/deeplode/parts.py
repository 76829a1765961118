"""Parts: the arrays of several things under one roof, each below its name, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


def under(parts: Mapping[str, Arrays]) -> dict[str, NDArray[Any]]:
    """All arrays of all parts: ``<part>.<name>``."""
    return {f"{part}.{name}": own for part, of in parts.items() for name, own in of.items()}


def below(arrays: Arrays, part: str) -> dict[str, NDArray[Any]]:
    """The inverse: the arrays of one part, by their own names."""
    head = f"{part}."
    return {name.removeprefix(head): own for name, own in arrays.items() if name.startswith(head)}

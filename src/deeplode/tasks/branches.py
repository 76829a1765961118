"""Branches: which part of a joint net reads each column of text, images or sounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deeplode.encode.batch import MediaSize, Sizes
from deeplode.nets.joint import Shape

# A kind of media is one line here: its shapes for so many rows, and how they are read back.
CHOOSE: dict[str, Callable[[MediaSize, int], Shape]] = {}
RESTORE: dict[str, Callable[[Mapping[str, Any]], Shape]] = {}


@dataclass(frozen=True)
class Branch:
    """The part of a net that reads one column. kind: ``text``, ``image`` or ``audio``."""

    kind: str
    shape: Any

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": self.kind, "shape": self.shape.to_json()}


def branch_of(facts: Mapping[str, Any]) -> Branch:
    """The inverse of ``Branch.to_json``. Raises KeyError, TypeError or ValueError if odd."""
    return Branch(facts["kind"], RESTORE[facts["kind"]](facts["shape"]))


def choose_branches(sizes: Sizes, rows: int) -> tuple[Branch, ...]:
    """A branch for each column of media, fit for so many training rows."""
    return tuple(Branch(one.kind, CHOOSE[one.kind](one, rows)) for one in sizes.media)

"""Spaces: the plain ones that groups are looked for in beside the learned one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.detectors.detector import Arrays, checked, in_blocks, kept, whole
from deeplode.nets.products import steady

SHARE = 0.9  # of the variance that principal components must have …
MOST = 10  # … and how many of them at most
BLOCK = 256  # rows at a time


class Space(Protocol):
    """Where rows are put before groups are formed. A row's place does not depend on others."""

    name: ClassVar[str]

    def of(self, x: Tensor) -> Tensor:
        """Vectors (rows, dimensions) to places (rows, fewer)."""

    def facts(self) -> dict[str, Any]:
        """What is not an array; ``space`` names the kind."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""


@dataclass(frozen=True)
class Plain:
    """The vectors as they are."""

    columns: int
    name: ClassVar[str] = "plain"

    def of(self, x: Tensor) -> Tensor:
        """The same."""
        return checked(x, self.columns)

    def facts(self) -> dict[str, Any]:
        """Sizes."""
        return {"space": self.name, "columns": self.columns}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Nothing was learned."""
        return {}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse of ``facts``."""
        return cls(whole(facts, "columns", 1, 1 << 20))


@dataclass(frozen=True, eq=False)
class Principal:
    """The leading principal components. center: (columns,). components: (columns, fewer)."""

    center: NDArray[np.float32]
    components: NDArray[np.float32]
    name: ClassVar[str] = "pca"

    @torch.no_grad()
    def of(self, x: Tensor) -> Tensor:
        """(rows, columns) to (rows, components)."""
        center, components = torch.from_numpy(self.center), torch.from_numpy(self.components)
        x = checked(x, len(center))
        return in_blocks(lambda block: steady(block - center, components), x, BLOCK)

    def facts(self) -> dict[str, Any]:
        """What kind of space this is."""
        return {"space": self.name}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""
        return {"center": self.center, "components": self.components}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError or KeyError for what describes no components."""
        center = kept(arrays, "center", "float32", -1)
        return cls(center, kept(arrays, "components", "float32", len(center), -1))


def fit_principal(x: Tensor) -> Principal:
    """Components of rows, (rows, columns) float32, that have SHARE of the variance, at most
    MOST."""
    rows = x.double()
    center = rows.mean(0)
    spread = rows - center
    variance, directions = directions_of(spread)
    share = variance.cumsum() / max(float(variance.sum()), 1e-12)
    wanted = min(int((share < SHARE).sum()) + 1, MOST, len(variance))
    return Principal(center.float().numpy(), directions[:, :wanted].astype(np.float32))


def directions_of(spread: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Principal directions of rows around their middle, the widest first.

    spread: (rows, columns) float64. Returns variances (columns,) and directions (columns, columns),
    each with its largest cell positive: the sign is arbitrary.
    """
    values, vectors = torch.linalg.eigh(spread.T @ spread / len(spread))
    found = vectors.flip(1).numpy()
    if not found.size:
        return np.zeros(0), found
    signs = np.sign(found[np.abs(found).argmax(0), np.arange(len(values))])
    return values.flip(0).clamp(min=0).numpy(), found * signs

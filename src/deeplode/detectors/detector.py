"""Detector: what every way of finding odd rows can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

Arrays = Mapping[str, NDArray[Any]]


class Detector(Protocol):
    """Learned from rows, tells how odd others are.

    Rows are those of ``Matrix.of``: (rows, columns) float32, finite. A row's answers do not depend
    on the rows beside it.
    """

    name: ClassVar[str]  # as the leaderboard calls it

    def score(self, x: Tensor) -> NDArray[np.float64]:
        """(rows,): higher is odder; the unit is the detector's own."""

    def blame(self, x: Tensor) -> NDArray[np.float64]:
        """(rows, columns) >= 0: the part of each column in the oddness, 0 where it cannot say."""

    def facts(self) -> dict[str, Any]:
        """What was chosen and counted, as plain JSON values."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse of ``facts`` and ``arrays``.

        Raises ValueError, KeyError or TypeError for what it could not have written.
        """


Fit = Callable[..., Detector]  # (x, chance, clean, budget, threads)


def in_blocks(work: Callable[[Tensor], Tensor], x: Tensor, rows: int, full: bool = True) -> Tensor:
    """What ``work`` makes of the rows, so many at a time.

    full: the last block is filled up with zeros, because a product's bits can depend on how many
    rows it has.
    """
    if not len(x):
        return work(x.new_zeros(rows, x.shape[1]))[:0]
    out = torch.empty(0)
    for start in range(0, len(x), rows):
        block = x[start : start + rows]
        lack = rows - len(block) if full else 0
        part = work(pad(block, (0, 0, 0, lack)))[: len(block)]
        if not start:  # at once: what lies between large blocks keeps their memory from reuse
            out = part.new_empty((len(x), *part.shape[1:]))
        out[start : start + rows] = part
    return out


def kept(arrays: Arrays, name: str, dtype: str, *shape: int) -> NDArray[Any]:
    """An array that was learned, checked. shape: -1 stands for any length.

    Raises KeyError when it is not there, ValueError for another type, shape or for cells that are
    not finite.
    """
    found = np.asarray(arrays[name])
    fits = found.ndim == len(shape) and all(
        want in (-1, has) for want, has in zip(shape, found.shape, strict=True)
    )
    if found.dtype != np.dtype(dtype) or not fits or not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite {dtype} of shape {shape}.")
    return found


def whole(facts: Mapping[str, Any], name: str, low: int, high: int) -> int:
    """A whole number of the facts. Raises KeyError, TypeError or ValueError."""
    value = facts[name]
    if type(value) is not int:
        raise TypeError(f"{name} must be a whole number, got {value!r}.")
    if not low <= value <= high:
        raise ValueError(f"{name} must be in {low} … {high}, got {value}.")
    return value


def checked(x: Tensor, columns: int) -> Tensor:
    """The rows, if they have as many columns as the training rows had. Raises ValueError."""
    if x.ndim != 2 or x.shape[1] != columns:
        raise ValueError(f"rows of {columns} columns are needed, got the shape {tuple(x.shape)}.")
    return x.float()

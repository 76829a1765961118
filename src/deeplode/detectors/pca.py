"""PCA: an odd row is far from the mean, in units of the spread in its direction.

Principal components with all of them kept and scaled to unit spread (Shyu et al. 2003), which is
Mahalanobis' distance; where rows may be odd, they are trimmed from the estimate first, as in the
concentration steps of Rousseeuw and Van Driessen 1999.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.detectors.detector import Arrays, checked, in_blocks, kept
from deeplode.nets.products import steady
from deeplode.runtime import Budget, at_most

RIDGE = 0.01  # of the mean spread, added to every direction's: there are few rows in most
TRIMMED = 0.1  # share of the rows, the oddest so far, that the next estimate does without
ROUNDS = 2  # of trimming
BLOCK = 256  # rows that are scored at once


@dataclass(frozen=True, eq=False)
class Pca:
    """Where rows are, and how they spread.

    mean: (columns,). whiten: (columns, columns) symmetric; a row less the mean, times it, has unit
    spread in every direction, and its columns are as near to the old ones as can be (Kessy, Lewin
    and Strimmer 2018).
    """

    mean: NDArray[np.float32]
    whiten: NDArray[np.float32]
    name: ClassVar[str] = "pca"

    @torch.no_grad()
    def score(self, x: Tensor) -> NDArray[np.float64]:
        """(rows,): distance from the mean over the distance expected of a normal row."""
        mean, whiten = torch.from_numpy(self.mean), torch.from_numpy(self.whiten)

        def squares(block: Tensor) -> Tensor:
            return steady(block - mean, whiten).double().square_().mean(1)

        return np.asarray(np.sqrt(in_blocks(squares, checked(x, len(mean)), BLOCK).numpy()))

    @torch.no_grad()
    def blame(self, x: Tensor) -> NDArray[np.float64]:
        """(rows, columns): what each column adds to the squared distance, 0 where it takes from it.

        A single cell that was moved has all of it; a whitened row would share it out.
        """
        mean, whiten = torch.from_numpy(self.mean), torch.from_numpy(self.whiten)
        precision = whiten @ whiten

        def parts(block: Tensor) -> Tensor:
            gaps = block - mean
            return (gaps * steady(gaps, precision)).double().clamp_min_(0)

        return in_blocks(parts, checked(x, len(mean)), BLOCK).numpy()

    def facts(self) -> dict[str, Any]:
        """Nothing beyond the arrays."""
        return {}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything learned."""
        return {"mean": self.mean, "whiten": self.whiten}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse of ``facts`` and ``arrays``."""
        mean = kept(arrays, "mean", "float32", -1)
        if facts or not len(mean):
            raise ValueError("This describes no components.")
        return cls(mean, kept(arrays, "whiten", "float32", len(mean), len(mean)))


def fit_pca(x: Tensor, chance: int, clean: bool, budget: Budget, threads: int) -> Pca:
    """Estimate mean and spread. x: (rows, columns) float32, at least 1 row and column.

    clean: nothing is trimmed. chance: makes no difference. budget: no trimming when it is spent.

    RIDGE was chosen on development data (benchmarks/oddsets.py) among 0.01, 0.05, 0.2 and 1; that
    rows are trimmed by theory, a tenth being little better there than nothing and than a quarter.
    """
    with at_most(threads):
        rows = x.double()
        found = _estimated(rows)
        for _ in range(0 if clean else ROUNDS):
            most = round(len(x) * (1 - TRIMMED))
            if budget.stop() or most < 2:
                break
            order = np.argsort(found.score(x), kind="stable")[:most]
            found = _estimated(rows[torch.from_numpy(np.sort(order))])
        return found


def _estimated(rows: Tensor) -> Pca:
    mean = rows.mean(0)
    gaps = rows - mean
    spread, directions = torch.linalg.eigh(gaps.T @ gaps / len(rows))
    spread = spread.clamp_min(0)
    spread = spread + (RIDGE * spread.mean()).clamp_min(1e-6)
    whiten = (directions / spread.sqrt()) @ directions.T
    return Pca(mean.float().numpy(), whiten.float().numpy())

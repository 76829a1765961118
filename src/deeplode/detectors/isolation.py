"""Isolation: an odd row is cut off from the others by few random cuts.

Isolation forest, Liu, Ting and Zhou 2008, with the paper's 256 rows a tree; 300 trees instead of
100, because the score is a mean over trees and its chance falls with their number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log2
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplode.detectors.detector import Arrays, checked, in_blocks, kept, whole
from deeplode.runtime import Budget

TREES = 300
SAMPLE = 256  # rows that a tree is grown from
FEWEST = 20  # trees that are grown even when time is over
CELLS = 1 << 22  # of the samples that trees are grown from at once
BLOCK = 512  # rows that are scored at once


@dataclass(frozen=True, eq=False)
class Isolation:
    """Trees as heaps: node n leads on to 2n + 1 (its column at most its cut) and 2n + 2.

    Nodes of a tree that end above the last level lead on to the left.

    columns: of the rows. sample: rows of each tree. column, cut: (trees, inner nodes) int32 and
    float32. count: (trees, nodes) int32 training rows in each node. length: (trees, leaves)
    float32, splits until there, and those that its rows would still need.
    """

    columns: int
    sample: int
    column: NDArray[np.int32]
    cut: NDArray[np.float32]
    count: NDArray[np.int32]
    length: NDArray[np.float32]
    name: ClassVar[str] = "isolation"

    @property
    def levels(self) -> int:
        """Splits on the longest way."""
        return levels_of(self.sample)

    def score(self, x: Tensor) -> NDArray[np.float64]:
        """(rows,) in 0 … 1: 2 ** -(mean length / length expected of a random tree)."""
        expected = float(expected_length(np.array(self.sample)))
        tables = self._tables()

        def lengths(block: Tensor) -> Tensor:
            leaf = self._walk(block, tables)[-1] - (2**self.levels - 1)
            found = torch.from_numpy(self.length).flatten()[leaf + self._first(2**self.levels)]
            return found.double().mean(1)

        length = in_blocks(lengths, checked(x, self.columns), BLOCK, full=False).numpy()
        return np.asarray(2.0 ** -(length / max(expected, 1.0)))

    def blame(self, x: Tensor) -> NDArray[np.float64]:
        """(rows, columns): bits by which each column's cuts set the row apart, beyond the one bit
        that a cut into halves gives, mean over trees."""
        tables = self._tables()
        nodes, counts = 2 ** (self.levels + 1) - 1, torch.from_numpy(self.count).flatten().double()

        def bits(block: Tensor) -> Tensor:
            out = torch.zeros(len(block), self.columns, dtype=torch.float64)
            way = self._walk(block, tables)
            for above, below in pairwise(way):
                column = tables[0][above + self._first(2**self.levels - 1)]
                before, after = (counts[one + self._first(nodes)] for one in (above, below))
                gain = torch.log2(before.clamp_min(1) / after.clamp_min(1)) - 1
                out.scatter_add_(1, column.long(), gain.clamp_min(0))
            return out / len(self.column)

        return in_blocks(bits, checked(x, self.columns), BLOCK, full=False).numpy()

    def _first(self, size: int) -> Tensor:
        """(trees,) where each tree begins in a flat table of so many entries a tree."""
        return torch.arange(len(self.column)) * size

    def _tables(self) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(self.column).flatten(), torch.from_numpy(self.cut).flatten()

    def _walk(self, x: Tensor, tables: tuple[Tensor, Tensor]) -> list[Tensor]:
        """The node of each row in each tree, (rows, trees), level by level from the root."""
        node = torch.zeros(len(x), len(self.column), dtype=torch.long)
        way, first = [node], self._first(2**self.levels - 1)
        for _ in range(self.levels):
            place = node + first
            value = x.gather(1, tables[0][place].long())
            node = 2 * node + 1 + (value > tables[1][place]).long()
            way.append(node)
        return way

    def facts(self) -> dict[str, Any]:
        """Sizes."""
        return {"columns": self.columns, "sample": self.sample}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The trees."""
        names = ("column", "cut", "count", "length")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse of ``facts`` and ``arrays``."""
        columns = whole(facts, "columns", 1, 1 << 20)
        sample = whole(facts, "sample", 1, SAMPLE)
        leaves = 2 ** levels_of(sample)
        trees = len(np.atleast_1d(arrays["column"]))
        column = kept(arrays, "column", "int32", trees, leaves - 1)
        count = kept(arrays, "count", "int32", trees, 2 * leaves - 1)
        if not trees or (count < 0).any() or (column < 0).any() or (column >= columns).any():
            raise ValueError("These are no trees.")
        cut = kept(arrays, "cut", "float32", trees, leaves - 1)
        return cls(
            columns, sample, column, cut, count, kept(arrays, "length", "float32", trees, leaves)
        )


def levels_of(sample: int) -> int:
    """Levels of splits over so many rows: as many as halving needs, at least 1."""
    return max(1, ceil(log2(sample)))


def expected_length(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Splits that set a row apart from so many in a random tree: 2 H(n - 1) - 2 (n - 1) / n."""
    n = np.maximum(rows.astype(np.float64), 2)
    harmonic = np.log(n - 1) + np.euler_gamma
    length = np.where(n > 2, 2 * harmonic - 2 * (n - 1) / n, 1.0)
    return np.where(rows > 1, length, 0.0)


def fit_isolation(x: Tensor, chance: int, clean: bool, budget: Budget, threads: int) -> Isolation:
    """Grow trees on random rows. x: (rows, columns) float32, at least 1 row and column.

    chance: seed. clean, threads: make no difference here. When the budget is spent, fewer trees.
    """
    generator = np.random.default_rng(chance)
    rows = x.numpy()
    sample = min(SAMPLE, len(rows))
    many = max(1, CELLS // (sample * rows.shape[1]))
    parts: list[tuple[NDArray[Any], ...]] = []
    done = 0
    while done < TREES and not (done >= FEWEST and budget.stop()):
        few = min(many, TREES - done, FEWEST)
        own = np.stack([generator.choice(len(rows), sample, replace=False) for _ in range(few)])
        parts.append(_grown(rows[own], generator))
        done += few
    column, cut, count, length = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Isolation(rows.shape[1], sample, column, cut, count, length)


def _grown(cells: NDArray[np.float32], chance: np.random.Generator) -> tuple[NDArray[Any], ...]:
    """Trees of samples, all at once, level by level. cells: (trees, sample, columns)."""
    trees, sample, columns = cells.shape
    levels = levels_of(sample)
    column = np.zeros((trees, 2**levels - 1), np.int32)
    cut = np.full((trees, 2**levels - 1), np.finfo(np.float32).max, np.float32)
    count = np.zeros((trees, 2 ** (levels + 1) - 1), np.int32)
    depth = np.zeros((trees, sample), np.float32)
    node = np.zeros((trees, sample), np.int64)
    tree = np.repeat(np.arange(trees), sample)
    flat = cells.reshape(-1, columns)
    for _ in range(levels):
        np.add.at(count, (tree, node.ravel()), 1)
        split, own, place = _cuts(flat, tree * count.shape[1] + node.ravel(), chance)
        there = divmod(own, count.shape[1])
        column[there], cut[there] = split[0], split[1]
        value = flat[np.arange(len(flat)), split[0][place]]
        right = value > split[1][place]
        depth += split[2][place].reshape(trees, sample)
        node = 2 * node + 1 + right.reshape(trees, sample)
    np.add.at(count, (tree, node.ravel()), 1)
    leaf = node - (2**levels - 1)
    length = np.zeros((trees, 2**levels), np.float32)
    rest = expected_length(count[tree, node.ravel()]).reshape(trees, sample)
    np.maximum.at(length, (tree, leaf.ravel()), (depth + rest).ravel().astype(np.float32))
    return column, cut, count, length


def _cuts(
    cells: NDArray[np.float32], key: NDArray[np.int64], chance: np.random.Generator
) -> tuple[tuple[NDArray[Any], ...], NDArray[np.int64], NDArray[np.int64]]:
    """A random cut for every node: a column that is not constant there, and where.

    cells: (rows, columns). key: (rows,) node of each. Returns the nodes' columns, cuts and whether
    they are split at all; their keys; and which of them each row is in.
    """
    order = np.argsort(key, kind="stable")
    keys, starts, place = np.unique(key[order], return_index=True, return_inverse=True)
    ordered = cells[order]
    low = np.minimum.reduceat(ordered, starts, axis=0)
    high = np.maximum.reduceat(ordered, starts, axis=0)
    draw = np.where(high > low, chance.random(low.shape, np.float32) + 1, 0)
    column = draw.argmax(axis=1)
    each = np.arange(len(keys))
    splits = draw[each, column] > 0
    least, most = low[each, column], high[each, column]
    at = least + chance.random(len(keys), np.float32) * (most - least)
    at = np.where(at < most, at, least)
    cut = np.where(splits, at, np.finfo(np.float32).max)
    back = np.empty_like(place)
    back[order] = place
    return (column.astype(np.int32), cut.astype(np.float32), splits.astype(np.float32)), keys, back

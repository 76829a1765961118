"""Scoring rows with a forest, quickly: one table look-up a feature instead of one step a node."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplode.trees.forest import Forest
from deeplode.trees.tables import Index, Masks, NodeMasks, Table

TREES = 512  # trees scored together; their values are summed first, so it decides the last bits
ROWS = 512  # rows looked up together: what a core's cache holds beside the tables
CHUNK = 1 << 12  # rows given to a thread at a time
CELLS = 1 << 22  # values digitised at a time
KEPT_BYTES = 1 << 28  # tables are kept for the next call; larger ones are made anew in each
FEW = 1 << 22  # rows x nodes up to which asking every node is quicker than to make tables anew


@dataclass(frozen=True)
class Leaves:
    """The leaf values of consecutive trees and where they go.

    values: (trees x places,); offsets: (trees,) where each tree's begin.
    sums_from: (outputs,) the first tree of each of ``outputs``.
    """

    values: NDArray[np.float64]
    offsets: Index
    sums_from: Index
    outputs: Index

    def add(self, place: Index, scores: NDArray[np.float64]) -> None:
        """Add the values at these places, in place. place: (rows, trees)."""
        sums = np.add.reduceat(self.values.take(place, mode="clip"), self.sums_from, axis=1)
        scores[:, self.outputs] += sums


class Scorer:
    """Scores of one forest. Keep it: it keeps its tables."""

    def __init__(self, forest: Forest) -> None:
        self.forest = forest
        self._nodes = NodeMasks(forest)
        word = self._nodes.word
        self._places = word(0).nbytes * 8
        # Multiplied by a de Bruijn number, every single bit has its own number in the top bits.
        self._spread = word({32: 0x077CB531, 64: 0x03F79D71B4CB0A89}[self._places])
        self._shift = word({32: 27, 64: 58}[self._places])
        self._firsts = range(0, forest.n_trees, TREES)
        self._leaves = self._place_leaves()
        self._kept: list[tuple[Table, ...]] | None = None

    def __call__(
        self, numbers: NDArray[np.float32], categories: NDArray[np.int32], threads: int = 1
    ) -> NDArray[np.float64]:
        """Scores, (rows, outputs).

        numbers: (rows, numbers) float32, NaN = missing; categories: (rows, categories) slots.
        A row has the same score, to the bit, whatever the rows around it and the threads.
        """
        scores = np.zeros((len(numbers), self.forest.n_outputs))
        if self._kept is None:
            self._kept = self._tables_to_keep()
        if not self._kept and len(numbers) * len(self.forest.feature) <= FEW:
            self._score_few(numbers, categories, scores)
            return scores
        step = min(CHUNK, max(ROWS, CELLS // max(1, len(self._nodes.used))))
        parts = [slice(first, first + step) for first in range(0, len(numbers), step)]

        def work(part: slice) -> None:
            self._score(numbers[part], categories[part], scores[part])

        if threads == 1 or len(parts) == 1:
            for part in parts:
                work(part)
        else:
            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(work, parts):
                    pass
        return scores

    def _place_leaves(self) -> list[Leaves]:
        """The leaf values of each block of trees, every value at the number of its bit."""
        forest = self.forest
        bits = np.left_shift(self._nodes.word(1), np.arange(self._places, dtype=self._nodes.word))
        place = ((bits * self._spread) >> self._shift).astype(np.intp)
        tree = np.repeat(np.arange(forest.n_trees), forest.nodes + 1)
        leaf = (
            np.arange(len(forest.leaf)) - (forest.starts()[:-1] + np.arange(forest.n_trees))[tree]
        )
        values = np.zeros((forest.n_trees, self._places))
        values[tree, place[leaf]] = forest.leaf
        blocks = []
        for first in self._firsts:
            output = forest.output[first : first + TREES].astype(np.intp)
            sums_from = np.concatenate([[0], np.flatnonzero(np.diff(output)) + 1])
            offsets = np.arange(len(output)) * self._places
            own = values[first : first + TREES].reshape(-1)
            blocks.append(Leaves(own, offsets, sums_from, output[sums_from]))
        return blocks

    def _tables_to_keep(self) -> list[tuple[Table, ...]]:
        """The tables of all blocks; none where they are too large to be kept."""
        tables, size = [], 0
        for block in range(len(self._firsts)):
            tables.append(self._tables_of(block))
            size += sum(table.nbytes for table in tables[-1])
            if size > KEPT_BYTES:
                return []
        return tables

    def _tables_of(self, block: int) -> tuple[Table, ...]:
        if self._kept:
            return self._kept[block]
        first = self._firsts[block]
        return self._nodes.tables(first, min(first + TREES, self.forest.n_trees))

    def _score(
        self,
        numbers: NDArray[np.float32],
        categories: NDArray[np.int32],
        scores: NDArray[np.float64],
    ) -> None:
        """Add the scores of some rows, in place."""
        bins = self._nodes.digitise(numbers, categories)
        for block, leaves in enumerate(self._leaves):
            tables = self._tables_of(block)
            alive, other = np.empty((2, ROWS, len(leaves.offsets)), self._nodes.word)
            place = np.empty(alive.shape, np.intp)
            for first in range(0, len(numbers), ROWS):
                part = bins[:, first : first + ROWS]
                n = part.shape[1]
                _look_up(tables, part, alive[:n], other[:n])
                self._number(alive[:n], leaves, place[:n])
                leaves.add(place[:n], scores[first : first + n])

    def _score_few(
        self,
        numbers: NDArray[np.float32],
        categories: NDArray[np.int32],
        scores: NDArray[np.float64],
    ) -> None:
        """The same without tables."""
        alive = self._nodes.leaves_one_by_one(numbers, categories)
        place = np.empty(alive.shape, np.intp)
        for first, leaves in zip(self._firsts, self._leaves, strict=True):
            own = slice(first, first + TREES)
            self._number(alive[:, own], leaves, place[:, own])
            leaves.add(place[:, own], scores)

    def _number(self, bits: Masks, leaves: Leaves, place: Index) -> None:
        """Turn single bits into places among the leaf values. bits is overwritten."""
        np.multiply(bits, self._spread, out=bits)
        np.right_shift(bits, self._shift, out=bits)
        np.add(bits, leaves.offsets, out=place, casting="unsafe")


def _look_up(tables: tuple[Table, ...], bins: Index, alive: Masks, other: Masks) -> None:
    """Leave in ``alive``, (rows, trees), the bit of each row's leaf. other: room to work in."""
    tables[0].masks.take(tables[0].rows(bins), axis=0, out=alive, mode="clip")
    for table in tables[1:]:
        table.masks.take(table.rows(bins), axis=0, out=other, mode="clip")
        np.bitwise_and(alive, other, out=alive)

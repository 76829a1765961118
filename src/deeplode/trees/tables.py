"""Look-up tables made from a forest: one row a value of a feature, one bit mask a tree.

For some trees at a time, every value of a feature has a row of masks of the leaves that it leaves
possible. The AND of the rows of all features has one bit: the leaf that a row of data falls into.
After QuickScorer (Lucchese et al., SIGIR 2015); features of few values share a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.trees.forest import WORD, Forest

SHARED = 256  # most combinations of values in one shared table

Index = NDArray[np.intp]
Masks = NDArray[Any]  # uint32 where all trees have at most 32 leaves, else uint64


@dataclass(frozen=True)
class Table:
    """The masks of features that are looked up together.

    features: positions among the features that the forest uses.
    maps: for each, (its bins,) what the bin adds to the row of ``masks``.
    masks: (combinations of bins, trees).
    """

    features: tuple[int, ...]
    maps: tuple[Index, ...]
    masks: Masks

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return int(self.masks.nbytes) + sum(one.nbytes for one in self.maps)

    def rows(self, bins: Index) -> Index:
        """(rows,) rows of ``masks``. bins: (used features, rows)."""
        index = np.zeros(bins.shape[1], np.intp)
        for feature, steps in zip(self.features, self.maps, strict=True):
            index += steps.take(bins[feature], mode="clip")
        return index


class NodeMasks:
    """What a forest's nodes leave possible, and the bins of its features.

    used: the features that have a node, in rising order.
    word: the type of a mask. all_leaves: (trees,) masks of the leaves that there are.
    if_left, if_right: (nodes,) leaves still possible for a row that goes left, right.
    """

    def __init__(self, forest: Forest) -> None:
        self.forest = forest
        self.used = np.unique(forest.feature)
        self.word: Any = np.uint64 if forest.nodes.max() >= 32 else np.uint32
        unused = np.uint64(63) - forest.nodes.astype(np.uint64)
        left, right = forest.leaves_below()
        self.all_leaves = (~np.uint64(0) >> unused).astype(self.word)
        self.if_left = (~right).astype(self.word)
        self.if_right = (~left).astype(self.word)
        self._starts, self._tree = forest.starts(), forest.tree_of_node()
        self._edges: dict[int, NDArray[np.float32]] = {}
        self._edge = np.zeros(len(forest.feature), np.int64)
        for at in _by_feature(forest.feature, np.arange(len(forest.feature))):
            feature = int(forest.feature[at[0]])
            if feature < forest.n_numbers:
                edges, own = np.unique(forest.threshold[at], return_inverse=True)
                self._edges[feature], self._edge[at] = edges, own

    def digitise(self, numbers: NDArray[np.float32], categories: NDArray[np.int32]) -> Index:
        """(used features, rows) the bin of each value.

        A number's bin b: above the feature's b-th threshold, not above the next; NaN has the bin
        after the last. A category's bin is its slot; slots that no tree was grown with share one.
        """
        bins = np.empty((len(self.used), len(numbers)), np.intp)
        for row, feature in zip(bins, self.used, strict=True):
            if feature < self.forest.n_numbers:
                values, edges = np.ascontiguousarray(numbers[:, feature]), self._edges[feature]
                row[:] = np.searchsorted(edges, values)
                row[np.isnan(values)] = len(edges) + 1
            else:
                column = feature - self.forest.n_numbers
                np.minimum(categories[:, column], self.forest.slots[column], out=row)
        return bins

    def tables(self, first: int, last: int) -> tuple[Table, ...]:
        """The tables of trees ``first`` to ``last - 1``."""
        nodes = np.arange(self._starts[first], self._starts[last])
        all_leaves = self.all_leaves[None, first:last]
        one_each = [Table((), (), all_leaves)]
        for at in _by_feature(self.forest.feature, nodes):
            feature = int(self.forest.feature[at[0]])
            masks_of = self._numbers if feature < self.forest.n_numbers else self._categories
            steps, masks = masks_of(at, first, last)
            one_each.append(Table((int(np.searchsorted(self.used, feature)),), (steps,), masks))
        return _share(one_each)

    def _numbers(self, nodes: Index, first: int, last: int) -> tuple[Index, Masks]:
        """Steps and masks of one number feature. nodes: all of its nodes in these trees."""
        forest, trees = self.forest, self._tree[nodes] - first
        edges, own = np.unique(self._edge[nodes], return_inverse=True)
        right = np.full((len(edges) + 2, last - first), ~self.word(0))
        left = right.copy()
        np.bitwise_and.at(right, (own + 1, trees), self.if_right[nodes])
        np.bitwise_and.at(left, (own, trees), self.if_left[nodes])
        masks = np.bitwise_and.accumulate(right, axis=0)
        masks &= np.bitwise_and.accumulate(left[::-1], axis=0)[::-1]
        missing = np.where(forest.missing_left[nodes], self.if_left[nodes], self.if_right[nodes])
        masks[-1] = ~self.word(0)
        np.bitwise_and.at(masks[-1], trees, missing)
        count = len(self._edges[int(forest.feature[nodes[0]])])
        steps = np.searchsorted(edges, np.arange(count + 2))
        steps[-1] = len(edges) + 1
        return steps, masks

    def _categories(self, nodes: Index, first: int, last: int) -> tuple[Index, Masks]:
        """The same of a category feature; slots that are in no node's set share bin 0."""
        forest, trees = self.forest, self._tree[nodes] - first
        members = [self._members(number) for number in forest.category_set[nodes]]
        slots = forest.slots[int(forest.feature[nodes[0]]) - forest.n_numbers]
        named = np.unique(np.concatenate(members))
        named = named[named < slots]
        masks = np.full((len(named) + 1, last - first), ~self.word(0))
        for node, tree, inside in zip(nodes, trees, members, strict=True):
            goes_left = np.concatenate([[False], np.isin(named, inside, assume_unique=True)])
            masks[:, tree] &= np.where(goes_left, self.if_left[node], self.if_right[node])
        steps = np.zeros(slots + 1, np.intp)
        steps[named] = np.arange(1, len(named) + 1)
        return steps, masks

    def _members(self, number: int) -> Index:
        """The slots in a set."""
        first, last = self.forest.set_bounds[number : number + 2]
        words = self.forest.set_words[first:last, None]
        return np.flatnonzero((words >> np.arange(WORD, dtype=np.uint32)) & np.uint32(1))

    def leaves_one_by_one(
        self, numbers: NDArray[np.float32], categories: NDArray[np.int32]
    ) -> Masks:
        """(rows, trees) the leaf of each row as one bit, from asking every node: no tables."""
        forest = self.forest
        is_number = forest.feature < forest.n_numbers
        value = numbers[:, np.where(is_number, forest.feature, 0)] if numbers.shape[1] else None
        goes_left = np.zeros((len(numbers), len(forest.feature)), bool)
        if value is not None:
            np.less_equal(value, forest.threshold, out=goes_left)
            goes_left |= np.isnan(value) & forest.missing_left
        at = np.flatnonzero(~is_number)
        if len(at):
            slot = categories[:, forest.feature[at] - forest.n_numbers].astype(np.int64)
            goes_left[:, at] = self._in_sets(forest.category_set[at], slot)
        alive = np.where(goes_left, self.if_left, self.if_right)
        out = np.broadcast_to(self.all_leaves, (len(numbers), forest.n_trees)).copy()
        grown = np.flatnonzero(forest.nodes)
        if len(grown):
            out[:, grown] &= np.bitwise_and.reduceat(alive, self._starts[grown], axis=1)
        return out

    def _in_sets(self, sets: NDArray[np.int32], slot: Index) -> NDArray[np.bool_]:
        """(rows, nodes) whether the slot is in the node's set."""
        first, last = self.forest.set_bounds[sets], self.forest.set_bounds[sets + 1]
        at = first + slot // WORD
        inside = at < last
        words = self.forest.set_words[np.where(inside, at, 0)]
        bit = (words >> (slot % WORD).astype(np.uint32)) & np.uint32(1)
        return np.asarray(inside & (bit == 1))


def _by_feature(feature: NDArray[np.int32], nodes: Index) -> list[Index]:
    """The nodes of each feature together."""
    ordered = nodes[np.argsort(feature[nodes], kind="stable")]
    parts = np.split(ordered, np.flatnonzero(np.diff(feature[ordered])) + 1)
    return [part for part in parts if len(part)]


def _share(tables: list[Table]) -> tuple[Table, ...]:
    """Fewer tables: those of few rows joined while their combinations stay few."""
    tables = sorted(tables, key=lambda table: len(table.masks))
    joined = [tables[0]]
    for table in tables[1:]:
        last = joined[-1]
        if len(last.masks) * len(table.masks) > SHARED:
            joined.append(table)
            continue
        masks = last.masks[:, None] & table.masks
        steps = tuple(one * len(table.masks) for one in last.maps)
        joined[-1] = Table(
            last.features + table.features,
            steps + table.maps,
            masks.reshape(-1, masks.shape[-1]),
        )
    return tuple(joined)

"""Forest: boosted trees as plain arrays, checked before they are believed.

A tree of n nodes has n + 1 leaves. Nodes are numbered so that a child's number is above its
parent's; a child below 0 is the leaf ``~child``. Rows with ``value <= threshold`` go left; so do
rows whose category is in the node's set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_LEAVES = 64  # the leaves of a tree are the bits of one machine word
MAX_TREES = 2_000_000
MAX_OUTPUTS = 1_000_000
WORD = 32  # categories in one word of a set

_DTYPES = {
    "output": np.int32,
    "nodes": np.int32,
    "feature": np.int32,
    "threshold": np.float32,
    "missing_left": np.bool_,
    "left": np.int8,
    "right": np.int8,
    "category_set": np.int32,
    "set_bounds": np.int64,
    "set_words": np.uint32,
    "leaf": np.float64,
}


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees whose values add up to scores.

    n_numbers: columns of Batch.simple; features 0 … n_numbers - 1.
    slots: slots of each column of Batch.categories; the features after the numbers.
    n_outputs: columns of scores.
    output: (trees,) the score that a tree adds to, in rising order.
    nodes: (trees,) how many nodes a tree has.
    feature, threshold, missing_left, left, right, category_set: (all nodes,), tree after tree.
        missing_left: where NaN goes. category_set: the node's set of slots; -1 for numbers.
    set_bounds: (sets + 1,) where a set's words begin; set_words: bit s % 32 of word s // 32 is
        on when slot s goes left.
    leaf: (all leaves,), tree after tree; in the score's unit.
    """

    n_numbers: int
    slots: tuple[int, ...]
    n_outputs: int
    output: NDArray[np.int32]
    nodes: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int8]
    right: NDArray[np.int8]
    category_set: NDArray[np.int32]
    set_bounds: NDArray[np.int64]
    set_words: NDArray[np.uint32]
    leaf: NDArray[np.float64]

    def __post_init__(self) -> None:
        _check_shapes(self)
        _check_values(self)
        _check_children(self)

    @property
    def n_trees(self) -> int:
        """How many trees there are."""
        return len(self.nodes)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything but the sizes, ready for a file."""
        return {name: getattr(self, name) for name in _DTYPES}

    def facts(self) -> dict[str, Any]:
        """The sizes, ready for JSON."""
        return {
            "n_numbers": self.n_numbers,
            "slots": list(self.slots),
            "n_outputs": self.n_outputs,
        }

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Forest:
        """The forest that ``facts()`` and ``arrays()`` describe.

        Raises ValueError for anything that no fitted forest can hold.
        """
        lacking = {field.name for field in fields(cls)} - facts.keys() - arrays.keys()
        _need(not lacking, f"{sorted(lacking)} are there")
        sizes = [facts["n_numbers"], facts["n_outputs"], *facts["slots"]]
        _need(all(type(size) is int for size in sizes), "sizes are whole numbers")
        for name, dtype in _DTYPES.items():
            _need(arrays[name].dtype == dtype, f"{name} is {np.dtype(dtype).name}")
        return cls(
            facts["n_numbers"],
            tuple(facts["slots"]),
            facts["n_outputs"],
            **{name: arrays[name] for name in _DTYPES},
        )

    def starts(self) -> NDArray[np.int64]:
        """(trees + 1,) where each tree's nodes begin; its leaves begin ``tree`` further on."""
        return np.concatenate([[0], np.cumsum(self.nodes, dtype=np.int64)])

    def tree_of_node(self) -> NDArray[np.int64]:
        """(all nodes,) the tree that a node belongs to."""
        return np.repeat(np.arange(self.n_trees), self.nodes)

    def leaves_below(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """(all nodes,) twice: the leaves left and right of each node, one bit a leaf."""
        starts, trees = self.starts()[:-1], self.tree_of_node()
        place = np.arange(len(self.feature)) - starts[trees]
        sides = np.zeros((2, len(self.feature)), np.uint64)
        # A child's number is above its parent's: from the last place to the first.
        order = np.argsort(-place, kind="stable")
        cuts = np.flatnonzero(np.diff(place[order])) + 1
        for at in np.split(order, cuts):
            for side, child in enumerate((self.left[at], self.right[at])):
                below = starts[trees[at]] + np.maximum(child, 0)
                own = np.uint64(1) << np.maximum(~child, 0).astype(np.uint64)
                sides[side, at] = np.where(child < 0, own, sides[0, below] | sides[1, below])
        return sides[0], sides[1]


def _need(truth: bool | np.bool_, what: str) -> None:
    if not truth:
        raise ValueError(f"A forest needs that {what}.")


def _check_shapes(forest: Forest) -> None:
    trees, nodes = len(forest.nodes), len(forest.feature)
    for name, dtype in _DTYPES.items():
        array = getattr(forest, name)
        _need(array.ndim == 1 and array.dtype == dtype, f"{name} is one row of its own type")
    _need(1 <= trees <= MAX_TREES, f"there are 1 to {MAX_TREES} trees")
    _need(1 <= forest.n_outputs <= MAX_OUTPUTS, f"there are 1 to {MAX_OUTPUTS} outputs")
    _need(forest.n_numbers >= 0 and all(s > 0 for s in forest.slots), "columns have sizes")
    _need(len(forest.output) == trees, "every tree has an output")
    inside = (forest.nodes >= 0) & (forest.nodes < MAX_LEAVES)
    _need(inside.all(), f"a tree has at most {MAX_LEAVES} leaves")
    _need(int(forest.nodes.sum(dtype=np.int64)) == nodes, "the nodes add up")
    _need(len(forest.leaf) == nodes + trees, "the leaves add up")
    for name in ("threshold", "missing_left", "left", "right", "category_set"):
        _need(len(getattr(forest, name)) == nodes, f"{name} has a value a node")


def _check_values(forest: Forest) -> None:
    output, feature, sets = forest.output, forest.feature, forest.category_set
    _need((output >= 0).all() and (output < forest.n_outputs).all(), "outputs are in range")
    _need((np.diff(output) >= 0).all(), "trees are sorted by output")
    _need(np.isfinite(forest.leaf).all(), "leaf values are finite")
    _need(np.isfinite(forest.threshold).all(), "thresholds are finite")
    n_features = forest.n_numbers + len(forest.slots)
    _need((feature >= 0).all() and (feature < n_features).all(), "features are in range")
    bounds = forest.set_bounds
    _need(len(bounds) >= 1 and bounds[0] == 0, "sets begin at 0")
    _need((np.diff(bounds) >= 0).all() and bounds[-1] == len(forest.set_words), "sets are in range")
    category = feature >= forest.n_numbers
    _need((sets[~category] == -1).all(), "number nodes have no set")
    chosen = sets[category]
    _need((chosen >= 0).all() and (chosen < len(bounds) - 1).all(), "category nodes have a set")
    slots = np.asarray(forest.slots, np.int64)[feature[category] - forest.n_numbers]
    words = np.diff(bounds)[chosen]
    _need((words <= (slots + WORD - 1) // WORD).all(), "sets are no longer than their column")


def _check_children(forest: Forest) -> None:
    starts, trees = forest.starts()[:-1], forest.tree_of_node()
    place = np.arange(len(forest.feature)) - starts[trees]
    seen_nodes = np.zeros(len(forest.feature), np.int64)
    seen_leaves = np.zeros(len(forest.leaf), np.int64)
    for child in (forest.left.astype(np.int64), forest.right.astype(np.int64)):
        inner = child >= 0
        count = forest.nodes[trees].astype(np.int64)
        _need((child[inner] > place[inner]).all(), "a child comes after its parent")
        _need((child < count).all() and (~child <= count).all(), "children are in range")
        seen_nodes += np.bincount((starts[trees] + child)[inner], minlength=len(seen_nodes))
        leaf = (starts[trees] + trees + ~child)[~inner]
        seen_leaves += np.bincount(leaf, minlength=len(seen_leaves))
    root = np.zeros(len(seen_nodes), bool)
    root[starts[forest.nodes > 0]] = True
    _need((seen_nodes == ~root).all(), "every node but the first has one parent")
    alone = np.zeros(len(seen_leaves), bool)
    alone[(starts + np.arange(len(starts)))[forest.nodes == 0]] = True
    _need((seen_leaves == ~alone).all(), "every leaf has one parent")

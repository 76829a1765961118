"""Reading the trees that LightGBM has grown into a Forest.

LightGBM's own text of a model is read right after growing, in memory, and never from a file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from deeplode.trees.forest import Forest

_LARGEST = np.finfo(np.float32).max
_ZERO = np.float32(1e-35)  # kZeroThreshold in LightGBM/meta.h


def forest_of(
    boosters: Sequence[Any], rounds: Sequence[int], n_numbers: int, slots: tuple[int, ...]
) -> Forest:
    """The trees of some LightGBM boosters as one forest.

    rounds: how many rounds of each booster count.
    The features are ``n_numbers`` numbers, then a category for each of ``slots``. Each score of
    each booster is an output of its own: booster 0's first.
    """
    per_round = boosters[0].num_model_per_iteration()
    parts: list[dict[str, np.ndarray]] = []
    for number, (booster, count) in enumerate(zip(boosters, rounds, strict=True)):
        part = _read(booster.model_to_string(num_iteration=count))
        part["output"] = number * per_round + np.arange(len(part["nodes"])) % per_round
        parts.append(part)
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return _sorted(whole, (n_numbers, slots, per_round * len(boosters)))


def _read(text: str) -> dict[str, np.ndarray]:
    """The arrays of LightGBM's text of a model, by Forest's names, tree after tree.

    A category node's set is its number within the tree.
    """
    lines: dict[str, list[str]] = defaultdict(list)
    for line in text[text.index("\nTree=") : text.index("\nend of trees")].split("\n"):
        name, _, rest = line.partition("=")
        lines[name].append(rest)

    def values(name: str, dtype: Any) -> np.ndarray:
        return np.array(" ".join(lines[name]).split(), dtype)

    if values("is_linear", np.int64).any():
        raise ValueError("Trees with linear leaves are not supported.")
    threshold, decision = values("threshold", np.float64), values("decision_type", np.int64)
    is_category, missing = decision & 1 == 1, decision >> 2 & 3
    if (missing == 1).any():
        raise ValueError("Trees that take zero for missing are not supported.")
    # Without missing values in training, LightGBM takes NaN for 0. A category's NaN is a slot.
    goes_left = np.where(missing == 2, decision & 2 == 2, threshold >= 0) & ~is_category
    bounds = values("cat_boundaries", np.int64)  # 0, ..., once a tree that has sets
    return {
        "nodes": values("num_leaves", np.int32) - 1,
        "sets": values("num_cat", np.int64),
        "feature": values("split_feature", np.int32),
        "threshold": np.where(is_category, 0, _round_down(threshold)).astype(np.float32),
        "missing_left": goes_left,
        "left": values("left_child", np.int8),
        "right": values("right_child", np.int8),
        "category_set": np.where(is_category, threshold, -1).astype(np.int32),
        "set_sizes": np.diff(bounds)[bounds[1:] > 0],
        "set_words": values("cat_threshold", np.uint32),
        "leaf": values("leaf_value", np.float64),
    }


def _round_down(threshold: np.ndarray) -> np.ndarray:
    """The largest float32 not above: inputs are float32, so every row goes where it went.

    Numbers within _ZERO of 0 are 0 to LightGBM: thresholds among them move beyond them.
    """
    clipped = np.clip(threshold, -_LARGEST, _LARGEST)
    near: np.ndarray = clipped.astype(np.float32)
    above = near > clipped
    near[above] = np.nextafter(near[above], np.float32(-np.inf))
    near[(near >= -_ZERO) & (near < 0)] = np.nextafter(-_ZERO, np.float32(-np.inf))
    near[(near >= 0) & (near < _ZERO)] = _ZERO
    return near


def _sorted(whole: dict[str, np.ndarray], sizes: tuple[int, tuple[int, ...], int]) -> Forest:
    """The forest of all trees, by output. sizes: numbers, slots, outputs."""
    n_numbers, slots, n_outputs = sizes
    nodes, output, sets = (whole.pop(name) for name in ("nodes", "output", "sets"))
    bounds = np.concatenate([[0], np.cumsum(whole.pop("set_sizes"))]).astype(np.int64)
    words, leaf, own = whole.pop("set_words"), whole.pop("leaf"), whole["category_set"]
    before = np.repeat(np.cumsum(sets) - sets, nodes)
    whole["category_set"] = np.where(own >= 0, own + before, -1).astype(np.int32)
    order = np.argsort(output, kind="stable")
    by_node = _pieces(nodes, order)
    return Forest(
        n_numbers,
        slots,
        n_outputs,
        output[order].astype(np.int32),
        nodes[order],
        set_bounds=bounds,
        set_words=words,
        leaf=leaf[_pieces(nodes + 1, order)],
        **{name: array[by_node] for name, array in whole.items()},
    )


def _pieces(sizes: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Positions of consecutive pieces of these sizes, the pieces in this order."""
    starts = np.cumsum(sizes) - sizes
    ends = np.cumsum(sizes[order])
    shift = np.repeat(starts[order] - (ends - sizes[order]), sizes[order])
    return np.asarray(np.arange(len(shift)) + shift)

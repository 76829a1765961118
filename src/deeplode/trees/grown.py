"""Reading the trees that LightGBM has grown into a Forest.

LightGBM's own text of a model is read right after growing, in memory, and never from a file.
"""

from __future__ import annotations

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
    trees: list[dict[str, np.ndarray]] = []
    outputs: list[int] = []
    per_round = boosters[0].num_model_per_iteration()
    for number, (booster, count) in enumerate(zip(boosters, rounds, strict=True)):
        own = _trees(booster.model_to_string(num_iteration=count))
        outputs += [number * per_round + at % per_round for at in range(len(own))]
        trees += own
    order = np.argsort(outputs, kind="stable")
    return _join(
        [trees[at] for at in order],
        np.asarray(outputs, np.int32)[order],
        (n_numbers, slots, per_round * len(boosters)),
    )


def _trees(text: str) -> list[dict[str, np.ndarray]]:
    """The trees in LightGBM's text of a model."""
    return [_tree(part) for part in text.split("\nend of trees")[0].split("\nTree=")[1:]]


def _tree(text: str) -> dict[str, np.ndarray]:
    """One tree's arrays, by Forest's names, its sets numbered from 0."""
    lines = dict(line.split("=", 1) for line in text.split("\n") if "=" in line)
    if lines.get("is_linear", "0") != "0":
        raise ValueError("Trees with linear leaves are not supported.")
    if int(lines["num_leaves"]) == 1:
        lines = {"leaf_value": lines["leaf_value"]}

    def values(name: str, dtype: Any) -> np.ndarray:
        return np.array(lines.get(name, "").split(), dtype)

    threshold, decision = values("threshold", np.float64), values("decision_type", np.int64)
    is_category, missing = decision & 1 == 1, decision >> 2 & 3
    if (missing == 1).any():
        raise ValueError("Trees that take zero for missing are not supported.")
    # Without missing values in training, LightGBM takes NaN for 0. A category's NaN is a slot.
    goes_left = np.where(missing == 2, decision & 2 == 2, threshold >= 0) & ~is_category
    return {
        "feature": values("split_feature", np.int32),
        "threshold": np.where(is_category, 0, _round_down(threshold)).astype(np.float32),
        "missing_left": goes_left,
        "left": values("left_child", np.int8),
        "right": values("right_child", np.int8),
        "category_set": np.where(is_category, threshold, -1).astype(np.int32),
        "set_sizes": np.diff(values("cat_boundaries", np.int64)),
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


def _join(
    trees: list[dict[str, np.ndarray]],
    output: np.ndarray,
    sizes: tuple[int, tuple[int, ...], int],
) -> Forest:
    n_numbers, slots, n_outputs = sizes
    whole = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
    nodes = np.array([len(tree["feature"]) for tree in trees], np.int32)
    sets_before = np.cumsum([0] + [len(tree["set_sizes"]) for tree in trees])[:-1]
    shift = np.repeat(sets_before, nodes)
    own = whole["category_set"]
    whole["category_set"] = np.where(own >= 0, own + shift, -1).astype(np.int32)
    sizes_of_sets = whole.pop("set_sizes")
    bounds = np.concatenate([[0], np.cumsum(sizes_of_sets)]).astype(np.int64)
    return Forest(n_numbers, slots, n_outputs, output, nodes, set_bounds=bounds, **whole)

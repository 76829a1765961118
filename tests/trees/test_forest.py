"""A forest answers exactly as LightGBM does, and refuses arrays that no forest can have."""

from __future__ import annotations

import dataclasses

import lightgbm
import numpy as np
import pytest

from deeplode.trees import scorer as scoring
from deeplode.trees.forest import Forest
from deeplode.trees.grown import forest_of
from deeplode.trees.scorer import Scorer

OBJECTIVES = {1: "l2", 2: "binary", 5: "multiclass"}
SLOTS = (6, 40)


def grow(case, n_classes=1, rounds=12, **params):
    """LightGBM models of every fold."""
    wanted = {"objective": OBJECTIVES[n_classes], "verbosity": -1, "num_threads": 1, **params}
    if n_classes > 2:
        wanted["num_class"] = n_classes
    x = case.matrix()
    return [
        lightgbm.train(
            wanted,
            lightgbm.Dataset(x[fold.train], case.target[fold.train], categorical_feature=[4, 5]),
            rounds,
        )
        for fold in case.folds
    ]


@pytest.fixture(scope="module")
def forest(make_case):
    case = make_case()
    return forest_of(grow(case), [12] * 3, 4, SLOTS)


@pytest.mark.parametrize("n_classes", OBJECTIVES)
@pytest.mark.parametrize("leaves", [2, 31, 33, 64])
def test_scores_are_those_of_lightgbm_itself(make_case, n_classes, leaves):
    case = make_case(n_classes)
    boosters = grow(case, n_classes, num_leaves=leaves, min_data_in_leaf=3, max_cat_to_onehot=2)
    forest = forest_of(boosters, [12] * 3, 4, SLOTS)
    expected = np.stack([b.predict(case.matrix(), raw_score=True) for b in boosters], 1)
    found = Scorer(forest)(case.batch.numbers.numpy(), case.batch.categories.numpy())
    np.testing.assert_allclose(found, expected.reshape(len(found), -1), rtol=0, atol=1e-12)


def test_new_rows_with_gaps_ties_and_unseen_slots_go_where_lightgbm_sends_them(make_case):
    case = make_case()
    boosters = grow(case, rounds=20, min_data_in_leaf=3)
    forest = forest_of(boosters, [20] * 3, 4, SLOTS)
    rng = np.random.default_rng(1)
    # Exactly at, just below and just above thresholds; missing where training had none.
    at = rng.choice(forest.threshold, (4000, 4))
    numbers = np.where(rng.random(at.shape) < 0.3, np.nextafter(at, np.float32(9)), at)
    numbers[rng.random(at.shape) < 0.2] = np.nan
    numbers[:5] = [[1e30] * 4, [-1e30] * 4, [np.nan] * 4, [0.0] * 4, [-0.0] * 4]
    categories = rng.integers(0, 60, (4000, 2)).astype(np.int32)
    x = np.concatenate([numbers, categories], 1)
    expected = np.stack([b.predict(x, raw_score=True) for b in boosters], 1)
    np.testing.assert_allclose(Scorer(forest)(numbers, categories), expected, rtol=0, atol=1e-12)


def test_rounds_that_do_not_count_are_left_out(make_case):
    case = make_case(5)
    boosters = grow(case, 5)
    forest = forest_of(boosters, [3, 7, 12], 4, SLOTS)
    assert forest.n_trees == 5 * (3 + 7 + 12)
    expected = [
        b.predict(case.matrix(), raw_score=True, num_iteration=n)
        for b, n in zip(boosters, [3, 7, 12], strict=True)
    ]
    found = Scorer(forest)(case.batch.numbers.numpy(), case.batch.categories.numpy())
    np.testing.assert_allclose(found, np.concatenate(expected, 1), rtol=0, atol=1e-12)


def test_a_row_scores_the_same_bits_alone_in_any_company_and_on_any_threads(make_case, monkeypatch):
    case = make_case(5, rows=3000)
    forest = forest_of(grow(case, 5, rounds=30), [30] * 3, 4, SLOTS)
    numbers, categories = case.batch.numbers.numpy(), case.batch.categories.numpy()
    monkeypatch.setattr(scoring, "CHUNK", 700)
    whole = Scorer(forest)(numbers, categories, threads=2)
    scorer = Scorer(forest)
    np.testing.assert_array_equal(scorer(numbers[::-1], categories[::-1])[::-1], whole)
    for row in range(0, 3000, 500):
        alone = scorer(numbers[row : row + 1], categories[row : row + 1])
        np.testing.assert_array_equal(alone[0], whole[row])


@pytest.mark.parametrize("few", [0, 10**9])
def test_a_forest_too_large_to_keep_its_tables_scores_the_same_bits(make_case, monkeypatch, few):
    case = make_case(5, rows=1000)
    forest = forest_of(grow(case, 5, num_leaves=40), [12] * 3, 4, SLOTS)
    rows = case.batch.numbers.numpy(), case.batch.categories.numpy()
    whole = Scorer(forest)(*rows)
    monkeypatch.setattr(scoring, "KEPT_BYTES", 0)
    monkeypatch.setattr(scoring, "FEW", few)  # asked node by node, or by tables made anew
    np.testing.assert_array_equal(Scorer(forest)(*rows), whole)


def test_trees_without_splits_and_tables_without_rows_are_scored(make_case):
    case = make_case(rows=40)
    boosters = grow(case, min_data_in_leaf=1000)
    forest = forest_of(boosters, [1] * 3, 4, SLOTS)
    numbers, categories = case.batch.numbers.numpy(), case.batch.categories.numpy()
    expected = np.stack([b.predict(case.matrix(), raw_score=True) for b in boosters], 1)
    scorer = Scorer(forest)
    np.testing.assert_allclose(scorer(numbers, categories), expected)
    assert scorer(numbers[:0], categories[:0]).shape == (0, 3)


def test_a_forest_comes_back_from_its_facts_and_arrays(forest, make_case):
    batch = make_case(seed=5).batch
    again = Forest.restore(forest.facts(), forest.arrays())
    rows = batch.numbers.numpy(), batch.categories.numpy()
    np.testing.assert_array_equal(Scorer(again)(*rows), Scorer(forest)(*rows))


def changed(name, at, value):
    def change(arrays):
        array = arrays[name].copy()
        array[at] = value
        return {**arrays, name: array}

    return change


def first_category(arrays):
    at = int(np.flatnonzero(arrays["category_set"] >= 0)[0])
    return changed("category_set", at, len(arrays["set_bounds"]) - 1)(arrays)


BROKEN = {
    "a feature beyond the columns": changed("feature", 0, 6),
    "a negative feature": changed("feature", 0, -1),
    "a child that is its parent": changed("left", 1, 1),
    "a child that is the root": changed("left", 1, 0),
    "a node with two parents": lambda a: changed("left", 0, int(a["right"][0]))(a),
    "a child beyond the tree": changed("left", 0, 100),
    "a leaf beyond the tree": changed("right", 0, -100),
    "an infinite leaf": changed("leaf", 3, np.inf),
    "a leaf that is not a number": changed("leaf", 3, np.nan),
    "a threshold that is not a number": changed("threshold", 0, np.nan),
    "an output beyond the scores": changed("output", -1, 3),
    "trees out of order": changed("output", 0, 2),
    "more than 64 leaves": changed("nodes", 0, 64),
    "a negative count of nodes": changed("nodes", 0, -1),
    "a set that is not there": first_category,
    "sets that run backwards": changed("set_bounds", 1, 10**6),
    "sets that begin too late": changed("set_bounds", 0, 1),
    "too few leaves": lambda a: {**a, "leaf": a["leaf"][:-1]},
    "another type": lambda a: {**a, "threshold": a["threshold"].astype(np.float64)},
    "another shape": lambda a: {**a, "leaf": a["leaf"][None]},
    "no trees": lambda a: {**a, "nodes": a["nodes"][:0], "output": a["output"][:0]},
    "an absent array": lambda a: {name: a[name] for name in a if name != "leaf"},
}


@pytest.mark.parametrize("break_it", BROKEN.values(), ids=BROKEN.keys())
def test_arrays_are_refused_that_have(break_it, forest):
    with pytest.raises(ValueError, match="forest needs"):
        Forest.restore(forest.facts(), break_it(forest.arrays()))


@pytest.mark.parametrize(
    "wrong",
    [{"n_numbers": -1}, {"n_numbers": 2.0}, {"slots": [6, 0]}, {"n_outputs": 0}, {"slots": [1, 1]}],
)
def test_sizes_are_refused_that_no_fit_can_have(wrong, forest):
    with pytest.raises(ValueError, match="forest needs"):
        Forest.restore({**forest.facts(), **wrong}, forest.arrays())


def test_every_leaf_lies_on_one_side_of_every_node_above_it(forest):
    left, right = forest.leaves_below()
    assert not (left & right).any()
    roots = forest.starts()[:-1][forest.nodes > 0]
    leaves = forest.nodes[forest.nodes > 0].astype(np.uint64) + np.uint64(1)
    np.testing.assert_array_equal(left[roots] | right[roots], (np.uint64(1) << leaves) - 1)


def test_a_forest_cannot_be_changed(forest):
    with pytest.raises(dataclasses.FrozenInstanceError):
        forest.n_outputs = 1

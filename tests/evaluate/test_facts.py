"""Facts behind charts add up and stay small whatever the data."""

from __future__ import annotations

import json

import numpy as np

from deeplode.evaluate.facts import confusion, distribution, residuals


def test_a_confusion_matrix_counts_every_row():
    truth, called = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 0, 2])
    found = confusion(truth, called, ("a", "b", 3))
    assert found["classes"] == ["a", "b", "3"]
    assert found["matrix"] == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]
    assert found["others"] == 0
    json.dumps(found)


def test_rare_classes_of_many_are_shown_together():
    rng = np.random.default_rng(0)
    truth = np.concatenate([np.repeat(np.arange(20) * 3, 30), np.arange(100)])
    called = rng.permutation(truth)
    found = confusion(truth, called, range(100))
    assert len(found["classes"]) == 20
    assert found["classes"] == [str(3 * at) for at in range(20)]
    assert np.shape(found["matrix"]) == (21, 21)
    assert np.sum(found["matrix"]) == len(truth)
    assert found["others"] == 80


def test_residuals_show_some_points_and_the_quantiles_of_all():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=5000)
    found = residuals(truth, truth - 1)
    assert len(found["points"]) == 500
    assert all(
        point[1] - point[0] == 1 or abs(point[1] - point[0] - 1) < 1e-9 for point in found["points"]
    )
    np.testing.assert_allclose(list(found["quantiles"].values()), 1)
    assert len(residuals(truth[:3], truth[:3])["points"]) == 3
    json.dumps(found)


def test_a_distribution_counts_every_row_and_names_the_most_frequent_classes():
    target = np.concatenate([np.zeros(50, int), np.arange(30)])
    found = distribution(target, [f"c{at}" for at in range(31)])
    assert found["classes"][0] == {"class": "c0", "rows": 51}
    assert len(found["classes"]) == 20
    shown = sum(one["rows"] for one in found["classes"])
    assert shown + found["others_rows"] == 80
    assert found["others"] == 11

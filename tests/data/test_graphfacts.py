"""Facts of a graph."""

from __future__ import annotations

import numpy as np

from deeplode.data.edges import Edges
from deeplode.data.graph import fingerprint, keys
from deeplode.data.graphfacts import graph_facts, homophily

KEY_OF_A = 3405396810240292928  # that model files hold


def ring(nodes: int) -> Edges:
    one, other = np.arange(nodes - 1), np.arange(1, nodes)
    return Edges(nodes + 2, one, other, np.ones(nodes - 1))


def test_a_path_and_two_lone_nodes_are_three_parts():
    facts = graph_facts(ring(10), np.full(12, np.nan), True)
    assert (facts["nodes"], facts["edges"], facts["components"], facts["isolated"]) == (12, 9, 3, 2)
    assert facts["degrees"]["0.5"] == 2
    assert facts["homophily"] is None


def test_homophily_is_the_share_of_equal_ends_within_its_interval():
    labels = np.array([0.0] * 50 + [1.0] * 50 + [np.nan] * 2)
    found = homophily(ring(100), labels, True)
    assert found is not None
    assert found["value"] == 98 / 99
    assert found["low"] < 98 / 99 < found["high"] < 1
    assert found["edges"] == 99


def test_the_interval_of_homophily_holds_its_share_in_19_of_20_graphs():
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        pairs = np.arange(200).reshape(100, 2)
        labels = rng.integers(0, 2, 200).astype(float)
        same = rng.random(100) < 0.7
        labels[1::2] = np.where(same, labels[::2], 1 - labels[::2])
        found = homophily(Edges(200, pairs[:, 0], pairs[:, 1], np.ones(100)), labels, True)
        assert found is not None
        held += found["low"] <= 0.7 <= found["high"]
    assert 180 <= held <= 199


def test_of_values_it_is_the_correlation_of_both_ends():
    values = np.concatenate([np.linspace(0, 1, 100), [np.nan] * 2])
    found = homophily(ring(100), values, False)
    assert found is not None
    assert found["value"] > 0.99
    assert homophily(ring(100), np.ones(102), False) is None


def test_keys_are_the_same_everywhere_and_tell_ids_apart():
    assert keys(["7", "a"]).tolist() == [keys(["7"])[0], keys(["a"])[0]]
    assert keys(["a"])[0] == KEY_OF_A
    assert len(set(keys([str(one) for one in range(10_000)]).tolist())) == 10_000
    assert keys([None])[0] == 0


def test_a_graph_is_known_again_and_another_is_not():
    assert fingerprint(ring(10)) == fingerprint(ring(10))
    assert fingerprint(ring(10)) != fingerprint(ring(11))

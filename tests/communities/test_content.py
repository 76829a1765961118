"""Groups by links and content together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from deeplode.communities.content import directions, grouped, kmeans, likeness, spread
from deeplode.communities.network import Network

Planted = Callable[..., Network]
TRUTH = np.repeat([0, 1, 2], 40)


def about(truth: np.ndarray, noise: float, seed: int = 0) -> np.ndarray:
    """Content that says a little of each node's block, (nodes, 12)."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(3, 12))[truth] + noise * rng.normal(size=(len(truth), 12))


def same(one: np.ndarray, other: np.ndarray) -> float:
    """The share of pairs of nodes that two partitions see alike."""
    return float(((one[:, None] == one) == (other[:, None] == other)).mean())


def test_links_and_content_together_say_more_than_either(blocks: Planted) -> None:
    net, content = blocks((40, 40, 40), 0.15, 0.04), about(TRUTH, 1.5)
    both = grouped(net, directions(spread(net, content)), 0, 3).label
    alone = kmeans(directions(content), 3, 0)
    assert same(both, TRUTH) > 0.9
    assert same(both, TRUTH) > same(alone, TRUTH) + 0.1


def test_the_links_say_how_many_groups_of_content_there_are(blocks: Planted) -> None:
    found = grouped(blocks((40, 40, 40), 0.3, 0.02), directions(about(TRUTH, 0.5)), 0)
    assert found.label.tolist() == TRUTH.tolist()
    assert max(found.tried, key=found.tried.__getitem__) == 3


def test_spread_content_of_a_node_without_links_is_its_own() -> None:
    net, content = Network.of(3, np.array([0]), np.array([1])), np.eye(3)
    found = spread(net, content)
    assert found[2].tolist() == pytest.approx([0, 0, 1])
    assert found[0] == pytest.approx(found[1][[1, 0, 2]])
    assert found[0, 1] > 0.3


def test_nodes_with_equal_content_are_one_group(blocks: Planted) -> None:
    found = grouped(blocks((5, 5), 0.9, 0.1), directions(np.ones((10, 4))), 0)
    assert found.label.tolist() == [0] * 10


def test_likeness_of_linked_nodes_is_told_from_chance(blocks: Planted) -> None:
    net = blocks((40, 40, 40), 0.2, 0.02)
    like, none = likeness(net, about(TRUTH, 1.0), 0), likeness(net, about(TRUTH[::-1] * 0, 1.0), 0)
    assert like is not None
    assert none is not None
    assert like["low"] > 0.6
    assert none["low"] < 0.5 < none["high"]
    assert likeness(net, np.zeros((120, 2)), 0) is None

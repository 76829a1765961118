"""Partitions of links: modularity, the best known optima, and what does not change them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from deeplode.communities.leiden import leiden
from deeplode.communities.network import Network, modularity, numbered
from deeplode.communities.search import best_partition, with_number

BEST = {  # modularity of the best partition known
    "karate": 0.4198,
    "dolphins": 0.5285,
    "polbooks": 0.5272,
    "football": 0.6046,
    "lesmis": 0.5600,
}
Planted = Callable[..., Network]


def ends(*pairs: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    both = np.array(pairs, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def test_modularity_of_two_triangles_and_a_bridge_is_that_by_hand() -> None:
    two = Network.of(6, *ends((0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (2, 3)))
    assert modularity(two, np.array([0, 0, 0, 1, 1, 1])) == pytest.approx(6 / 7 - 0.5)
    assert modularity(two, np.zeros(6, np.int64)) == pytest.approx(0)


def test_modularity_does_not_change_when_communities_become_nodes(blocks: Planted) -> None:
    net = blocks((8, 9, 10), 0.6, 0.1)
    label = np.repeat([0, 1, 2], (8, 9, 10))
    whole = net.grouped(label)
    assert modularity(whole, np.arange(3)) == pytest.approx(modularity(net, label))


def test_weights_count_and_several_edges_add_up() -> None:
    one = Network.of(3, *ends((0, 1), (1, 0), (1, 2)), np.array([2.0, 1.5, 1.0]))
    assert one.links.toarray().tolist() == [[0, 3.5, 0], [3.5, 0, 1], [0, 1, 0]]
    heavy = Network.of(4, *ends((0, 1), (1, 2), (2, 3)), np.array([1.0, 9.0, 1.0]))
    label = best_partition(heavy)
    assert label[1] == label[2]


@pytest.mark.parametrize("bad", [[-1.0], [0.0], [np.nan], [np.inf]])
def test_a_weight_that_is_not_above_zero_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="Weights"):
        Network.of(2, *ends((0, 1)), np.array(bad))


def test_an_edge_that_ends_at_no_node_is_refused() -> None:
    with pytest.raises(ValueError, match="no node"):
        Network.of(2, *ends((0, 2)))


@pytest.mark.parametrize("name", BEST)
def test_the_best_known_partition_of_small_networks_is_found(
    small: Callable[..., tuple[Network, object]], name: str
) -> None:
    net, _ = small(name)
    for seed in range(2):
        assert round(modularity(net, best_partition(net, seed)), 4) >= BEST[name]


def test_blocks_that_were_planted_are_found_with_their_number(blocks: Planted) -> None:
    label = best_partition(blocks((40, 30, 20), 0.4, 0.02))
    assert label.tolist() == np.repeat([0, 1, 2], (40, 30, 20)).tolist()


def test_every_community_is_connected(blocks: Planted) -> None:
    net = blocks((30, 30, 30, 30), 0.12, 0.03, seed=3)
    label = leiden(net, np.random.default_rng(0))
    for own in range(label.max() + 1):
        members = np.flatnonzero(label == own)
        assert net.ordered(members).components().max() == 0


def test_no_move_of_one_node_betters_the_answer(blocks: Planted) -> None:
    net = blocks((12, 12, 12), 0.5, 0.15, seed=1)
    label = best_partition(net)
    best = modularity(net, label)
    for node in range(len(net)):
        for there in range(label.max() + 2):
            other = label.copy()
            other[node] = there
            assert modularity(net, other) <= best + 1e-12


def test_the_order_of_edges_does_not_matter_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    source, target = rng.integers(0, 30, (2, 120))
    weight = rng.random(120) + 0.1
    order = rng.permutation(120)
    one = Network.of(30, source, target, weight)
    other = Network.of(30, target[order], source[order], weight[order])
    assert (one.links != other.links).nnz == 0
    assert best_partition(one, 5).tolist() == best_partition(other, 5).tolist()


def test_same_seed_same_partition(blocks: Planted) -> None:
    net = blocks((20, 20, 20), 0.25, 0.12)
    assert best_partition(net, 4).tolist() == best_partition(net, 4).tolist()


def test_a_star_is_one_community_and_a_network_without_links_has_one_for_each_node() -> None:
    star = Network.of(6, *ends(*((0, leaf) for leaf in range(1, 6))))
    assert best_partition(star).tolist() == [0] * 6
    assert best_partition(Network.of(4, *ends())).tolist() == [0, 1, 2, 3]


def test_isolated_nodes_stand_alone_and_self_loops_do_no_harm() -> None:
    net = Network.of(5, *ends((0, 1), (1, 2), (0, 2), (3, 3)))
    assert best_partition(net).tolist() == [0, 0, 0, 1, 2]


def test_asked_to_stop_there_is_an_answer_all_the_same(blocks: Planted) -> None:
    net = blocks((20, 20), 0.5, 0.05)
    assert modularity(net, best_partition(net, 0, stop=lambda: "time")) > 0.3


def test_communities_are_numbered_by_size_and_first_node() -> None:
    assert numbered(np.array([7, 3, 3, 9, 9, 1])).tolist() == [2, 0, 0, 1, 1, 3]


@pytest.mark.parametrize("clusters", [1, 2, 3, 5, 9, 60])
def test_as_many_communities_as_asked_for(blocks: Planted, clusters: int) -> None:
    net = blocks((20, 20, 20), 0.5, 0.03)
    label = with_number(net, best_partition(net), clusters, 0)
    assert np.unique(label).tolist() == list(range(clusters))


def test_joined_communities_are_those_that_are_linked_most(blocks: Planted) -> None:
    near = Network.of(4, *ends((0, 1), (1, 2), (2, 3)), np.array([1.0, 9.0, 1.0]))
    label = with_number(near, np.arange(4), 3, 0)
    assert label[1] == label[2]
    two = with_number(near, np.arange(4), 2, 0)
    by_hand = max(modularity(near, np.array(one)) for one in ([0, 0, 0, 1], [0, 1, 1, 1]))
    assert modularity(near, two) == pytest.approx(by_hand)

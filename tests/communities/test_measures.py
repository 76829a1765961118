"""What is measured of a network and drawn of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from deeplode.communities.centrality import betweenness, pagerank
from deeplode.communities.layout import layout, shown
from deeplode.communities.measures import correlation, homophily, overall, within
from deeplode.communities.network import Network

Planted = Callable[..., Network]
PATH = Network.of(5, np.arange(4), np.arange(1, 5))


def test_the_middle_of_a_path_is_on_two_thirds_of_the_shortest_paths() -> None:
    shares, sources = betweenness(PATH)
    # Pairs of others: 6. Through the middle lead 4 of them, through its neighbours 3.
    assert shares.tolist() == pytest.approx([0, 3 / 6, 4 / 6, 3 / 6, 0])
    assert sources == 5


def test_equally_short_paths_share_their_betweenness() -> None:
    square = Network.of(4, np.array([0, 1, 2, 3]), np.array([1, 2, 3, 0]))
    assert betweenness(square)[0].tolist() == pytest.approx([1 / 6] * 4)


def test_betweenness_of_a_large_network_is_estimated_from_some_nodes() -> None:
    count = 3000
    wheel = Network.of(count, np.zeros(count - 1, np.int64), np.arange(1, count))
    shares, sources = betweenness(wheel)
    assert 100 < sources < count
    assert shares[0] == pytest.approx(1, abs=0.01)
    assert shares[1:].max() == 0


def test_pagerank_stands_still_under_a_step_of_the_walk(blocks: Planted) -> None:
    net = blocks((15, 15), 0.4, 0.1)
    share = pagerank(net)
    assert share.sum() == pytest.approx(1)
    step = 0.85 * net.links @ (share / np.maximum(net.strength, 1)) + 0.15 / len(net)
    assert step == pytest.approx(share, abs=1e-9)


def test_pagerank_of_nodes_without_links_is_shared_out() -> None:
    lone = Network.of(3, np.array([0]), np.array([1]))
    share = pagerank(lone)
    assert share.sum() == pytest.approx(1)
    assert share[2] < share[0]


def test_a_triangle_with_a_tail_has_its_counts() -> None:
    net = Network.of(5, np.array([0, 1, 0, 2]), np.array([1, 2, 2, 3]))
    told = overall(net)
    assert told == {
        "nodes": 5, "links": 4, "isolated": 1, "components": 2, "largest": 4,
        "density": 0.4, "mean_degree": 1.6, "transitivity": pytest.approx(3 / 5),
        "degrees": {"0": 0, "0.25": 1, "0.5": 2, "0.75": 2, "0.95": pytest.approx(2.8), "1": 3},
    }  # fmt: skip


def test_triangles_are_all_counted_whichever_nodes_are_hubs(blocks: Planted) -> None:
    net = blocks((40, 30), 0.3, 0.1)
    plain = (net.links.toarray() > 0).astype(float)
    near = plain.sum(1)
    closed = np.trace(plain @ plain @ plain) / (near * (near - 1)).sum()
    for order in (np.arange(70), np.random.default_rng(0).permutation(70)):
        assert overall(net.ordered(order))["transitivity"] == pytest.approx(closed)


def test_a_hub_of_half_a_million_leaves_costs_no_pairs_of_leaves() -> None:
    leaves = np.delete(np.arange(500_001), 250_000)
    star = Network.of(500_001, np.full(500_000, 250_000), leaves)
    assert overall(star)["transitivity"] == 0


def test_transitivity_is_not_told_where_no_time_is_left(blocks: Planted) -> None:
    assert overall(blocks((20, 20), 0.3, 0.1), lambda: "time")["transitivity"] is None


def test_links_of_like_values_correlate_and_the_interval_holds_it(blocks: Planted) -> None:
    net, rng = blocks((60, 60), 0.2, 0.02), np.random.default_rng(0)
    values = np.repeat([0.0, 3.0], 60) + rng.normal(size=120)
    told = correlation(net, values)
    source, target, _ = net.edges
    ends = np.concatenate([[source, target], [target, source]], axis=1)
    assert told is not None
    assert told["value"] == pytest.approx(np.corrcoef(values[ends])[0, 1])
    assert 0 < told["low"] < told["value"] < told["high"] < 1
    assert correlation(net, np.where(values > 0, 1e300, -1e300)) is not None


def test_values_that_do_not_differ_or_are_not_known_have_no_correlation() -> None:
    assert correlation(PATH, np.ones(5)) is None
    assert correlation(PATH, np.array([1.0, np.nan, 2.0, np.nan, 3.0])) is None


def test_communities_have_their_links_and_what_leaves_them() -> None:
    net = Network.of(5, np.array([0, 1, 0, 2]), np.array([1, 2, 2, 3]))
    first, second = within(net, np.array([0, 0, 0, 1, 1]))
    assert (first["size"], first["links"], first["links_out"], first["density"]) == (3, 3, 1, 1.0)
    assert (second["size"], second["links"], second["links_out"]) == (2, 0, 1)
    assert second["conductance"] == 1.0


def test_links_within_values_are_homophily_and_the_interval_holds_the_value(
    blocks: Planted,
) -> None:
    net = blocks((40, 40), 0.3, 0.05)
    told = homophily(net, np.repeat([0, 1], 40))
    assert told is not None
    assert 0 < told["low"] <= told["value"] <= told["high"] < 1
    assert told["same"] > told["expected"]


def test_values_at_random_are_no_homophily(blocks: Planted) -> None:
    net, rng = blocks((60, 60), 0.2, 0.2), np.random.default_rng(0)
    told = [homophily(net, rng.integers(0, 3, 120), seed) for seed in range(20)]
    assert sum(one["low"] <= 0.01 and one["high"] >= -0.02 for one in told if one) >= 17


def test_homophily_by_hand() -> None:
    told = homophily(PATH, np.array([0, 0, 1, 1, -1]))
    assert told is not None
    # Links 0-1 and 2-3 of three; ends: three of each.
    assert (told["same"], told["expected"]) == (pytest.approx(2 / 3), pytest.approx(0.5))
    assert told["value"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("code", [[0, 0, 0, 0, 0], [-1, -1, -1, 0, 1], [-1] * 5])
def test_there_is_no_homophily_without_two_values(code: list[int]) -> None:
    assert homophily(PATH, np.array(code)) is None or code == [-1, -1, -1, 0, 1]


def test_all_nodes_of_a_small_network_are_drawn_and_leaders_of_a_large_one(blocks: Planted) -> None:
    label = np.repeat([0, 1], (90, 10))
    influence = np.arange(100) / 100
    assert shown(blocks((90, 10), 0.1, 0.1), label, influence).tolist() == list(range(100))
    some = shown(blocks((90, 10), 0.1, 0.1), label, influence, most=20)
    assert np.bincount(label[some]).tolist() == [18, 2]
    assert {98, 99, 89} <= set(some.tolist())


def test_places_are_finite_repeatable_and_near_those_of_the_same_community(blocks: Planted) -> None:
    net, label = blocks((20, 20, 20), 0.5, 0.02), np.repeat([0, 1, 2], 20)
    place = layout(net, label)
    assert np.isfinite(place).all()
    assert np.abs(place).max() == pytest.approx(1)
    assert (place == layout(net, label)).all()
    middle = np.stack([place[label == one].mean(0) for one in range(3)])
    near = np.linalg.norm(place[:, None] - middle, axis=2).argmin(1)
    assert (near == label).mean() > 0.95


@pytest.mark.parametrize("count", [0, 1, 2])
def test_tiny_networks_have_places(count: int) -> None:
    none = np.zeros(0, np.int64)
    assert layout(Network.of(count, none, none), np.zeros(count, np.int64)).shape == (count, 2)

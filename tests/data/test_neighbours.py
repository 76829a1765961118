"""Neighbours drawn at random, however many links a node has."""

from __future__ import annotations

import tracemalloc

import numpy as np

from deeplode.data.edges import Edges
from deeplode.data.neighbours import around


def graph(nodes: int, links: int, seed: int = 0) -> Edges:
    rng = np.random.default_rng(seed)
    pairs = np.unique(np.sort(rng.integers(0, nodes, (links, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    return Edges(nodes, pairs[:, 0], pairs[:, 1], rng.random(len(pairs)) + 0.1)


def test_seeds_come_first_and_every_link_drawn_is_one_of_the_graph():
    edges = graph(300, 900)
    seeds = np.array([5, 7, 250])
    nodes, links = around(edges, seeds, 4, 2, np.random.default_rng(0))
    assert nodes[:3].tolist() == seeds.tolist()
    assert len(np.unique(nodes)) == len(nodes) == links.nodes
    ends = zip(edges.source.tolist(), edges.target.tolist(), strict=True)
    known = dict(zip(ends, edges.weight, strict=True))
    assert len(links) > 3
    for one, other, weight in zip(links.source, links.target, links.weight, strict=True):
        pair = tuple(sorted((int(nodes[one]), int(nodes[other]))))
        assert known[pair] == weight


def test_a_node_without_links_is_alone():
    edges = Edges(4, np.array([1]), np.array([2]), np.ones(1))
    nodes, links = around(edges, np.array([0, 3]), 5, 2, np.random.default_rng(0))
    assert nodes.tolist() == [0, 3]
    assert len(links) == 0


def test_a_star_of_a_million_leaves_costs_no_more_than_its_fanout():
    leaves = 1_000_000
    star = Edges(leaves + 1, np.zeros(leaves, np.int64), np.arange(1, leaves + 1), np.ones(leaves))
    _ = star.by_node
    tracemalloc.start()
    nodes, links = around(star, np.array([0, 1, 2]), 10, 2, np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(nodes) < 3 + 10 * 3 + 10 * 33
    assert len(links) < len(nodes) + 40
    assert peak < 1_000_000

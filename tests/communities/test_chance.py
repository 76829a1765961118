"""What communities of networks without any are worth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deeplode.communities.chance import against_chance, rewired
from deeplode.communities.network import Network

Planted = Callable[..., Network]


def test_a_rewired_network_has_the_degrees_and_weights_and_other_links(blocks: Planted) -> None:
    net = blocks((30, 30), 0.3, 0.05)
    other = rewired(net, np.random.default_rng(0))
    assert other.degree.tolist() == net.degree.tolist()
    assert other.links.diagonal().max() == 0
    assert other.links.data.max() == 1
    kept = net.links.multiply(other.links).nnz / net.links.nnz
    assert kept < 0.5


def test_a_star_cannot_be_rewired_and_stays(blocks: Planted) -> None:
    star = Network.of(5, np.zeros(4, np.int64), np.arange(1, 5))
    assert (rewired(star, np.random.default_rng(0)).links != star.links).nnz == 0


def test_planted_blocks_are_beyond_chance_and_random_links_are_not(blocks: Planted) -> None:
    assert against_chance(blocks((25, 25, 25), 0.3, 0.03))["beyond"]
    random = [against_chance(blocks((75,), 0.1, 0.1, seed), seed) for seed in range(10)]
    assert sum(one["beyond"] for one in random) <= 1
    assert all(one["value"] > 0.2 for one in random)  # though it looks like something

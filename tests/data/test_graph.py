"""What is kept of nodes and of a whole graph, to know them again."""

from __future__ import annotations

import numpy as np

from deeplode.data.edges import Edges
from deeplode.data.graph import fingerprint, keys

KEY_OF_A = 3405396810240292928  # that model files hold


def ring(nodes: int) -> Edges:
    one, other = np.arange(nodes - 1), np.arange(1, nodes)
    return Edges(nodes + 2, one, other, np.ones(nodes - 1))


def test_keys_are_the_same_everywhere_and_tell_ids_apart():
    assert keys(["7", "a"]).tolist() == [keys(["7"])[0], keys(["a"])[0]]
    assert keys(["a"])[0] == KEY_OF_A
    assert len(set(keys([str(one) for one in range(10_000)]).tolist())) == 10_000
    assert keys([None])[0] == 0


def test_a_graph_is_known_again_and_another_is_not():
    assert fingerprint(ring(10)) == fingerprint(ring(10))
    assert fingerprint(ring(10)) != fingerprint(ring(11))

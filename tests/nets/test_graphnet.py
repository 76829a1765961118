"""Scores that spread along links."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deeplode.data.adjacency import normalised
from deeplode.data.edges import Edges
from deeplode.nets.graphnet import GraphNet, GraphShape, Inputs, Shares
from deeplode.nets.pagerank import Fixed, averaged, spread, times

RNG = np.random.default_rng(0)


def edges(nodes: int = 12, links: int = 20) -> Edges:
    pairs = np.unique(np.sort(RNG.integers(0, nodes, (links, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    return Edges(nodes, pairs[:, 0], pairs[:, 1], RNG.random(len(pairs)) + 0.5)


def dense(found: Edges) -> np.ndarray:
    matrix = np.zeros((found.nodes, found.nodes))
    matrix[found.source, found.target] = matrix[found.target, found.source] = found.weight
    matrix += np.eye(found.nodes) * found.weight.mean()
    root = matrix.sum(1) ** -0.5
    return root[:, None] * matrix * root[None]


def test_the_matrix_has_links_and_loops_over_the_roots_of_both_sums():
    found = edges()
    np.testing.assert_allclose(normalised(found).toarray(), dense(found), atol=1e-6)


def test_spread_and_average_are_the_sums_that_they_say():
    found = edges()
    matrix, z = dense(found), RNG.normal(size=(12, 3))
    own = torch.from_numpy(z).float()
    expected = z
    for _ in range(5):
        expected = 0.2 * z + 0.8 * matrix @ expected
    np.testing.assert_allclose(spread(normalised(found), own, 0.2, 5), expected, atol=1e-5)
    powers = [np.linalg.matrix_power(matrix, step) @ z for step in range(5)]
    np.testing.assert_allclose(averaged(normalised(found), own, 4), np.mean(powers, 0), atol=1e-5)


def test_fixed_nodes_keep_what_they_say_and_others_hear_it():
    found = edges()
    fixed = Fixed(np.array([3]), np.full((1, 2), 9.0, np.float32))
    for how in (
        lambda z, own: spread(normalised(found), z, 0.2, 5, own),
        lambda z, own: averaged(normalised(found), z, 5, own),
    ):
        told = how(torch.zeros(12, 2), fixed)
        assert torch.allclose(told[3], torch.full((2,), 9.0))
        near = found.target[found.source == 3]
        assert (told[near] > 0).all()
        assert not how(torch.zeros(12, 2), None).any()


def test_the_way_back_through_a_product_is_that_of_torch():
    matrix = normalised(edges())
    z = torch.randn(12, 4, requires_grad=True)
    times(matrix, matrix, z).square().sum().backward()
    own = z.grad
    other = z.detach().clone().requires_grad_()
    (torch.from_numpy(matrix.toarray()) @ other).square().sum().backward()
    assert torch.allclose(own, other.grad, atol=1e-5)


def net(members: int = 2) -> GraphNet:
    shape = GraphShape(5, 8, 3, members, 3)
    return GraphNet(shape, torch.zeros(3), torch.Generator().manual_seed(0))


def test_members_do_not_see_each_other():
    both, inputs = net(), Inputs(RNG.normal(size=(12, 5)).astype(np.float32), normalised(edges()))
    said, known = torch.zeros(12, 3), torch.zeros(2, 12)
    before = both(inputs, said, known).detach().clone()
    with torch.no_grad():
        both.first[:, 8:] += 1
        both.last[1] += 1
    after = both(inputs, said, known)
    assert torch.equal(after[0], before[0])
    assert not torch.allclose(after[1], before[1])


def test_training_reaches_every_weight_and_a_hidden_truth_is_not_heard():
    made, inputs = net(), Inputs(RNG.normal(size=(12, 5)).astype(np.float32), normalised(edges()))
    said, known = torch.zeros(12, 3), torch.ones(2, 12)
    said[:, 0] = 1
    shares = Shares(0.2, 0.2, 0.2)
    torch.manual_seed(0)
    scores, gone = made.drawn(inputs, said, known, shares, 2)
    assert scores.shape == (2, 2, 12, 3)
    assert 0 < gone.float().mean() < 1
    scores.square().sum().backward()
    assert all((one.grad != 0).any() for one in made.parameters())
    torch.manual_seed(0)
    hidden = torch.ones(12, dtype=torch.bool)
    one, _ = made.drawn(inputs, said, known, shares, 1, hidden)
    torch.manual_seed(0)
    other, _ = made.drawn(inputs, torch.zeros(12, 3), known, shares, 1, hidden)
    assert torch.equal(one, other)


@pytest.mark.parametrize(
    "changed", [{"inputs": 0}, {"steps": 101}, {"members": 65}, {"hidden": 1.5}]
)
def test_shapes_that_cannot_be_are_refused(changed):
    with pytest.raises(ValueError, match="graph net"):
        GraphShape(**{"inputs": 5, "hidden": 8, "outputs": 3, "members": 2, "steps": 3, **changed})

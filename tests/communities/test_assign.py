"""New nodes find their communities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from deeplode.communities.assign import MOST, UNLINKED, Assigner
from deeplode.communities.network import Network

Planted = Callable[..., Network]
TRUTH = np.repeat([0, 1, 2], 30)


def content(noise: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.eye(3)[TRUTH] + noise * rng.normal(size=(90, 3))


def test_a_new_node_joins_the_community_that_most_of_its_links_lead_to(blocks: Planted) -> None:
    made = Assigner.fit(blocks((30, 30, 30), 0.3, 0.02), TRUTH, None)
    grown = Network.of(92, np.array([90, 90, 90, 91]), np.array([0, 40, 41, 90]))
    label = np.append(TRUTH, [UNLINKED, UNLINKED])
    found = made.by_links(grown, label, made.by_content(np.zeros((2, 0))))
    assert found.sum(1) == pytest.approx(1)
    assert found[0].argmax() == 1
    assert found[1].argmax() == 1  # by its link with another new node
    assert found[1].max() < found[0].max()


def test_only_the_largest_of_very_many_communities_take_new_nodes() -> None:
    count = 2 * MOST
    label = np.append(np.zeros(5, np.int64), np.arange(count - 5) + 1)
    alone = Network.of(count, np.array([0]), np.array([1]))
    made = Assigner.fit(alone, label, None)
    assert len(made.share) == MOST
    grown = Network.of(count + 2, np.array([count, count + 1]), np.array([0, count - 1]))
    found = made.by_links(
        grown, np.append(label, [UNLINKED] * 2), made.by_content(np.zeros((2, 0)))
    )
    assert found.shape == (2, MOST)
    assert found.argmax(1).tolist() == [0, 0]  # the second one's only link says nothing
    assert found[0, 0] > 0.5 > found[1, 0]


def test_a_new_node_without_links_goes_by_its_content(blocks: Planted) -> None:
    made = Assigner.fit(blocks((30, 30, 30), 0.3, 0.02), TRUTH, content(0.2))
    alone = Network.of(1, np.zeros(0, np.int64), np.zeros(0, np.int64))
    said = made.by_content(np.array([[0.0, 0.0, 1.0]]))
    assert made.by_links(alone, np.array([UNLINKED]), said).argmax() == 2


def test_nothing_known_leaves_the_shares_of_the_communities() -> None:
    net = Network.of(4, np.array([0]), np.array([1]))
    made = Assigner.fit(net, np.array([0, 0, 0, 1]), None)
    assert made.by_content(np.zeros((1, 0)))[0].tolist() == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize("groups", [2, 3])
def test_saved_and_read_it_answers_to_the_same_bits(blocks: Planted, groups: int) -> None:
    label = np.minimum(TRUTH, groups - 1)
    made = Assigner.fit(blocks((30, 30, 30), 0.3, 0.02), label, content(0.3))
    read = Assigner.restore(made.facts(), made.arrays())
    rows = content(1.0)
    assert (read.by_content(rows) == made.by_content(rows)).all()
    assert (made.by_content(content(0.3)).argmax(1) == label).mean() > 0.9


@pytest.mark.parametrize("bad", [{"share": np.zeros(3)}, {"bias": np.zeros(2)}, {"share": None}])
def test_arrays_that_no_fit_can_have_made_are_refused(bad: dict[str, np.ndarray]) -> None:
    made = Assigner.fit(Network.of(3, np.array([0]), np.array([1])), np.array([0, 1, 2]), None)
    with pytest.raises((ValueError, TypeError)):
        Assigner.restore(made.facts(), made.arrays() | bad)

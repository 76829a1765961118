"""The drawing of a network and the tables about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from deeplode.communities.network import Network
from deeplode.report.network import central, communities, homophily, network
from deeplode.report.networkdrawing import draw_network
from deeplode.report.page import render
from deeplode.report.words import Words
from deeplode.tasks.networkfacts import network_facts

EN = Words("en")
Facts = dict[str, Any]


@pytest.fixture(scope="module")
def facts() -> Facts:
    """Of three cliques in a ring, and a node alone, with names that must be escaped."""
    inside = [(a + 6 * c, b + 6 * c) for c in range(3) for a in range(6) for b in range(a)]
    ends = np.array([*inside, (0, 6), (7, 12), (13, 1)])
    net = Network.of(19, ends[:, 0], ends[:, 1])
    label = np.repeat([0, 1, 2, 3], (6, 6, 6, 1))
    names = [f"<b>{at}</b>" for at in range(19)]
    told: Facts = network_facts(net, label, names, 0)
    told["homophily"] = [
        {"column": "team", "value": 0.8, "low": 0.6, "high": 0.9, "same": 0.9, "expected": 0.4}
    ]
    return told


def test_every_node_and_link_is_drawn_in_the_colour_of_its_community(facts: Facts) -> None:
    root = ElementTree.fromstring(str(draw_network(facts["drawing"], EN)))
    circles = [one.get("class") for one in root.iter("circle")]
    assert sorted(circles) == ["c0"] * 6 + ["c1"] * 6 + ["c2"] * 6 + ["c3"]
    path = next(root.iter("path")).get("d") or ""
    assert path.count("M") == facts["network"]["links"] == 48
    texts = [one.text for one in root.iter("text")]
    assert "<b>0</b>" in texts  # escaped in the page, whole again when read


def test_names_do_not_lie_on_each_other() -> None:
    drawing = {
        "x": [0.0, 0.01, 0.9], "y": [0.0, 0.0, 0.0], "cluster": [1, 1, 2],
        "influence": [1.0, 0.5, 0.2], "links": [], "names": [[0, "first"], [1, "second"], [2, "x"]],
    }  # fmt: skip
    svg = str(draw_network(drawing, EN))
    assert ("first" in svg, "second" in svg, ">x<" in svg) == (True, False, True)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"x": [0], "y": [0, 1], "cluster": [0], "influence": [1]},
        {"x": ["0"], "y": [0], "cluster": [0], "influence": [1]},
        "drawing",
    ],
)
def test_facts_that_are_no_drawing_draw_nothing(bad: object) -> None:
    assert draw_network(bad, EN) is None


def test_a_link_or_name_of_a_node_that_is_not_there_is_left_out(facts: Facts) -> None:
    odd = {**facts["drawing"], "links": [[0, 99], [0], "x", [0, 1]], "names": [[99, "far"], [0]]}
    svg = str(draw_network(odd, EN))
    assert svg.count("M") == 1
    assert "far" not in svg


def test_communities_are_listed_with_their_leaders(facts: Facts) -> None:
    section = communities(facts, EN)
    assert section is not None
    first = section.blocks[0].rows[0]
    assert [cell.text for cell in first[:3]] == ["community 1", "6", "100.0%"]
    assert first[4].text.startswith("<b>")


def test_hubs_and_bridges_stand_beside_influence(facts: Facts) -> None:
    section = central(facts, EN)
    assert section is not None
    assert [one.text for one in section.blocks[0].head] == ["Influence", "Hubs", "Bridges"]
    assert section.blocks[0].rows[0][1].note.startswith("6 neighbours")


def test_homophily_has_its_interval(facts: Facts) -> None:
    section = homophily(facts, EN)
    assert section is not None
    assert section.blocks[0].grid.rows[0][1].text == "90.0%"


@pytest.mark.parametrize("part", [network, communities, central, homophily])
def test_a_page_of_another_verb_has_none_of_it(part: Callable[..., object]) -> None:
    assert part({}, EN) is None
    assert part({"network": 3, "communities": "x", "central": [], "homophily": [{}]}, EN) is None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_holds_the_drawing_and_stays_below_three_megabytes(language: str) -> None:
    rng = np.random.default_rng(0)
    ends = rng.integers(0, 6000, (2, 30000))
    ends = ends[:, ends[0] != ends[1]]
    net = Network.of(6000, *ends)
    told = network_facts(net, np.arange(6000) % 7, ["节点名称" * 8] * 6000, 0, stop=lambda: "time")
    page = render({**told, "verb": "cluster"}, language)
    assert '<svg class="network"' in page
    assert len(page.encode()) < 3_000_000
    assert len(told["drawing"]["x"]) == 3000

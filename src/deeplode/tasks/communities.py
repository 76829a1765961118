"""Communities: groups of nodes by their links, by what they are about, and by both."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import polars as pl

from deeplode.communities.chance import against_chance
from deeplode.communities.content import directions, grouped, kmeans, likeness, spread
from deeplode.communities.network import Floats, Ints, Network, modularity, numbered
from deeplode.communities.search import best_partition, with_number
from deeplode.progress import Listen, silent
from deeplode.runtime import Budget

LINKS, CONTENT, BOTH = "links", "content", "links_and_content"
Made = TypeVar("Made")
EVEN = 0.5  # likeness of linked nodes where content has nothing to do with links


@dataclass(frozen=True, eq=False)
class Communities:
    """What a search found; all of nodes in the order of the table.

    candidates: (nodes,) labels from 0 by what they were made of, the largest community first.
    answer: the name of the one that counts. seconds: that each took. likeness: how far linked
    nodes have like content, None without content. chance: modularity beside rewired networks, None
    where no time was left.
    tried: modularity by number of groups of links and content.
    """

    network: Network
    candidates: Mapping[str, Ints]
    answer: str
    seconds: Mapping[str, float]
    likeness: dict[str, float] | None
    chance: dict[str, Any] | None
    tried: Mapping[int, float]

    @property
    def label(self) -> Ints:
        """The community of each node, (nodes,)."""
        return self.candidates[self.answer]

    @property
    def modularity(self) -> dict[str, float]:
        """Of each candidate."""
        return {name: modularity(self.network, own) for name, own in self.candidates.items()}


def communities(
    network: Network,
    ids: pl.Series,
    content: Floats | None,
    clusters: int | None,
    seed: int,
    budget: Budget,
    listen: Listen = silent,
) -> Communities:
    """Find the communities of a network.

    ids: (nodes,); nodes are gone through in their order, so that the order of rows does not
    matter. content: (nodes, columns) what nodes are about, None for links alone. clusters: how
    many communities, None for as many as there are. Content has a say where linked nodes are
    more alike than others, with certainty.
    """
    order = canonical(ids)
    net = network.ordered(order)
    seconds: dict[str, float] = {}
    found: dict[str, Ints] = {}
    listen("stage", name="communities")
    found[LINKS] = _timed(seconds, LINKS, lambda: _by_links(net, clusters, seed, budget))
    alike, tried, answer = None, {}, LINKS
    if content is not None and content.shape[1] and not budget.stop():
        listen("stage", name="content")
        content = content[order]
        alike = likeness(net, content, seed)
        place = directions(spread(net, content))
        both = _timed(seconds, BOTH, lambda: grouped(net, place, seed, clusters, budget.stop))
        found[BOTH], tried = both.label, both.tried
        alone, number = directions(content), int(both.label.max()) + 1
        if number <= len(np.unique(alone.round(9), axis=0)):
            made = _timed(seconds, CONTENT, lambda: kmeans(alone, number, seed))
            found[CONTENT] = numbered(made)
        answer = BOTH if alike is not None and alike["low"] > EVEN else LINKS
    listen("stage", name="chance")
    chance = against_chance(net, seed, budget.stop)
    back = np.argsort(order)
    candidates = {name: own[back] for name, own in found.items()}
    return Communities(network, candidates, answer, seconds, alike, chance, tried)


def canonical(ids: pl.Series) -> Ints:
    """The places of nodes in the order of their ids, (nodes,)."""
    texts = ids.cast(pl.String).fill_null("")
    return np.asarray(texts.arg_sort(), np.int64)


def _by_links(network: Network, clusters: int | None, seed: int, budget: Budget) -> Ints:
    label = best_partition(network, seed, budget.stop)
    return label if clusters is None else with_number(network, label, clusters, seed)


def _timed(seconds: dict[str, float], name: str, work: Callable[[], Made]) -> Made:
    begun = time.monotonic()
    made = work()
    seconds[name] = time.monotonic() - begun
    return made

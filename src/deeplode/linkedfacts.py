"""Linked facts: what result.json says of the graph that a target was learned in."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplode.communities.layout import layout
from deeplode.communities.measures import correlation, homophily, overall
from deeplode.communities.network import Floats, Ints, Network
from deeplode.data.table import Table
from deeplode.linkfacts import link_facts
from deeplode.tasks.learn import Lesson
from deeplode.tasks.model import Model
from deeplode.tasks.networkfacts import drawing, names_of

PARTS = 5  # of the training rows' values, that a colour is of


def linked_facts(
    made: Lesson,
    test: Table,
    model: Model,
    outputs: NDArray[np.float64],
    stop: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """``network``, ``homophily``, ``drawing``, ``link_types`` and ``link_periods`` of result.json.

    made: the training rows, whose truth is looked at; that of test rows is not. outputs: of the
    test rows, by the model. Nodes are drawn in the colour of their class or fifth of the values:
    known, or said; others are grey. stop: asked between parts.
    """
    seed = model.problem.seed
    answers = model.codes(outputs) if model.problem.classifies else outputs
    graph, places = made.table.graph, made.table.places
    assert graph is not None
    assert places is not None
    assert test.places is not None
    network, known = Network.linking(graph.edges), np.full(graph.edges.nodes, -1)
    if made.code.classes:
        known[places] = made.target
    facts: dict[str, Any] = {
        "structure": "graph",
        "network": overall(network, stop),
        "homophily": _homophily(network, made, known, seed, stop),
        **link_facts(graph.edges, known, seed, stop),
    }
    if stop():
        return facts
    classes, cuts = _classes(made)
    label = np.full(len(network), len(classes), np.int64)
    label[places] = cuts(made.target)
    label[test.places] = cuts(answers)
    names, many = names_of(graph.nodes, made.schema), network.degree.astype(np.float64)
    drawn = drawing(network, label, many, names, lambda part, own: _places(part, seed, stop))
    drawn["cluster"] = [0 if one > len(classes) else one for one in drawn["cluster"]]
    counts = np.bincount(label[places], minlength=len(classes)).tolist()
    drawn["classes"] = [
        {"name": name, "rows": rows} for name, rows in zip(classes, counts, strict=False)
    ]
    return {**facts, "drawing": drawn}


def _homophily(
    network: Network, made: Lesson, known: Ints, seed: int, stop: Callable[[], object]
) -> list[dict[str, Any]]:
    """Whether links join training rows of the same class, or of like values. known: (nodes,)
    classes, -1 where unknown."""
    if made.code.classes:
        found = homophily(network, known, seed, stop)
    else:
        values = np.full(len(network), np.nan)
        values[made.table.places] = made.target
        found = correlation(network, values, seed, stop)
    return [] if found is None else [{"column": made.code.name, **found}]


def _classes(made: Lesson) -> tuple[list[str], Callable[[NDArray[Any]], Ints]]:
    """The names of the colours, and which one each class or value has: classes by falling number of
    training rows, values by fifths of them."""
    if made.code.classes:
        names = [str(one) for one in made.code.classes]
        order = np.argsort(-np.bincount(made.target, minlength=len(names)), kind="stable")
        rank = np.argsort(order)
        return [names[at] for at in order], lambda codes: np.asarray(rank[codes], np.int64)
    ends = np.unique(np.quantile(made.target, np.arange(1, PARTS) / PARTS))
    told = [f"{one:.4g}" for one in ends]
    names = [f"≤ {told[0]}", *(f"{a} – {b}" for a, b in pairwise(told))]
    return [*names, f"> {told[-1]}"], lambda values: np.searchsorted(ends, values)


def _places(part: Network, seed: int, stop: Callable[[], object]) -> Floats:
    """By links alone: that like nodes lie together is to be seen, not made."""
    return layout(part, np.zeros(len(part), np.int64), seed, stop)

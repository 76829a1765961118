"""A network as inline SVG: nodes coloured by community, as large as their influence, links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import Any

from markupsafe import Markup, escape

from deeplode.report.facts import items, mapping, number
from deeplode.report.words import Words, clip

COLOURS = 10  # communities with a colour of their own, the largest ones; others are grey
WIDTH, MARGIN = 940, 46  # pixels of the drawing, and free on each side for names
LEAST, MOST = 2.0, 13.0  # radius of a node
HIGHEST = 0.75  # of the width
LINE, LETTER = 15, 7.0  # pixels: of a name's height, and of half a wide letter

Place = tuple[float, float]
Box = tuple[float, float, float, float]


def colour(cluster: int) -> str:
    """The class that colours a community, 1 …."""
    return f"c{cluster - 1}" if 1 <= cluster <= COLOURS else "rest"


def draw_network(facts: object, words: Words) -> Markup | None:
    """The drawing, None where the facts do not hold one.

    facts: ``drawing`` of result.json: x, y (-1 … 1), cluster and influence (0 … 1) of each node,
    links as pairs of nodes, names as pairs of node and text.
    """
    found = mapping(facts)
    columns = [[number(one) for one in items(found.get(key))] for key in _NODE]
    nodes = [row for row in zip(*columns, strict=False) if None not in row]
    if not nodes or any(len(column) != len(nodes) for column in columns):
        return None
    values: list[tuple[float, ...]] = [tuple(one or 0.0 for one in row) for row in nodes]
    tall = min(1.0, max(abs(row[1]) for row in values))
    height = max(160.0, min(HIGHEST, tall + 0.05) * WIDTH)
    reach = (WIDTH / 2 - MARGIN, height / 2 - LINE - MOST)
    scale = (reach[0], min(reach[0], reach[1] / max(tall, 1e-9)))
    places = [(WIDTH / 2 + scale[0] * x, height / 2 - scale[1] * y) for x, y, *_ in values]
    sizes = [_radius(row[3], len(values)) for row in values]
    parts = [
        _links(items(found.get("links")), places),
        *_nodes(values, places, sizes),
        *_names(items(found.get("names")), places, sizes),
    ]
    label = words("R-NET-DRAWN", nodes=words.count(len(values)))
    head = f'<svg class="network" viewBox="0 0 {WIDTH} {height:.0f}" role="img"'
    return Markup(f'{head} aria-label="{escape(label)}">' + "".join(parts) + "</svg>")


_NODE = ("x", "y", "cluster", "influence")


def _radius(influence: float, count: int) -> float:
    most = max(5.0, min(MOST, 150 / sqrt(count)))
    return LEAST + (most - LEAST) * sqrt(max(0.0, min(1.0, influence)))


def _links(links: Sequence[Any], places: Sequence[Place]) -> str:
    """All links in one path, fainter the more there are."""
    ends = [tuple(items(one)) for one in links]
    last = range(len(places))
    path = "".join(
        f"M{places[a][0]:.0f} {places[a][1]:.0f}L{places[b][0]:.0f} {places[b][1]:.0f}"
        for a, b in (pair for pair in ends if len(pair) == 2)
        if a in last and b in last
    )
    seen = max(0.12, min(0.5, 12 / sqrt(1 + len(links))))
    return f'<path class="links" d="{path}" stroke-opacity="{seen:.2f}"/>' if path else ""


def _nodes(
    values: Sequence[tuple[float, ...]], places: Sequence[Place], sizes: Sequence[float]
) -> Iterator[str]:
    """Circles, the large ones last and so on top."""
    for at in sorted(range(len(places)), key=lambda one: sizes[one]):
        (x, y), own = places[at], colour(int(values[at][2]))
        yield f'<circle class="{own}" cx="{x:.1f}" cy="{y:.1f}" r="{sizes[at]:.1f}"/>'


def _names(names: Sequence[Any], places: Sequence[Place], sizes: Sequence[float]) -> Iterator[str]:
    """Names above their nodes, the first ones first; one that would lie on another is left out."""
    taken: list[Box] = []
    for pair in names:
        at, text = [*items(pair), None, None][:2]
        if not isinstance(at, int) or not 0 <= at < len(places):
            continue
        said = clip(text, 24)
        half = LETTER / 2 * sum(2 if ord(one) > 0x2E80 else 1 for one in said)
        x = min(max(places[at][0], half + 2), WIDTH - half - 2)
        y = places[at][1] - sizes[at] - 4
        box = (x - half, y - LINE + 3, x + half, y + 3)
        if any(_cross(box, other) for other in taken):
            continue
        taken.append(box)
        yield f'<text x="{x:.0f}" y="{y:.0f}">{escape(said)}</text>'


def _cross(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]

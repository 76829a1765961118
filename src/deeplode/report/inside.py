"""The learning curves of compare, and what its nets look like inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from deeplode.report.blocks import Panels, Section, Shares
from deeplode.report.charts import Row
from deeplode.report.curves import SERIES, depths, learning, scale
from deeplode.report.draw import draw
from deeplode.report.facts import thin
from deeplode.report.words import Words, clip

Facts = Mapping[str, Any]
Found = Sequence[Mapping[str, Any]]

PANELS = 18  # charts of one kind; of more combinations the best are drawn
EPOCHS = 120  # points of a curve
WILD = 1.3  # times the loss before training: beyond, a curve leaves its chart
LINES = 40  # of the table of shares


def curves(facts: Facts, words: Words) -> Section:
    """Validation loss over epochs: charts side by side, a line for each value of one choice."""
    found: Found = facts["combinations"]
    option, values = _lines(facts)
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for one in found:
        rest = [_label(*own) for own in one["choices"].items() if own[0] != option]
        groups.setdefault(" · ".join(rest), []).append(one)
    scaled = _loss_scale(found)
    titles = (words("R-EPOCH"), words("CMP-LOSS"))
    panels: list[tuple[str, str, Markup]] = []
    for name, members in list(groups.items())[:PANELS]:
        rows = [row for one in members for row in _curve(one, _series(one, option, values), scaled)]
        best = members[0]  # they are ranked
        remark = words("CMP-PANEL-BEST", name=_shown(best["choices"][option])) if option else ""
        told = f"{name or words('CMP-LOSS')}. {remark}"
        panels.append((clip(name, 40), remark, draw(learning(rows, scaled, titles), told)))
    legend = tuple((f"series-{at + 1}", clip(value, 40)) for at, value in enumerate(values))
    note = words("CMP-CURVES-NOTE" if len(facts["seeds"]) > 1 else "CMP-CURVES-NOTE-ONE")
    title = words("CMP-CURVES-BY", option=option) if option else words("CMP-LOSS")
    left = len(groups) - len(panels)
    more = words("R-MORE", count=words.count(left)) if left > 0 else ""
    return Section(
        "curves", words("CMP-CURVES"), (Panels(title, tuple(panels), note, legend, more),)
    )


def _lines(facts: Facts) -> tuple[str, list[str]]:
    """The choice with the most values that still have a colour each, and its values."""
    found = [
        (one["option"], [value["value"] for value in one["values"]])
        for one in facts["effects"]
        if len(one["values"]) <= len(SERIES)
    ]
    option, values = max(found, key=lambda one: len(one[1]), default=("", []))
    order = [_shown(one["choices"][option]) for one in facts["combinations"]] if option else []
    return option, sorted(values, key=order.index)


def _shown(value: Any) -> str:
    """A value of a choice, as ``experiments/grid.py`` shows it."""
    return ("x".join(map(str, value)) or "0") if isinstance(value, list) else str(value)


def _label(name: str, value: Any) -> str:
    text = _shown(value)
    return text if isinstance(value, str) and name != "batch_size" else f"{name} {text}"


def _series(one: Mapping[str, Any], option: str, values: Sequence[str]) -> int:
    return values.index(_shown(one["choices"][option])) if option else 0


def _curve(one: Mapping[str, Any], series: int, scaled: Mapping[str, Any]) -> list[Row]:
    """Points of a curve; it breaks off where it leaves the scale."""
    own, (least, most) = one["curves"], scaled["domain"]
    start = own["start"]
    points = [(start, start, start)]
    points += zip(own["valid"], own["valid_low"], own["valid_high"], strict=True)
    rows = []
    for epoch, (y, low, high) in enumerate(points):
        there = y is not None and y <= most
        ends = [None if end is None or not there else min(max(end, least), most)
                for end in (low, high)]  # fmt: skip
        row = {"x": epoch, "y": y if there else None, "low": ends[0], "high": ends[1]}
        rows.append(row | {"series": series})
    return thin(rows, EPOCHS)


def _loss_scale(found: Found) -> dict[str, Any]:
    """One scale for all curves; what diverged leaves it."""
    starts = [one["curves"]["start"] for one in found if one["curves"]["start"] is not None]
    bound = WILD * max(starts, default=float("inf"))
    seen = [
        value
        for one in found
        for name in ("valid", "valid_low", "valid_high")
        for value in one["curves"][name]
        if value is not None and value <= bound
    ]
    return scale([*seen, *starts] or [0.0, 1.0])


def inside(facts: Facts, words: Words) -> Section | None:
    """Gradients on their way back, and units that do not learn, layer by layer."""
    found = [one for one in facts["combinations"] if one["layers"]]
    if not found:
        return None
    blocks = (_gradients(found, words), _units(found, words))
    return Section("inside", words("CMP-INSIDE"), blocks, words("CMP-INSIDE-LEAD"))


def _gradients(found: Found, words: Words) -> Panels:
    """The norm of the gradient that arrives at each layer, over epochs."""
    shown, most = found[:PANELS], max(len(one["layers"]) for one in found)
    rows = {
        at: [
            {"x": epoch, "y": value, "layer": layer}
            for layer, own in enumerate(one["layers"], 1)
            for epoch, value in thin(list(enumerate(own["gradient"], 1)), EPOCHS)
            if value is not None and value > 0
        ]
        for at, one in enumerate(shown)
    }
    own = scale([row["y"] for part in rows.values() for row in part] or [0.1, 1.0], log=True)
    titles = (words("R-EPOCH"), words("CMP-GRADIENT"))
    panels = tuple(
        (
            clip(one["name"], 40),
            "",
            draw(depths(rows[at], own, titles, most), f"{words('CMP-GRADIENTS')}. {one['name']}"),
        )
        for at, one in enumerate(shown)
    )
    ends = (("faint", words("CMP-FIRST-LAYER")), ("", words("CMP-LAST-LAYER", layer=most)))
    rest = len(found) - len(panels)
    more = words("R-MORE", count=words.count(rest)) if rest > 0 else ""
    legend = ends if most > 1 else ()
    return Panels(words("CMP-GRADIENTS"), panels, words("CMP-GRADIENTS-NOTE"), legend, more)


def _units(found: Found, words: Words) -> Shares:
    """Dead and saturated units and zero weights of each layer after the last epoch."""
    most = max(len(one["layers"]) for one in found)
    names = tuple(words("CMP-LAYER", layer=at + 1) for at in range(most))
    kinds = ("dead", "saturated", "zeros")
    groups = tuple((words(f"CMP-{kind.upper()}"), names) for kind in kinds)
    rows = tuple(
        (
            clip(one["name"], 40),
            tuple(
                _share(one["layers"], kind, layer, words) for kind in kinds for layer in range(most)
            ),
        )
        for one in found[:LINES]
    )
    rest = len(found) - len(rows)
    more = words("R-MORE", count=words.count(rest)) if rest > 0 else ""
    title = words("CMP-UNITS")
    return Shares(title, words("CMP-COMBINATION"), groups, rows, words("CMP-UNITS-NOTE"), more)


def _share(layers: Found, kind: str, layer: int, words: Words) -> tuple[str, str]:
    """A share as text and as the length of its bar."""
    value = layers[layer][kind][-1] if layer < len(layers) else None
    if value is None:
        return "", "0"
    return words.share(value, 0 if value >= 0.1 or value == 0 else 1), f"{value:.3f}"

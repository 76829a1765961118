"""The charts of compare, as Vega-Lite dictionaries: many small ones with one scale."""

from __future__ import annotations

from collections.abc import Sequence

from deeplode.report.charts import Row, Spec, field
from deeplode.report.draw import ACCENT, INK, MUTED

SERIES = tuple(f"var(--series-{number})" for number in range(1, 9))  # page.css defines them
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3])
PANEL = (300, 190)  # width and height of a small chart
LOG_FROM = 8.0  # largest over smallest value from which an axis is logarithmic


def scale(values: Sequence[float], *, log: bool | None = None) -> Spec:
    """One scale for all charts that show some of these values. log: None = where they ask for it.

    values: not empty; those of 0 and below are left out of a logarithmic scale.
    """
    positive = [value for value in values if value > 0]
    wide = bool(positive) and max(positive) > LOG_FROM * min(positive)
    if positive and (wide if log is None else log):
        return {"type": "log", "domain": [0.9 * min(positive), 1.1 * max(positive)], "nice": False}
    low, high = min(values), max(values)
    margin = 0.06 * (high - low or abs(high) or 1.0)
    return {"domain": [low - margin, high + margin], "zero": False, "nice": False}


def _y(name: str, own: Spec, title: str | None) -> Spec:
    axis: Spec = {"format": ".2~g", "tickCount": 4, "labelOverlap": True}
    if own.get("type") == "log":
        low, high = own["domain"]
        axis["values"] = _steps(low, high)
    return field(name, title=title, scale=own, axis=axis)


def _steps(low: float, high: float) -> list[float]:
    """Round numbers for a logarithmic axis, about four of them."""
    powers = [10.0**power for power in range(-30, 31)]
    for parts in ((1,), (1, 3), (1, 2, 5)):
        found = [part * power for power in powers for part in parts]
        found = [one for one in found if low <= one <= high]
        if len(found) >= 3:
            return found[:: -(-len(found) // 5)]
    return [low, (low * high) ** 0.5, high]


def learning(values: Sequence[Row], own: Spec, titles: tuple[str, str]) -> Spec:
    """Curves over epochs with the range of the seeds behind them.

    values: {x, y, low, high, series}, series being the number of a colour, from 0; own: the scale.
    """
    colour = field("series", "nominal", legend=None, scale=_numbered(SERIES))
    dash = field("series", "nominal", legend=None, scale=_numbered(DASHES))
    x = field("x", title=titles[0], scale={"zero": False, "nice": False}, axis={"tickCount": 5})
    band = {"y": _y("low", own, titles[1]), "y2": {"field": "high"}}
    return _panel(values) | {
        "layer": [
            {
                "mark": {"type": "area", "opacity": 0.14},
                "encoding": {"x": x, **band, "color": colour},
            },
            {
                "mark": {"type": "line", "strokeWidth": 2},
                "encoding": {
                    "x": x,
                    "y": _y("y", own, titles[1]),
                    "color": colour,
                    "strokeDash": dash,
                },
            },
        ],
    }


def _numbered(own: Sequence[object]) -> Spec:
    """What stands for each number from 0 to 7."""
    return {
        "domain": list(range(len(SERIES))),
        "range": [own[at % len(own)] for at in range(len(SERIES))],
    }


def depths(values: Sequence[Row], own: Spec, titles: tuple[str, str], layers: int) -> Spec:
    """A curve for each layer, the deeper the stronger. values: {x, y, layer}, layer from 1."""
    strength = {"domain": [1, max(2, layers)], "range": [0.3, 1]}
    return _panel(values) | {
        "mark": {"type": "line", "strokeWidth": 2, "color": ACCENT},
        "encoding": {
            "x": field("x", title=titles[0], scale={"zero": False, "nice": False})
            | {"axis": {"tickCount": 5}},
            "y": _y("y", own, titles[1]),
            "strokeOpacity": field("layer", legend=None, scale=strength),
            "detail": field("layer", "nominal"),
        },
    }


def _panel(values: Sequence[Row]) -> Spec:
    return {"data": {"values": list(values)}, "width": PANEL[0], "height": PANEL[1]}


def ranking(values: Sequence[Row], seeds: Sequence[Row], own: Spec, title: str) -> Spec:
    """Means with intervals and each seed's value, one name a line.

    values: {name, value, low, high, shown, kind}; seeds: {name, value}; kind: best, noise or real.
    """
    tests = {"datum.kind == 'best'": ACCENT, "datum.kind == 'noise'": INK}
    colour = {"condition": [{"test": t, "value": c} for t, c in tests.items()], "value": MUTED}
    x = _y("value", own, title)
    names = field(
        "name", "nominal", sort=None, title=None,
        axis={"labelLimit": 220, "labelColor": INK, "grid": False},
    )  # fmt: skip
    return {
        "data": {"values": list(values)},
        "width": 660,
        "height": 46 + 27 * len(values),
        "encoding": {"y": names},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 3, "strokeCap": "round", "opacity": 0.4},
                "encoding": {"x": _y("low", own, title), "x2": {"field": "high"}, "color": colour},
            },
            {
                "data": {"values": list(seeds)},
                "mark": {"type": "tick", "thickness": 1.5, "size": 12, "color": MUTED},
                "encoding": {"x": x},
            },
            {
                "mark": {"type": "circle", "size": 80, "opacity": 1},
                "encoding": {"x": x, "color": colour},
            },
        ],
    }

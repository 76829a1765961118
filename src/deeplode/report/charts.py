"""The charts, as Vega-Lite dictionaries over rows with fixed field names.

Text of the user stands only in data values, clipped; field names, formats and expressions are
ours. One accent colour marks what the page is about, greys the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deeplode.report.draw import ACCENT, DARK, INK, MUTED, PAPER

Spec = dict[str, Any]
Row = dict[str, Any]

# Large numbers as 200k, and zero as 0.
_SHORT: Spec = {"format": "~s", "labelExpr": "datum.value == 0 ? '0' : datum.label"}
_CHOSEN = {"condition": {"test": "datum.chosen", "value": ACCENT}, "value": MUTED}


def field(name: str, kind: str = "quantitative", **more: Any) -> Spec:
    """An encoding channel over one of our own field names."""
    return {"field": name, "type": kind, **more}


def _rows(values: Sequence[Row]) -> Spec:
    return {"values": list(values)}


def _names() -> Spec:
    """A vertical axis of names in the order of the data; a line break in a name is one."""
    lines = "split(datum.label, '\\n')"
    axis = {"labelLimit": 150, "labelColor": INK, "grid": False, "labelExpr": lines}
    return field("name", "nominal", sort=None, title=None, axis=axis)


def intervals(values: Sequence[Row], title: str, most: float | None) -> Spec:
    """Points with intervals, one name a line.

    values: {name, value, low, high, shown, chosen}; ``shown`` is written above the point.
    most: what the score cannot exceed, if anything: the axis ends there.
    """
    ends = [row[name] for row in values for name in ("low", "high")]
    margin = 0.06 * (max(ends) - min(ends) or abs(max(ends)) or 1)
    top = max(ends) + margin
    if most is not None and max(ends) <= most:
        top = min(top, most)
    scale = {"domain": [min(ends) - margin, top], "zero": False, "nice": True}
    x = field("value", title=title, scale=scale)
    return {
        "data": _rows(values),
        "height": 46 + 40 * len(values),
        "padding": {"left": 8, "right": 26, "top": 6, "bottom": 2},
        "encoding": {"y": _names()},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 3, "strokeCap": "round", "opacity": 0.45},
                "encoding": {"x": field("low", title=title, scale=scale), "x2": {"field": "high"}}
                | {"color": _CHOSEN},
            },
            {
                "mark": {"type": "circle", "size": 75, "opacity": 1},
                "encoding": {"x": x, "color": _CHOSEN},
            },
            {
                "mark": {"type": "text", "dy": -12, "fontSize": 11.5},
                "encoding": {"x": x, "text": field("shown", "nominal")},
            },
        ],
    }


def bars(values: Sequence[Row], title: str) -> Spec:
    """Horizontal bars from zero with the number behind each, intervals where rows have them.

    values: {name, value, shown} and, where known, low and high.
    """
    spread = any("low" in row for row in values)
    ends = [end for row in values for end in (row["value"], row.get("low"), row.get("high"))]
    reach = [end for end in ends if end is not None]
    domain = [1.08 * min(0, *reach), (1.02 if spread else 1.18) * max(0, *reach)]
    x = field("value", title=title, scale={"domain": domain if any(domain) else [0, 1]})
    layer: list[Spec] = [
        {
            "mark": {"type": "bar", "height": {"band": 0.62}, "color": ACCENT},
            "encoding": {"x": x},
        }
    ]
    if spread:
        layer[0]["mark"]["opacity"] = 0.55
        layer.append(
            {
                "mark": {"type": "rule", "strokeWidth": 1.5, "color": INK},
                "encoding": {"x": field("low", title=title), "x2": {"field": "high"}},
            }
        )
    else:
        layer.append(
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "color": MUTED},
                "encoding": {"x": x, "text": field("shown", "nominal")},
            }
        )
    return {
        "data": _rows(values),
        "height": 46 + 24 * len(values),
        "encoding": {"y": _names()},
        "layer": layer,
    }


def lines(
    values: Sequence[Row], order: Sequence[str], titles: tuple[str, str], at: float | None
) -> Spec:
    """Curves over x, the first in ``order`` accented, and a vertical rule at ``at``.

    values: {x, y, series}; titles: of the x and the y axis.
    """
    colours = {"domain": list(order), "range": [ACCENT, INK, MUTED][: len(order)]}
    dashes = {"domain": list(order), "range": [[1, 0], [6, 3], [2, 2]][: len(order)]}
    layer: list[Spec] = [
        {
            "mark": {"type": "line", "strokeWidth": 2, "interpolate": "linear"},
            "encoding": {
                "x": field("x", title=titles[0], scale={"zero": False, "nice": False}),
                "y": field("y", title=titles[1], scale={"zero": False}),
                "color": field("series", "nominal", scale=colours, sort=None),
                "strokeDash": field("series", "nominal", scale=dashes, sort=None),
            },
        }
    ]
    if at is not None:
        layer.append(
            {
                "data": {"values": [{"x": at}]},
                "mark": {"type": "rule", "color": MUTED, "strokeDash": [3, 3]},
                "encoding": {"x": field("x")},
            }
        )
    return {"data": _rows(values), "height": 270, "layer": layer}


def calibration(values: Sequence[Row], titles: tuple[str, str]) -> Spec:
    """Observed shares over predicted probabilities, with intervals and the ideal diagonal.

    values: {predicted, observed} and, where known, low and high.
    """
    unit: Spec = {"scale": {"domain": [0, 1]}, "axis": {"format": "%"}}
    x = field("predicted", title=titles[0], **unit)
    y = field("observed", title=titles[1], **unit)
    return {
        "data": _rows(values),
        "height": 300,
        "layer": [
            _diagonal([{"predicted": 0, "observed": 0}, {"predicted": 1, "observed": 1}], x, y),
            {
                "transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}],
                "mark": {"type": "rule", "strokeWidth": 3, "color": ACCENT, "opacity": 0.4},
                "encoding": {"x": x, "y": field("low", title=titles[1]), "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "line", "strokeWidth": 1.5, "color": ACCENT},
                "encoding": {"x": x, "y": y},
            },
            {
                "mark": {"type": "circle", "size": 50, "color": ACCENT, "opacity": 1},
                "encoding": {"x": x, "y": y},
            },
        ],
    }


def scatter(values: Sequence[Row], titles: tuple[str, str], *, log: bool) -> Spec:
    """Truth over prediction with the ideal diagonal; both axes share one range.

    values: {predicted, truth}, not empty.
    """
    seen = [row[name] for row in values for name in ("predicted", "truth")]
    low, high = min(seen), max(seen)
    if low == high:
        low, high = low - 1, high + 1
    scale: Spec = {"domain": [low, high], "nice": True, "zero": False}
    if log:
        scale = {"domain": [low, high], "type": "log", "nice": False}
    axis = _SHORT | {"tickCount": 4}
    x = field("predicted", title=titles[0], scale=scale, axis=axis)
    y = field("truth", title=titles[1], scale=scale, axis=axis)
    ends = [{"predicted": low, "truth": low}, {"predicted": high, "truth": high}]
    return {
        "data": _rows(values),
        "height": 320,
        "layer": [
            {
                "mark": {"type": "circle", "size": 16, "color": ACCENT, "opacity": 0.45},
                "encoding": {"x": x, "y": y},
            },
            _diagonal(ends, x, y),
        ],
    }


def _diagonal(ends: Sequence[Row], x: Spec, y: Spec) -> Spec:
    return {
        "data": _rows(ends),
        "mark": {"type": "line", "color": MUTED, "strokeDash": [4, 4], "strokeWidth": 1},
        "encoding": {"x": x, "y": y},
    }


def heatmap(
    values: Sequence[Row], order: Sequence[str], titles: tuple[str, str], *, numbers: bool
) -> Spec:
    """Shares of each line as depth of colour; numbers in the cells where there is room.

    values: {column, line, share, shown}; order: names of lines and columns.
    """
    axis: Spec = {"labelColor": INK, "labelLimit": 110, "grid": False}
    room = 44 // max(len(order), 1)  # characters side by side
    upright = any(len(name) > room for name in order)
    above = axis | {"orient": "top", "labelAngle": -90 if upright else 0}
    encoding = {
        "x": field("column", "nominal", sort=list(order), title=titles[0], axis=above),
        "y": field("line", "nominal", sort=list(order), title=titles[1], axis=axis),
    }
    depth = {"domain": [0, 1], "range": [0.04, 1]}
    layer: list[Spec] = [
        {
            "mark": {"type": "rect", "color": ACCENT, "stroke": PAPER, "strokeWidth": 2},
            "encoding": {"fillOpacity": field("share", scale=depth, legend=None)},
        }
    ]
    if numbers:
        tests = {"datum.share > 0.8": PAPER, "datum.share > 0.45": DARK}
        colour = {"condition": [{"test": t, "value": c} for t, c in tests.items()], "value": INK}
        layer.append(
            {
                "mark": {"type": "text", "fontSize": 11.5},
                "encoding": {"text": field("shown", "nominal"), "color": colour},
            }
        )
    return {
        "data": _rows(values),
        "height": (140 if upright else 70) + len(order) * max(28, min(70, 300 // len(order))),
        "encoding": encoding,
        "layer": layer,
    }


def histogram(values: Sequence[Row], titles: tuple[str, str]) -> Spec:
    """Bars over ranges of a number. values: {low, high, count}."""
    return {
        "data": _rows(values),
        "height": 200,
        "mark": {"type": "bar", "color": ACCENT, "binSpacing": 1},
        "encoding": {
            "x": field("low", title=titles[0], bin={"binned": True}, axis=_SHORT)
            | {"scale": {"zero": False}},
            "x2": {"field": "high"},
            "y": field("count", title=titles[1], axis=_SHORT),
        },
    }

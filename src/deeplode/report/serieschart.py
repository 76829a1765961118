"""Charts of series, as Vega-Lite dictionaries: channels above each other, and a calendar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deeplode.report.charts import Row, Spec, field
from deeplode.report.draw import ACCENT, INK, LINE, MUTED, WIDTH

HEIGHT = 78  # of one channel
LABELS = 62  # pixels left of the lines


def channels(
    parts: Sequence[tuple[str, Sequence[Row]]],
    events: Sequence[Row],
    threshold: float | None,
    *,
    dates: bool,
) -> Spec:
    """Lines one above the other over the same time, events shaded.

    parts: (title, rows {x, measured, mean, expected}); the last one is the score, {x, score}.
    events: {start, end}.
    """
    last = len(parts) - 1
    views = [
        _view(title, rows, events, threshold if at == last else None, dates=dates, low=at == last)
        for at, (title, rows) in enumerate(parts)
    ]
    return {"vconcat": views, "spacing": 8, "resolve": {"scale": {"x": "shared"}}}


def _view(
    title: str,
    rows: Sequence[Row],
    events: Sequence[Row],
    threshold: float | None,
    *,
    dates: bool,
    low: bool,
) -> Spec:
    """One channel, or the score."""
    kind = "temporal" if dates else "quantitative"
    scale: Spec = {"zero": False, "nice": False} | ({"type": "utc"} if dates else {})
    axis: Spec = {"labels": low, "grid": False, "tickCount": 5}
    x = field("x", kind, title=None, scale=scale, axis=axis)
    upright: Spec = {"labels": True, "tickCount": 3, "minExtent": LABELS, "maxExtent": LABELS}
    y: Spec = {"title": None, "scale": {"zero": False}, "axis": upright}
    layer: list[Spec] = [
        {
            "data": {"values": list(events)},
            "mark": {"type": "rect", "color": ACCENT, "opacity": 0.16},
            "encoding": {
                "x": field("start", kind, scale=scale, title=None, axis=axis),
                "x2": {"field": "end"},
            },
        }
    ]
    names = ("score",) if low else ("measured", "expected", "mean")
    looks = {
        "measured": {"color": LINE, "strokeWidth": 1},
        "expected": {"color": MUTED, "strokeWidth": 1.5, "strokeDash": [4, 3]},
        "mean": {"color": INK, "strokeWidth": 1.5},
        "score": {"color": ACCENT, "strokeWidth": 1.5},
    }
    layer += [
        {"mark": {"type": "line", **looks[name]}, "encoding": {"x": x, "y": field(name, **y)}}
        for name in names
    ]
    if threshold is not None:
        layer.append(
            {
                "data": {"values": [{"y": threshold}]},
                "mark": {"type": "rule", "color": MUTED, "strokeDash": [3, 3]},
                "encoding": {"y": field("y", **y)},
            }
        )
    heading = {"text": title, "anchor": "start", "fontSize": 11.5, "fontWeight": "normal"}
    return {
        "title": heading | {"color": INK, "offset": 2},
        "width": WIDTH - LABELS - 24,
        "height": HEIGHT if not low else HEIGHT - 24,
        "data": {"values": list(rows)},
        "layer": layer,
    }


def calendar(values: Sequence[Row], names: Sequence[str], title: str, *, dates: bool) -> Spec:
    """When events were: bars from start to end, a line a series or a day.

    values: {name, start, end}; names: of the lines, in order.
    """
    axis: Spec = {"labelColor": INK, "labelLimit": 120, "grid": True, "gridColor": LINE}
    x = field("start", title=title, scale={"zero": False, "nice": True})
    if dates:
        clock = "utcFormat(datum.value, '%H:%M')"
        x = field("start", "temporal", title=title, axis={"labelExpr": clock})
        x["scale"] = {"type": "utc"}
    mark: dict[str, Any] = {"type": "bar", "color": ACCENT, "height": {"band": 0.6}}
    return {
        "data": {"values": list(values)},
        "height": 46 + 18 * len(names),
        "mark": mark,
        "encoding": {
            "y": field("name", "nominal", sort=list(names), title=None, axis=axis)
            | {"scale": {"domain": list(names)}},
            "x": x,
            "x2": {"field": "end"},
        },
    }

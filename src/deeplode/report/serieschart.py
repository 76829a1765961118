"""Charts of series, as Vega-Lite dictionaries: channels above each other, and a calendar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deeplode.report.charts import Row, Spec, field
from deeplode.report.draw import ACCENT, INK, LINE, MUTED, WIDTH

HEIGHT = 78  # of one channel
LABELS = 62  # pixels left of the lines
_UPRIGHT: Spec = {
    "title": None,
    "scale": {"zero": False},
    "axis": {"labels": True, "tickCount": 3, "minExtent": LABELS, "maxExtent": LABELS},
}
_LOOKS: dict[str, Spec] = {
    "measured": {"color": MUTED, "strokeWidth": 1, "opacity": 0.45},
    "expected": {"color": MUTED, "strokeWidth": 1.5, "strokeDash": [4, 3]},
    "mean": {"color": INK, "strokeWidth": 1.5},
    "score": {"color": ACCENT, "strokeWidth": 1.5},
}
_DAY = 86_400_000.0  # milliseconds


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
    axis: Spec = {"labels": low, "grid": False, "tickCount": 5}
    if dates and rows and rows[-1]["x"] - rows[0]["x"] < _DAY:
        axis["format"] = "%H:%M"
    scale: Spec = {"zero": False, "nice": False} | ({"type": "utc"} if dates else {})
    along = {"title": None, "scale": scale, "axis": axis}
    kind = "temporal" if dates else "quantitative"
    shade: Spec = {
        "data": {"values": list(events)},
        "mark": {"type": "rect", "color": ACCENT, "opacity": 0.16},
        "encoding": {"x": field("start", kind, **along), "x2": {"field": "end"}},
    }
    names = ("score",) if low else ("measured", "expected", "mean")
    layer = [shade, *(_line(name, field("x", kind, **along)) for name in names)]
    if threshold is not None:
        rule = {"type": "rule", "color": MUTED, "strokeDash": [3, 3]}
        at: Spec = {"data": {"values": [{"y": threshold}]}, "mark": rule}
        layer.append(at | {"encoding": {"y": field("y", **_UPRIGHT)}})
    heading = {"text": title, "anchor": "start", "fontSize": 11.5, "fontWeight": "normal"}
    return {
        "title": heading | {"color": INK, "offset": 2},
        "width": WIDTH - LABELS - 24,
        "height": HEIGHT if not low else HEIGHT - 24,
        "data": {"values": list(rows)},
        "layer": layer,
    }


def _line(name: str, x: Spec) -> Spec:
    mark = {"type": "line", **_LOOKS[name]}
    return {"mark": mark, "encoding": {"x": x, "y": field(name, **_UPRIGHT)}}


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

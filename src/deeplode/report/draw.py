"""Vega-Lite chart -> inline SVG without script, checked before it enters the page.

Charts are plain Vega-Lite dictionaries: importing Altair to build the same dictionaries costs
about half a second, as much as the whole drawing of a page, and a run's deadline includes the
report. vl-convert draws without a browser and without network.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import vl_convert
from markupsafe import Markup

# The page's style sheet defines these, so one drawing serves light, dark and print.
ACCENT, INK, MUTED, LINE, PAPER, DARK = (
    f"var(--{name})" for name in ("accent", "ink", "muted", "line", "paper", "dark")
)
WIDTH = 390  # pixels: half a page on a screen, nearly a whole one on a phone

_CONFIG: dict[str, Any] = {
    "aria": False,  # the page gives each chart one label and a table instead
    "background": None,
    "font": "sans-serif",
    "padding": {"left": 8, "right": 10, "top": 4, "bottom": 2},
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "ticks": False,
        "gridColor": LINE,
        "labelColor": MUTED,
        "labelFontSize": 11.5,
        "labelFlush": False,
        "labelPadding": 6,
        "labelSeparation": 8,
        "titleColor": MUTED,
        "titleFontSize": 11.5,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "tickCount": 5,
    },
    "legend": {
        "orient": "top",
        "title": None,
        "labelColor": INK,
        "labelFontSize": 11.5,
        "symbolType": "stroke",
        "symbolSize": 220,
        "symbolStrokeWidth": 2,
        "offset": 4,
        "padding": 0,
    },
    "text": {"fontSize": 11.5, "color": INK},
}
_OPENING = re.compile(r"<svg[^>]*>")
_VIEW_BOX = re.compile(r'viewBox="([\d. -]+)"')
_TAGS = frozenset({"svg", "g", "path", "line", "rect", "text", "tspan"})


def draw(chart: dict[str, Any], label: str) -> Markup:
    """The chart as an ``svg`` element that ``label`` describes to those who do not see it.

    chart: Vega-Lite without data addresses; text of the user only in its data values.
    Raises RuntimeError when the drawing holds anything but plain shapes and text.
    """
    spec = {
        "autosize": {"type": "fit", "contains": "padding"},
        "width": WIDTH,
        "config": _CONFIG,
        **chart,
    }
    svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    _check(svg)
    view_box = _VIEW_BOX.search(svg)
    box = view_box.group(1) if view_box else f"0 0 {WIDTH} {WIDTH}"
    opening = Markup('<svg viewBox="{box}" role="img" aria-label="{label}">').format(
        box=box, label=label
    )
    return opening + Markup(_OPENING.sub("", svg, count=1))


def _check(svg: str) -> None:
    """Refuse anything that could act or load: other elements, links, event attributes."""
    for element in ElementTree.fromstring(svg).iter():
        tag = element.tag.rpartition("}")[2]
        acting = [name for name in element.attrib if name.startswith("on") or "href" in name]
        if tag not in _TAGS or acting or "url(" in "".join(element.attrib.values()):
            raise RuntimeError(f"A chart holds <{tag}> with {acting or 'an address'}.")

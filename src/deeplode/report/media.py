"""What the model reads in texts, images, sounds and series: words that speak, where it looked,
examples."""

from __future__ import annotations

import re

from deeplode.report import charts
from deeplode.report.blocks import (
    Block,
    Figure,
    Panels,
    Passage,
    Passages,
    Picture,
    Pictures,
    Section,
)
from deeplode.report.charts import Row
from deeplode.report.draw import draw
from deeplode.report.facts import items, mapping, number, numbers, rows
from deeplode.report.summary import Facts
from deeplode.report.words import Words, clip, distinct, places, plain

_CLASSES, _WORDS = 8, 12  # shown of each column
_EXAMPLES = 24
_LONGEST = 1_200  # signs of a text
_PNG = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+=*")
_LARGEST = 60_000  # signs of one picture
_CHANNELS = 6  # of a series that are drawn
_STEPS = 3  # shades on each side


def media(facts: Facts, words: Words) -> Section | None:
    """A part for each column of text, images, sounds or series."""
    blocks: list[Block] = []
    for entry in rows(facts.get("media")):
        column = clip(entry.get("column"), 40)
        blocks += [
            block
            for block in (
                _words(entry, column, words),
                _texts(entry, column, words),
                _pictures(entry, column, words),
            )
            if block is not None
        ]
    return Section("media", words("R-MEDIA"), tuple(blocks)) if blocks else None


def _words(entry: Facts, column: str, words: Words) -> Panels | Figure | None:
    """For each class the words that speak for it, with intervals."""
    found: dict[str, list[Facts]] = {}
    for row in rows(entry.get("words")):
        if number(row.get("weight")) is not None:
            found.setdefault(clip(row.get("class"), 30), []).append(row)
    title = words("R-MEDIA-WORDS", column=column)
    drawn = [
        (name, "", draw(charts.bars(_points(own[:_WORDS], words), words("R-MEDIA-AXIS")), name))
        for name, own in list(found.items())[:_CLASSES]
    ]
    if not drawn:
        return None
    rest = len(found) - len(drawn)
    more = words("R-MORE", count=words.count(rest)) if rest > 0 else ""
    return Panels(title, tuple(drawn), words("R-MEDIA-WORDS-NOTE"), (), more)


def _points(own: list[Facts], words: Words) -> list[Row]:
    names = distinct([clip(row.get("word")) for row in own])
    decimals = places(own[0]["weight"], 3)
    return [
        {"name": name, "value": row["weight"], "shown": words.figure(row["weight"], decimals)}
        | (numbers(row, "low", "high") or {})
        for name, row in zip(names, own, strict=True)
    ]


def _texts(entry: Facts, column: str, words: Words) -> Passages | None:
    """Texts with the words shaded by how they moved the answer."""
    found = []
    for row in rows(entry.get("examples"))[:_EXAMPLES]:
        parts = [part for part in items(row.get("text")) if isinstance(part, list)]
        spans = [(plain(part[0], _LONGEST), number(part[1]) or 0.0) for part in parts if part[1:]]
        if spans:
            largest = max(abs(weight) for _, weight in spans) or 1.0
            shaded = tuple((text, _shade(weight / largest)) for text, weight in spans)
            found.append(Passage(_case(row, words), _said(row, words), shaded))
    if not found:
        return None
    title = words("R-MEDIA-TEXTS", column=column)
    return Passages(title, tuple(found), words("R-MEDIA-TEXTS-NOTE"))


def _shade(share: float) -> int:
    """-_STEPS … _STEPS."""
    step = round(abs(share) * _STEPS)
    return step if share > 0 else -step


def _pictures(entry: Facts, column: str, words: Words) -> Pictures | None:
    """Examples with where the net looked, their spectrograms, or their lines."""
    found = []
    for row in rows(entry.get("examples"))[:_EXAMPLES]:
        source = row.get("picture")
        if isinstance(source, str) and len(source) < _LARGEST and _PNG.fullmatch(source):
            found.append(Picture(source, _case(row, words), _said(row, words)))
    if not found:
        return None
    kind = str(entry.get("kind")).upper()
    code = kind if kind in ("IMAGE", "AUDIO", "SERIES") else "IMAGE"
    title = words(f"R-MEDIA-{code}", column=column)
    names = ", ".join(clip(one, 30) for one in items(entry.get("channels"))[:_CHANNELS])
    told = {"channels": names} if code == "SERIES" else {}
    return Pictures(title, tuple(found), words(f"R-MEDIA-{code}-NOTE", **told))


def _case(row: Facts, words: Words) -> str:
    """Right, wrong or unsure."""
    case = str(row.get("case")).upper()
    return words(f"R-MEDIA-CASE-{case}") if case in ("RIGHT", "WRONG", "UNSURE") else ""


def _said(row: Facts, words: Words) -> str:
    """Truth and answer of an example."""
    values = mapping({"truth": plain(row.get("truth"), 40), "called": plain(row.get("called"), 40)})
    sure = number(row.get("probability"))
    if sure is None:
        return words("R-MEDIA-SAID-VALUE", **values)
    return words("R-MEDIA-SAID", **values, sure=words.share(sure))

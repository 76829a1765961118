"""The page of ``compare``: the ranking, what each choice changes, the curves, the nets inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deeplode.messages import LANGUAGES
from deeplode.report.blocks import Cell, Figure, Grid, Heading, KeyFigure, Notes, Section
from deeplode.report.curves import ranking, scale
from deeplode.report.draw import draw
from deeplode.report.inside import curves, inside
from deeplode.report.making import making
from deeplode.report.page import LANG
from deeplode.report.summary import Summary
from deeplode.report.template import template
from deeplode.report.words import NOTHING, Words, clip, distinct, plain

Facts = Mapping[str, Any]

DRAWN = 30  # combinations in the ranking's drawing
LISTED = 200  # in its table


def render(facts: Facts, language: str) -> str:
    """The whole page as HTML text. facts: the content of result.json.

    Raises ValueError for a language that there is none of.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}.")
    words = Words(language)
    parts = (_scores, _effects, curves, inside, _diagnosed, _method)
    sections = [one for part in parts if (one := part(facts, words)) is not None]
    return template("page.html.j2").render(
        lang=LANG[language],
        brand=words("CMP-PAGE"),
        summary=_summary(facts, words),
        sections=sections,
        words=words,
    )


def _summary(facts: Facts, words: Words) -> Summary:
    source, found = facts["source"], facts["combinations"]
    parts = (
        plain(source["name"], 120),
        words("R-ROWS", rows=words.count(source["rows"])),
        ", ".join(found[0]["choices"]),
    )
    said = [words(one["code"], **one["values"]) for one in facts["verdict"]["sentences"]]
    return Summary(
        title=words("CMP-TITLE", target=plain(facts["target"], 80)),
        subtitle=" · ".join(parts),
        answer=tuple(said),
        figures=tuple(_figures(facts, words)),
    )


def _figures(facts: Facts, words: Words) -> list[KeyFigure]:
    found, metric = facts["combinations"], facts["main_metric"]
    best = found[0]
    nets = len(found) * len(facts["seeds"])
    counts = {"combinations": len(found), "seeds": len(facts["seeds"])}
    worse = words("CMP-OF", count=len(facts["verdict"]["real"]), all=len(found) - 1)
    return [
        KeyFigure(words("CMP-FIGURE-LOSS"), words.figure(best["loss"]["value"]), best["name"]),
        KeyFigure(
            words.named("METRIC", metric),
            words.score(best["metrics"][metric]["value"], metric),
            best["name"],
        ),
        KeyFigure(words("CMP-FIGURE-REAL"), worse, words("CMP-FIGURE-REAL-NOTE")),
        KeyFigure(words("CMP-FIGURE-NETS"), words.count(nets), words("CMP-COUNTS", **counts)),
    ]


def _scores(facts: Facts, words: Words) -> Section:
    """Every combination's loss with its interval, drawn and as a table."""
    found = facts["combinations"]
    code = "CMP-SCORES-LEAD" if len(facts["seeds"]) > 1 else "CMP-SCORES-LEAD-ONE"
    lead = words(code, rows=words.count(facts["split"]["valid"]), seeds=len(facts["seeds"]))
    drawn = _drawing(facts, words)
    return Section("scores", words("CMP-SCORES"), (drawn, _table(found, facts, words)), lead)


def _drawing(facts: Facts, words: Words) -> Figure:
    top = facts["combinations"][:DRAWN]
    names = distinct([clip(one["name"], 34) for one in top])
    seeds = [
        {"name": name, "value": value}
        for name, one in zip(names, top, strict=True)
        for value in one["loss"]["seeds"]
        if value is not None
    ]
    own = scale([one["value"] for one in seeds] or [1.0])
    least, most = own["domain"]
    points = [
        {
            "name": name,
            "value": one["loss"]["value"],
            "low": max(least, _or(one["loss"]["low"], one["loss"]["value"])),
            "high": min(most, _or(one["loss"]["high"], one["loss"]["value"])),
            "kind": one["against_best"]["verdict"],
        }
        for name, one in zip(names, top, strict=True)
        if one["loss"]["value"] is not None
    ]
    told = ", ".join(f"{one['name']}: {words.figure(one['value'])}" for one in points[:5])
    svg = draw(ranking(points, seeds, own, words("CMP-LOSS")), f"{words('CMP-SCORES')}. {told}")
    return Figure(words("CMP-LOSS"), svg, words("CMP-SCORES-NOTE"))


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _table(found: list[dict[str, Any]], facts: Facts, words: Words) -> Grid:
    metric, seeds = facts["main_metric"], len(facts["seeds"])
    loss = words.figure(facts["to_loss"])
    tested = found[0].get("test_metrics") is not None
    named = words.named("METRIC", metric)
    head = (
        Heading(words("CMP-COMBINATION")),
        Heading(words("CMP-LOSS"), number=True),
        Heading(words("CMP-DIFFERENCE"), number=True),
        Heading("p", number=True),
        Heading(named, number=True),
        *((Heading(words("CMP-ON-TEST", metric=named), number=True),) if tested else ()),
        Heading(words("CMP-BEST-EPOCH"), number=True),
        Heading(words("CMP-STEPS-TO", loss=loss), number=True),
        Heading(words("CMP-SECONDS"), number=True),
        Heading(words("CMP-ZEROS"), number=True),
    )
    rows = tuple(_line(one, metric, seeds, words) for one in found[:LISTED])
    rest = len(found) - len(rows)
    more = words("R-MORE", count=words.count(rest)) if rest > 0 else ""
    return Grid(words("CMP-TABLE"), head, rows, more)


def _line(one: Facts, metric: str, seeds: int, words: Words) -> tuple[Cell, ...]:
    own, score, to = one["against_best"], one["metrics"][metric], one["to_loss"]
    best = own["verdict"] == "best"
    reached = words("CMP-REACHED", count=to["reached"], seeds=seeds)
    notes = [words.seconds(to["seconds"])] if to["reached"] else []
    notes += [reached] if 0 < to["reached"] < seeds else []
    test = [] if one.get("test_metrics") is None else [one["test_metrics"][metric]]
    return (
        Cell(one["name"], words(f"CMP-IS-{own['verdict'].upper()}"), strong=best),
        Cell(words.figure(one["loss"]["value"]), _between(one["loss"], words)),
        *_differs(own, words),
        Cell(words.score(score["value"], metric)),
        *(Cell(words.score(own["value"], metric), _between(own, words)) for own in test),
        Cell(words.figure(sum(one["best_epoch"]) / seeds, 0)),
        Cell(words.count(to["steps"]) if to["reached"] else words("CMP-NEVER"), " · ".join(notes)),
        Cell(words.seconds(one["seconds"])),
        Cell(words.share(one["zeros"])),
    )


def _differs(own: Facts, words: Words) -> tuple[Cell, Cell]:
    """The difference from the best and its p; nothing for the best itself."""
    if own["verdict"] == "best":
        return Cell(""), Cell("")
    told = f"+{words.figure(own['value'])}"
    return Cell(told, _between(own, words)), Cell(chance(own["p_adjusted"]))


def _between(one: Facts, words: Words) -> str:
    if one["low"] is None or one["high"] is None:
        return ""
    return words("R-INTERVAL", low=words.figure(one["low"]), high=words.figure(one["high"]))


def chance(p: float | None) -> str:
    """A p-value as it is written."""
    if p is None:
        return NOTHING
    return "<0.0001" if p < 1e-4 else f"{p:.2g}" if p < 0.01 else f"{p:.2f}"


def _effects(facts: Facts, words: Words) -> Section | None:
    """What each choice changes, the others taken as they come."""
    if len(facts["effects"]) < 2:
        return None
    head = (
        Heading(words("CMP-VALUE")),
        Heading(words("CMP-VERDICT")),
        Heading(words("CMP-LOSS"), number=True),
        Heading(words("CMP-DIFFERENCE"), number=True),
        Heading("p", number=True),
    )
    blocks = []
    for effect in facts["effects"]:
        rows = tuple(
            (
                Cell(one["value"], strong=one["against_best"]["verdict"] == "best"),
                Cell(words(f"CMP-IS-{one['against_best']['verdict'].upper()}")),
                Cell(words.figure(one["loss"]["value"]), _between(one["loss"], words)),
                *_differs(one["against_best"], words),
            )
            for one in effect["values"]
        )
        blocks.append(Grid(effect["option"], head, rows))
    return Section("effects", words("CMP-EFFECTS"), tuple(blocks), words("CMP-EFFECTS-LEAD"))


def _diagnosed(facts: Facts, words: Words) -> Section | None:
    """What the checks of each training said."""
    pairs = [
        (one["name"], words.sentence(notice))
        for one in facts["combinations"][:LISTED]
        for notice in one["diagnostics"]
    ]
    told = [("", words.sentence(one)) for one in facts["warnings"]]
    if not pairs and not told:
        return None
    blocks = []
    if pairs:
        head = (Heading(words("CMP-COMBINATION")), Heading(words("CMP-SAID")))
        rows = tuple((Cell(name), Cell(text)) for name, text in pairs)
        blocks.append(Grid(words("CMP-DIAGNOSED"), head, rows, folded=_counted(facts, words)))
    notes = (Notes(tuple(told), words("R-WARNINGS")),) if told else ()
    lead = words("CMP-CHECKS-LEAD")
    return Section("checks", words("CMP-CHECKS"), (*blocks, *notes), lead)


def _counted(facts: Facts, words: Words) -> str:
    """Each check that spoke, and of how many combinations."""
    spoken: dict[str, int] = {}
    for one in facts["combinations"]:
        for code in {notice["code"] for notice in one["diagnostics"]}:
            spoken[code] = spoken.get(code, 0) + 1
    return " · ".join(f"{words(f'CMP-{code[2:]}')} {spoken[code]}" for code in sorted(spoken))


def _method(facts: Facts, words: Words) -> Section | None:
    """How the comparison was made."""
    own = making(dict(facts), words)
    if own is None:
        return None
    test = "ASIDE" if facts["combinations"][0].get("test_metrics") is None else "TEST"
    parts = ("SAME", test, "BEST", "REAL", "TIME")
    told = tuple(("", words(f"CMP-METHOD-{part}")) for part in parts)
    return Section("making", words("CMP-METHOD"), (Notes(told), *own.blocks), own.lead)

"""Links: their types and times, and whether they stay within communities or classes."""

from __future__ import annotations

from deeplode.report.blocks import Cell, Grid, Heading, Section
from deeplode.report.facts import items, mapping, number, rows
from deeplode.report.words import Words, plain

Facts = dict[str, object]


def links(facts: Facts, words: Words) -> Section | None:
    """Links by type and by period."""
    blocks = tuple(one for one in (_types(facts, words), _periods(facts, words)) if one is not None)
    return Section("links", words("R-LINKS"), blocks, words("R-LINKS-LEAD")) if blocks else None


def _types(facts: Facts, words: Words) -> Grid | None:
    found = rows(facts.get("link_types"))
    if not found:
        return None
    head = (
        Heading(words("R-LINKS-TYPE")),
        Heading(words("R-NET-OF-LINKS"), number=True),
        Heading(words("R-SHARE"), number=True),
        Heading(words("R-LINKS-WITHIN"), number=True),
        Heading(words("R-NET-CHANCE"), number=True),
        Heading(words("R-NET-HOMOPHILY-VALUE"), number=True),
    )
    table = []
    for row in found:
        told = mapping(row.get("homophily"))
        table.append(
            (
                Cell(plain(row.get("type"), 60)),
                Cell(words.count(row.get("links"))),
                Cell(words.share(row.get("share"))),
                Cell(words.share(told.get("same"))),
                Cell(words.share(told.get("expected"))),
                Cell(words.figure(told.get("value"), 2), _interval(told, words)),
            )
        )
    return Grid(words("R-LINKS-TYPES"), head, tuple(table))


def _interval(told: Facts, words: Words) -> str:
    if number(told.get("low")) is None:
        return ""
    ends = {end: words.figure(told.get(end), 2) for end in ("low", "high")}
    return words("R-INTERVAL", **ends)


def _periods(facts: Facts, words: Words) -> Grid | None:
    found = mapping(facts.get("link_periods"))
    names = [plain(one, 40) for one in items(found.get("names"))]
    if not names:
        return None
    head = (
        Heading(words("R-LINKS-PERIOD")),
        Heading(words("R-NET-OF-LINKS"), number=True),
        Heading(words("R-LINKS-WITHIN"), number=True),
    )
    table = []
    every = zip(names, items(found.get("rows")), items(found.get("counts")), strict=False)
    for name, count, parts in every:
        within, between = (number(one) or 0.0 for one in [*items(parts), 0, 0][:2])
        known = within + between
        share = words.share(within / known if known else None)
        table.append((Cell(name), Cell(words.count(count)), Cell(share)))
    return Grid(words("R-LINKS-PERIODS"), head, tuple(table))

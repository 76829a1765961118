"""Groups: what they are called, what sets them apart, where they lie, and how surely they are."""

from __future__ import annotations

from markupsafe import Markup, escape

from deeplode.report import charts
from deeplode.report.blocks import (
    Block,
    Cell,
    Figure,
    Grid,
    Heading,
    KeyFigure,
    Picture,
    Pictures,
    Section,
)
from deeplode.report.charts import Row
from deeplode.report.draw import draw
from deeplode.report.facts import items, mapping, number, rows
from deeplode.report.palette import colour_of
from deeplode.report.words import Words, clip, distinct, plain

Facts = dict[str, object]

_TRAITS = 6  # of a group, in the table
_GROUPS = 50
_PAIRS = 60


def groups(facts: Facts, words: Words) -> Section | None:
    """Every group with its size and traits, the map, and images where there are any."""
    found = rows(facts.get("groups"))[:_GROUPS]
    if facts.get("verb") != "cluster" or not found:
        return None
    blocks: list[Block] = [_table(found, words)]
    if (figure := _map(facts, words)) is not None:
        blocks.append(figure)
    for row in found:
        pictures = [one for one in items(row.get("pictures")) if isinstance(one, str)]
        if pictures:
            shown = tuple(Picture(one, "", "") for one in pictures)
            blocks.append(Pictures(_called(row, words), shown))
    split = mapping(facts.get("split"))
    held = number(split.get("test")) or 0
    lead = words("R-GROUPS-LEAD", rows=words.count(held)) if held else words("R-GROUPS-LEAD-FEW")
    return Section("groups", words("R-GROUPS"), tuple(blocks), lead)


def spaces(facts: Facts, words: Words) -> Section | None:
    """Every way of forming groups, how many it found and how clearly."""
    found = [row for row in rows(facts.get("leaderboard")) if "clear" in row]
    if not found:
        return None
    head = (
        Heading(words("R-WAY")),
        Heading(words("R-GROUPS-COUNT"), number=True),
        Heading(words("R-CLEAR"), number=True),
        Heading(words("R-FIT-SECONDS"), number=True),
    )
    table = tuple(
        (
            Cell(words.named("MODEL", row.get("name")), strong=row.get("name") == facts["answer"]),
            Cell(words.count(row.get("groups"))),
            Cell(words.share(row.get("clear"), 0)),
            Cell(words.seconds(row.get("fit_seconds"))),
        )
        for row in found
    )
    blocks: list[Block] = [Grid(words("R-WAYS"), head, table)]
    if (valleys := _valleys(facts, words)) is not None:
        blocks.append(valleys)
    return Section("ways", words("R-WAYS"), tuple(blocks), words("R-WAYS-LEAD"))


def changes(facts: Facts, words: Words) -> Section | None:
    """Shares of the groups from period to period."""
    found = mapping(facts.get("periods"))
    names = [plain(one, 40) for one in items(found.get("names"))]
    if len(names) < 2:
        return None
    called = {row.get("cluster"): _called(row, words) for row in rows(facts.get("groups"))}
    head = (
        Heading(words("R-GROUP")),
        Heading(names[-2], number=True),
        Heading(names[-1], number=True),
        Heading(words("R-CHANGE"), number=True),
    )
    table = []
    for row in rows(found.get("changes")):
        low, high = number(row.get("low")) or 0.0, number(row.get("high")) or 0.0
        ends = words("R-INTERVAL", low=words.share(low), high=words.share(high))
        change = f"{words.share(row.get('change'))} ({ends})"
        cells = (words.share(row.get("before")), words.share(row.get("latest")))
        table.append(
            (
                Cell(called.get(row.get("cluster"), "")),
                *(Cell(one) for one in cells),
                Cell(change, strong=low > 0 or high < 0),
            )
        )
    grid = Grid(words("R-PERIODS"), head, tuple(table))
    blocks: tuple[Block, ...] = (grid, _shares(found, names, words))
    return Section("periods", words("R-PERIODS"), blocks, words("R-PERIODS-LEAD"))


def key_figures(facts: Facts, words: Words) -> list[KeyFigure]:
    """How many groups there are; [] for other verbs."""
    found = mapping(facts.get("clusters"))
    if number(found.get("value")) is None:
        return []
    note = ""
    if number(found.get("low")) is not None:
        ends = (words.count(found.get(name)) for name in ("low", "high"))
        interval = words("R-INTERVAL", low=next(ends), high=next(ends))
        note = words("R-INTERVAL-95", interval=interval)
    figures = [KeyFigure(words("R-GROUPS-COUNT"), words.count(found["value"]), note)]
    if number(found.get("agreement")) is not None:
        told = words.figure(found.get("agreement"), 2)
        figures.append(KeyFigure(words("R-STABLE"), told, words("R-STABLE-NOTE")))
    figures.append(KeyFigure(words("R-NOWHERE"), words.count(found.get("nowhere"))))
    return figures


def _called(row: Facts, words: Words) -> str:
    return f"{words.count(row.get('cluster'))}: {plain(row.get('name'), 120)}"


def _table(found: list[Facts], words: Words) -> Grid:
    head = (
        Heading(words("R-GROUP")),
        Heading(words("R-COUNT"), number=True),
        Heading(words("R-SHARE"), number=True),
        Heading(words("R-TRAITS")),
    )
    table = []
    for row in found:
        told = [plain(one.get("text"), 120) for one in rows(row.get("traits"))[:_TRAITS]]
        table.append(
            (
                Cell(_called(row, words), strong=True),
                Cell(words.count(row.get("rows"))),
                Cell(words.share(row.get("share"))),
                Cell("; ".join(told) or words("R-TRAITS-NONE")),
            )
        )
    return Grid(words("R-GROUPS"), head, tuple(table))


def _map(facts: Facts, words: Words) -> Figure | None:
    found = mapping(facts.get("map"))
    image, side = found.get("image"), number(found.get("side"))
    if not isinstance(image, str) or not image.startswith("data:image/png;base64,") or not side:
        return None
    marks = "".join(
        f'<text x="{number(one.get("x")) or 0:.0f}" y="{number(one.get("y")) or 0:.0f}" '
        f'font-size="17" font-weight="700" text-anchor="middle" fill="currentColor" '
        f'stroke="{colour_of(round(number(one.get("cluster")) or 1) - 1)}" stroke-width="0.6">'
        f"{round(number(one.get('cluster')) or 0)}</text>"
        for one in rows(found.get("marks"))[:_GROUPS]
    )
    title = escape(words("R-MAP-NOTE"))
    size = f"0 0 {side:.0f} {side:.0f}"
    svg = (
        f'<svg viewBox="{size}" width="{side:.0f}" role="img" aria-label="{title}">'
        f'<image href="{image}" width="{side:.0f}" height="{side:.0f}"/>{marks}</svg>'
    )
    return Figure(words("R-MAP"), Markup(svg), words("R-MAP-NOTE"))


def _valleys(facts: Facts, words: Words) -> Grid | None:
    """The shallowest valleys first: these groups are the nearest to being one."""
    found = rows(facts.get("valleys"))
    if not found:
        return None
    found = sorted(found, key=lambda one: -(number(one.get("depth")) or 0.0))[:_PAIRS]
    called = {row.get("cluster"): _called(row, words) for row in rows(facts.get("groups"))}
    head = (
        Heading(words("R-PAIR")),
        Heading(words("R-DEPTH"), number=True),
        Heading(words("R-APART")),
    )
    table = tuple(
        (
            Cell(f"{called.get(one.get('one'), '')} / {called.get(one.get('other'), '')}"),
            Cell(words.share(one.get("depth"), 0)),
            Cell(words("R-YES") if one.get("apart") is True else words("R-NO")),
        )
        for one in found
    )
    return Grid(words("R-VALLEYS"), head, table)


def _shares(found: Facts, names: list[str], words: Words) -> Figure:
    """Bars of the latest change of each group."""
    told = rows(found.get("changes"))
    labels = distinct([clip(words.count(one.get("cluster"))) for one in told])
    points: list[Row] = [
        {"name": label, "value": one.get("latest"), "shown": words.share(one.get("latest"))}
        for label, one in zip(labels, told, strict=True)
    ]
    title = words("R-PERIOD-SHARES", period=names[-1])
    return Figure(title, draw(charts.bars(points, words("R-SHARE")), title))

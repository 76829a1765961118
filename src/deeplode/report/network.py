"""A network and its communities: the drawing, who leads them, what they talk about, homophily."""

from __future__ import annotations

from collections.abc import Callable

from deeplode.report import charts
from deeplode.report.blocks import (
    Block,
    Cell,
    Drawing,
    Figure,
    Grid,
    Heading,
    KeyFigure,
    Section,
    Terms,
)
from deeplode.report.charts import Row
from deeplode.report.communitywords import apart, leaders
from deeplode.report.draw import draw
from deeplode.report.facts import items, mapping, number, numbers, rows
from deeplode.report.networkdrawing import COLOURS, colour, draw_network
from deeplode.report.words import Words, clip, distinct, plain

Facts = dict[str, object]

_COMMUNITIES = 30
_CENTRAL = 10  # nodes of each kind
_COLUMNS = 12


def network(facts: Facts, words: Words) -> Section | None:
    """The network drawn, and its size."""
    told = mapping(facts.get("network"))
    if not told:
        return None
    blocks: list[Block] = []
    drawing = mapping(facts.get("drawing"))
    if (svg := draw_network(drawing, words)) is not None:
        shown = len(items(drawing.get("x")))
        every = round(number(told.get("nodes")) or 0)
        of = "-CLASS" if rows(drawing.get("classes")) else ""
        code = f"R-NET-NOTE{of}" if shown >= every else f"R-NET-NOTE{of}-SOME"
        note = words(code, shown=words.count(shown), nodes=words.count(every))
        blocks.append(Drawing(words("R-NET-DRAWING"), svg, note, _legend(facts, words)))
    blocks.append(Terms(tuple(_sizes(told, words)), words("R-NET-SIZES")))
    lead = words("R-NET-LEAD" if is_network(facts) else "R-NET-LEAD-CLASS")
    return Section("network", words("R-NET-TITLE"), tuple(blocks), lead)


def communities(facts: Facts, words: Words) -> Section | None:
    """Each community: its size, how closely it is linked, who leads it, what it talks about."""
    found = rows(facts.get("communities"))
    if not found:
        return None
    told = any(rows(one.get("apart")) for one in found)
    head = (
        Heading(words("R-NET-COMMUNITY")),
        Heading(words("R-NET-NODES"), number=True),
        Heading(words("R-NET-DENSITY"), number=True),
        Heading(words("R-NET-LEAVES"), number=True),
        Heading(words("R-NET-LEADERS")),
        *((Heading(words("R-NET-APART")),) if told else ()),
    )
    table = tuple(
        (
            Cell(_name(one, words)),
            Cell(words.count(one.get("size"))),
            Cell(words.share(one.get("density"))),
            Cell(words.share(one.get("conductance"), 0)),
            Cell(leaders(one)),
            *((Cell(apart(one, words)),) if told else ()),
        )
        for one in found[:_COMMUNITIES]
    )
    every = round(number(mapping(facts.get("network")).get("communities")) or len(found))
    rest = every - len(table)
    more = words("R-NET-MORE", count=words.count(rest)) if rest > 0 else ""
    grid = Grid(words("R-NET-COMMUNITIES"), head, table, more)
    lead = words("R-NET-COMMUNITIES-LEAD")
    return Section("communities", words("R-NET-COMMUNITIES"), (grid,), lead)


def central(facts: Facts, words: Words) -> Section | None:
    """The most influential nodes, hubs and bridges, side by side."""
    told = mapping(facts.get("central"))
    found = {key: rows(told.get(key))[:_CENTRAL] for key in ("influence", "hubs", "bridges")}
    found = {key: own for key, own in found.items() if own}
    if not found:
        return None
    head = tuple(Heading(words.named("NET-MOST", key)) for key in found)
    table = tuple(
        tuple(
            _central(own[at], key, words) if at < len(own) else Cell("")
            for key, own in found.items()
        )
        for at in range(max(map(len, found.values())))
    )
    sources, every = number(told.get("betweenness_from")), mapping(facts.get("network"))
    some = sources is not None and sources < (number(every.get("nodes")) or 0)
    more = words("R-NET-SAMPLED", count=words.count(sources)) if some else ""
    grid = Grid(words("R-NET-CENTRAL"), head, table, more)
    return Section("central", words("R-NET-CENTRAL"), (grid,), words("R-NET-CENTRAL-LEAD"))


def made_of(facts: Facts, words: Words) -> Section | None:
    """What communities can be made of, and how well each fits the links and the true groups."""
    found = rows(facts.get("leaderboard")) if is_network(facts) else []
    if not found:
        return None
    names = list(dict.fromkeys(name for one in found for name in mapping(one.get("metrics"))))
    head = (
        Heading(words("R-NET-MADE-OF")),
        Heading(words("R-NET-COMMUNITIES"), number=True),
        *(Heading(words.named("METRIC", name), number=True) for name in names),
        Heading(words("R-FIT-SECONDS"), number=True),
    )
    table = tuple(
        (
            Cell(words.named("MODEL", one.get("name")), strong=one.get("name") == facts["answer"]),
            Cell(words.count(one.get("groups"))),
            *(_score(mapping(one.get("metrics")).get(name), name, words) for name in names),
            Cell(words.seconds(one.get("fit_seconds"))),
        )
        for one in found
    )
    grid = Grid(words("R-NET-MADE-OF"), head, table)
    return Section("candidates", words("R-NET-MADE-OF"), (grid,), words("R-NET-BOARD-LEAD"))


def _score(entry: object, name: str, words: Words) -> Cell:
    return Cell(words.score(mapping(entry).get("value"), name), words.interval(entry, name))


def homophily(facts: Facts, words: Words) -> Section | None:
    """Whether nodes with the same value are linked more than by chance, column by column."""
    found = [
        (one, told)
        for one in rows(facts.get("homophily"))
        if (told := numbers(one, "value", "low", "high"))
    ][:_COLUMNS]
    if not found:
        return None
    names = distinct([clip(one.get("column")) for one, _ in found])
    points: list[Row] = [
        {"name": name, "value": own["value"], "low": own["low"], "high": own["high"]}
        | {"shown": words.figure(own["value"], 2), "chosen": own["low"] > 0 or own["high"] < 0}
        for name, (_, own) in zip(names, found, strict=True)
    ]
    note = words("R-NET-HOMOPHILY-NOTE")
    svg = draw(charts.intervals(points, words("R-NET-HOMOPHILY-VALUE"), 1.0), note)
    head = (
        Heading(words("R-NET-COLUMN")),
        Heading(words("R-NET-SAME"), number=True),
        Heading(words("R-NET-CHANCE"), number=True),
    )
    table = tuple(
        (Cell(name), Cell(words.share(one["same"])), Cell(words.share(one.get("expected"))))
        for name, (one, _) in zip(names, found, strict=True)
        if number(one.get("same")) is not None  # of categories
    )
    grid = Grid(words("R-NET-HOMOPHILY"), head, table) if table else None
    figure = Figure(words("R-NET-HOMOPHILY"), svg, note, grid)
    return Section("homophily", words("R-NET-HOMOPHILY"), (figure,))


def is_network(facts: Facts) -> bool:
    """Whether the facts are of communities."""
    return facts.get("task") == "communities"


def answer(facts: Facts, words: Words) -> tuple[str, ...]:
    """The verdict, sentence by sentence."""
    return tuple(
        words.sentence(one) for one in rows(mapping(facts.get("verdict")).get("sentences"))
    )


def key_figures(facts: Facts, words: Words) -> list[KeyFigure]:
    """How many communities, nodes and links there are; [] for other verbs."""
    told = mapping(facts.get("network")) if is_network(facts) else {}
    codes = {"communities": "R-NET-COMMUNITIES", "nodes": "R-NET-NODES", "links": "R-NET-OF-LINKS"}
    return [
        KeyFigure(words(code), words.count(told[name]))
        for name, code in codes.items()
        if number(told.get(name)) is not None
    ]


def _sizes(told: Facts, words: Words) -> list[tuple[str, str]]:
    """The network's numbers, those that there are."""
    shown: dict[str, Callable[[object], str]] = {
        "nodes": words.count,
        "links": words.count,
        "isolated": words.count,
        "components": words.count,
        "mean_degree": lambda value: words.figure(value, 1),
        "density": lambda value: words.share(value, 2),
        "transitivity": words.share,
        "modularity": lambda value: words.figure(value, 3),
    }
    return [
        (words.named("NET-OF", name), write(told[name]))
        for name, write in shown.items()
        if number(told.get(name)) is not None
    ]


def _legend(facts: Facts, words: Words) -> tuple[tuple[str, str], ...]:
    """The communities or classes that have a colour of their own, and all others."""
    if classes := rows(mapping(facts.get("drawing")).get("classes")):
        named = [
            (colour(at + 1), f"{plain(one.get('name'), 40)} ({words.count(one.get('rows'))})")
            for at, one in enumerate(classes[:COLOURS])
        ]
        return (*named, ("rest", words("R-NET-OTHERS-CLASS")))
    found = rows(facts.get("communities"))
    own = [
        (colour(at + 1), f"{_name(one, words)} ({words.count(one.get('size'))})")
        for at, one in enumerate(found[:COLOURS])
    ]
    more = (("rest", words("R-NET-OTHERS")),) if len(found) > COLOURS else ()
    return (*own, *more)


def _name(one: Facts, words: Words) -> str:
    return words("R-NET-NUMBER", number=words.count(one.get("cluster")))


def _central(one: Facts, key: str, words: Words) -> Cell:
    """A node, and below it its number and community."""
    value = one.get("value")
    shown = words.count(value) if key == "hubs" else words.share(value, 2)
    said = words(f"R-NET-VALUE-{key.upper()}", value=shown)
    return Cell(plain(one.get("name"), 60), f"{said} · {_name(one, words)}")

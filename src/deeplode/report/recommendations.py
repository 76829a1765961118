"""Recommendations: users with what they had and got, items that go together, whom lists reach."""

from __future__ import annotations

from deeplode.report import charts
from deeplode.report.blocks import Block, Cell, Figure, Grid, Heading, KeyFigure, Section, Terms
from deeplode.report.charts import Row
from deeplode.report.draw import draw
from deeplode.report.facts import items, mapping, number, rows
from deeplode.report.words import Words, plain

Facts = dict[str, object]

_USERS, _HISTORY, _LISTED, _SIMILAR, _WAYS = 8, 8, 10, 12, 16
_WAYS_SAID = ("rival", "first", "second")  # values of the verdict that are ways
_SHARES = ("recommended", "took", "had")  # in the order of their lines


def recommendations(facts: Facts, words: Words) -> Section | None:
    """Users from the best served to the worst, with their lists."""
    found = rows(facts.get("samples"))[:_USERS]
    if not found:
        return None
    blocks = tuple(block for one in found for block in _list(one, words))
    return Section("recommendations", words("R-REC"), blocks, words("R-REC-LEAD"))


def go_together(facts: Facts, words: Words) -> Section | None:
    """The most popular items and what goes with each."""
    found = [one for one in rows(facts.get("similar")) if items(one.get("like"))][:_SIMILAR]
    if facts.get("verb") != "recommend" or not found:
        return None
    head = (
        Heading(words("R-REC-ITEM")),
        Heading(words("R-REC-USERS"), number=True),
        Heading(words("R-REC-LIKE")),
    )
    table = tuple(
        (
            Cell(plain(one.get("item"), 80), strong=True),
            Cell(words.count(one.get("users"))),
            Cell("; ".join(plain(name, 60) for name in items(one.get("like")))),
        )
        for one in found
    )
    grid = Grid(words("R-REC-SIMILAR"), head, table)
    return Section("similar", words("R-REC-SIMILAR"), (grid,), words("R-REC-SIMILAR-LEAD"))


def reach(facts: Facts, words: Words) -> Section | None:
    """How many items lists reach, and how far they follow what is popular."""
    found = [
        one for one in rows(facts.get("leaderboard")) if number(one.get("coverage")) is not None
    ]
    if facts.get("verb") != "recommend" or not found:
        return None
    head = (
        Heading(words("R-MODEL")),
        *(Heading(words(f"R-REC-{name}"), number=True)
          for name in ("COVERAGE", "GINI", "NOVELTY", "HEAD", "WEIGHT")),
    )  # fmt: skip
    shares = mapping(facts.get("weights"))
    table = tuple(
        (
            Cell(_way(one, words), strong=one.get("name") == facts.get("answer")),
            Cell(words.share(one.get("coverage"))),
            Cell(words.figure(one.get("gini"), 2)),
            Cell(words.figure(one.get("novelty"), 1)),
            Cell(words.share(one.get("head"))),
            Cell(words.share(shares[str(one["name"])], 0) if one.get("name") in shares else ""),
        )
        for one in found[:_WAYS]
    )
    told = mapping(facts.get("popularity"))
    blocks: list[Block] = [Grid(words("R-REC-REACH"), head, table)]
    if (figure := _popularity(told, words)) is not None:
        blocks.append(figure)
    lead = words("R-REC-REACH-LEAD", head=words.count(told.get("head")))
    return Section("reach", words("R-REC-REACH"), tuple(blocks), lead)


def counted(facts: Facts, words: Words) -> Section | None:
    """How many users, items and interactions there are."""
    told = mapping(facts.get("interactions"))
    if not told:
        return None
    span = [plain(one, 30).replace("T", " ") for one in items(told.get("span"))]
    pairs = [
        (words("R-REC-USERS"), words.count(told.get("users"))),
        (words("R-REC-ITEMS"), words.count(told.get("items"))),
        (words("R-REC-COUNT"), words.count(told.get("interactions"))),
        (words("R-REC-DENSITY"), words.share(told.get("density"), 3)),
        (words("R-REC-MEDIAN-USER"), words.count(told.get("median_of_user"))),
        (words("R-REC-MEDIAN-ITEM"), words.count(told.get("median_of_item"))),
        (words("R-REC-SPAN"), words("R-COMMA").join(span)),
        (words("R-REC-NEW"), _some(mapping(facts.get("split")).get("new_users"), words)),
    ]
    terms = Terms(tuple((term, value) for term, value in pairs if value))
    return Section("interactions", words("R-REC-DATA"), (terms,))


def key_figures(facts: Facts, words: Words) -> list[KeyFigure]:
    """How much of the items lists reach; [] for other verbs."""
    if facts.get("verb") != "recommend":
        return []
    answer = next((one for one in rows(facts.get("leaderboard"))
                   if one.get("name") == facts.get("answer")), {})  # fmt: skip
    told = mapping(facts.get("interactions"))
    figures = [KeyFigure(words("R-REC-USERS"), words.count(told.get("users")))]
    if number(answer.get("coverage")) is not None:
        figures.append(KeyFigure(words("R-REC-COVERAGE"), words.share(answer["coverage"])))
    return figures


def answer(facts: Facts, words: Words) -> tuple[str, ...]:
    """The verdict, with names as this language has them; () for other verbs."""
    if facts.get("verb") != "recommend":
        return ()
    told = []
    for one in rows(mapping(facts.get("verdict")).get("sentences")):
        values = mapping(one.get("values"))
        named = {role: _called(values[role], words) for role in _WAYS_SAID if role in values}
        told.append(words.sentence({**one, "values": {**values, **named}}))
    return tuple(told)


def _way(one: Facts, words: Words) -> str:
    return _called(one.get("name"), words)


def _called(name: object, words: Words) -> str:
    return words("R-MODEL-BLEND-RECOMMEND") if name == "blend" else words.named("MODEL", name)


def _some(value: object, words: Words) -> str:
    return words.count(value) if number(value) else ""


def _list(one: Facts, words: Words) -> tuple[Terms, Grid]:
    """What a user had, and the list."""
    history = "; ".join(plain(name, 50) for name in items(one.get("history"))[:_HISTORY])
    told = {"items": words.count(one.get("items")), "took": words.count(one.get("took"))}
    user = words("R-REC-USER", user=plain(one.get("user"), 40), **told)
    head = (
        Heading(words("R-REC-RANK"), number=True),
        Heading(words("R-REC-ITEM")),
        Heading(words("R-REC-BECAUSE")),
    )
    table = tuple(
        (
            Cell(words.count(at), strong=row.get("hit") is True),  # of the whole line
            Cell(plain(row.get("item"), 80), words("R-REC-HIT") if row.get("hit") is True else ""),
            Cell(plain(row.get("because"), 80)),
        )
        for at, row in enumerate(rows(one.get("recommended"))[:_LISTED], 1)
    )
    return Terms(((words("R-REC-LATEST"), history),), user), Grid(words("R-REC-LIST"), head, table)


def _popularity(told: Facts, words: Words) -> Figure | None:
    """Shares over parts of the items, the most popular first."""
    points: list[Row] = []
    names = [words(f"R-REC-{name.upper()}") for name in _SHARES]
    for name, shown in zip(_SHARES, names, strict=True):
        values = [number(one) for one in items(told.get(name))]
        points += [{"x": at + 1, "y": own, "series": shown}
                   for at, own in enumerate(values) if own is not None]  # fmt: skip
    if not points:
        return None
    titles = (words("R-REC-PART"), words("R-SHARE"))
    svg = draw(charts.lines(points, names, titles, None), words("R-REC-POPULARITY"))
    return Figure(words("R-REC-POPULARITY"), svg, words("R-REC-POPULARITY-NOTE"))

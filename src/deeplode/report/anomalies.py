"""What does not fit: the oddest rows with reasons, how odd all rows are, and who said so."""

from __future__ import annotations

from deeplode.report import charts
from deeplode.report.blocks import Block, Cell, Figure, Grid, Heading, KeyFigure, Section
from deeplode.report.charts import Row
from deeplode.report.draw import draw
from deeplode.report.facts import items, mapping, number, rows
from deeplode.report.words import Words, clip, distinct, plain

Facts = dict[str, object]

_ALARMS = 50
_COLUMNS = 12


def alarms(facts: Facts, words: Words) -> Section | None:
    """The oddest rows, the oddest first."""
    found = rows(facts.get("alarms"))
    if not found or facts.get("structure") == "series":  # whose events are listed
        return None
    head = (
        Heading(words("R-ALARM-ID")),
        Heading(words("R-ALARM-SCORE"), number=True),
        Heading(words("R-REASON")),
        Heading(words("R-NEAREST")),
    )
    table = tuple(
        (
            Cell(plain(row.get("id"), 60), strong=row.get("called") is True),
            Cell(words.figure(row.get("score"), 3)),
            Cell(plain(row.get("reason"))),
            Cell(plain(row.get("nearest"))),
        )
        for row in found[:_ALARMS]
    )
    called = number(mapping(facts.get("anomalies")).get("called")) or 0
    rest = round(called) - len(table)
    more = words("R-MORE", count=words.count(rest)) if rest > 0 else ""
    grid = Grid(words("R-ALARMS-TABLE"), head, table, more)
    return Section("alarms", words("R-ALARMS"), (grid,), words("R-ALARMS-LEAD"))


def oddness(facts: Facts, words: Words) -> Section | None:
    """The scores of all rows, and the columns to blame."""
    found = (_scores(facts, words), _blamed(facts, words))
    blocks: tuple[Block, ...] = tuple(block for block in found if block is not None)
    return Section("oddness", words("R-ODDNESS"), blocks) if blocks else None


def detectors(facts: Facts, words: Words) -> Section | None:
    """Every detector, and how far it agrees with the one that answers."""
    found = [row for row in rows(facts.get("leaderboard")) if "agreement" in row]
    if not found:
        return None
    head = (
        Heading(words("R-DETECTOR")),
        Heading(words("R-AGREEMENT"), number=True),
        Heading(words("R-FIT-SECONDS"), number=True),
    )
    table = tuple(
        (
            Cell(words.named("MODEL", row.get("name")), strong=row.get("name") == facts["answer"]),
            Cell(words.figure(row.get("agreement"), 2)),
            Cell(words.seconds(row.get("fit_seconds"))),
        )
        for row in found
    )
    grid = Grid(words("R-DETECTORS"), head, table)
    known = mapping(mapping(facts.get("anomalies")).get("known"))
    lead = words("R-DETECTORS-KNOWN") if known else words("R-DETECTORS-LEAD")
    return Section("detectors", words("R-DETECTORS"), (grid,), lead)


def key_figures(facts: Facts, words: Words) -> list[KeyFigure]:
    """Rows that were called, and the share of anomalies; [] for other verbs."""
    found = mapping(facts.get("anomalies"))
    if number(found.get("called")) is None:
        return []
    share = mapping(found.get("share"))
    figures = [KeyFigure(words("R-CALLED"), words.count(found["called"]))]
    if number(found.get("events")) is not None:
        happened = KeyFigure(words("R-EVENTS"), words.count(found["events"]))
        figures = [happened, KeyFigure(words("R-MOMENTS-IN-EVENTS"), words.count(found["called"]))]
    if number(share.get("value")) is not None:
        low, high = (words.share(share.get(name)) for name in ("low", "high"))
        note = words("R-INTERVAL-95", interval=words("R-INTERVAL", low=low, high=high))
        figures.append(KeyFigure(words("R-ANOMALY-SHARE"), words.share(share["value"]), note))
    recall = mapping(mapping(found.get("known")).get("recall"))
    if number(recall.get("value")) is not None:
        low, high = (words.share(recall.get(name)) for name in ("low", "high"))
        note = words("R-INTERVAL-95", interval=words("R-INTERVAL", low=low, high=high))
        figures.append(KeyFigure(words("R-KNOWN-CALLED"), words.share(recall["value"]), note))
    return figures


def _scores(facts: Facts, words: Words) -> Figure | None:
    found = mapping(facts.get("scores"))
    edges, counts = items(found.get("edges")), items(found.get("counts"))
    if len(edges) != len(counts) + 1 or not counts:
        return None
    bins: list[Row] = [
        {"low": low, "high": high, "count": count}
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]
    titles = (words("R-ALARM-SCORE"), words("R-COUNT"))
    at = mapping(facts.get("anomalies")).get("threshold")
    note = words("R-ODDNESS-NOTE", threshold=words.figure(at, 3))
    return Figure(words("R-ODDNESS-ALL"), draw(charts.histogram(bins, titles), note), note)


def _blamed(facts: Facts, words: Words) -> Figure | None:
    found = [row for row in rows(facts.get("blamed")) if number(row.get("share")) is not None]
    if not found:
        return None
    top = found[:_COLUMNS]
    names = distinct([clip(row.get("column")) for row in top])
    points: list[Row] = [
        {"name": name, "value": row["share"], "shown": words.share(row["share"])}
        for name, row in zip(names, top, strict=True)
    ]
    told = ", ".join(f"{point['name']}: {point['shown']}" for point in points[:5])
    svg = draw(charts.bars(points, words("R-SHARE")), f"{words('R-BLAMED')}. {told}")
    return Figure(words("R-BLAMED"), svg, words("R-BLAMED-NOTE"))

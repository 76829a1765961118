"""Events in series: what happened, when, in which channels, and what normal would have been."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from deeplode.report import serieschart
from deeplode.report.blocks import Block, Cell, Figure, Grid, Heading, Section
from deeplode.report.charts import Row
from deeplode.report.draw import draw
from deeplode.report.facts import items, mapping, number, rows
from deeplode.report.words import Words, clip, distinct, plain

Facts = dict[str, object]

_EVENTS = 20
_SERIES = 40  # lines of the calendar
_DAY = 86_400.0
_MOST_DAYS = 62  # of one series that the calendar has a line for each of


def events(facts: Facts, words: Words) -> Section | None:
    """The list of events, and when they were."""
    found = rows(facts.get("events"))
    if not found:
        return None
    several = (number(mapping(facts.get("series")).get("count")) or 1) > 1
    codes = [*(["R-SERIES"] if several else []), "R-EVENT-WHEN", "R-REASON"]
    head = tuple(Heading(words(code)) for code in codes)
    oddest = sorted(found, key=lambda one: -(number(one.get("score")) or 0.0))[:_EVENTS]
    shown = sorted(oddest, key=lambda one: number(one.get("event")) or 0.0)
    table = tuple(
        (
            *((Cell(plain(one.get("series"), 40)),) if several else ()),
            Cell(plain(one.get("start"), 40), _until(one, facts, words), whole=True),
            Cell(_reason(one, words)),
        )
        for one in shown
    )
    every = round(number(mapping(facts.get("anomalies")).get("events")) or 0) - len(table)
    more = words("R-MORE", count=words.count(every)) if every > 0 else ""
    blocks: list[Block] = [Grid(words("R-EVENTS"), head, table, more)]
    if (drawn := _calendar(facts, words)) is not None:
        blocks.append(drawn)
    return Section("events", words("R-EVENTS"), tuple(blocks), words("R-EVENTS-LEAD"))


def _until(one: Facts, facts: Facts, words: Words) -> str:
    """The end, without its day where that is the start's, and how long it lasted."""
    start, end = plain(one.get("start"), 40), plain(one.get("end"), 40)
    day, _, clock = end.partition(" ")
    told = words("R-EVENT-UNTIL", end=clock if clock and start.startswith(f"{day} ") else end)
    lasts = number(one.get("lasts"))
    if lasts is None or mapping(facts.get("series")).get("dates") is not True:
        return told
    return words("R-EVENT-LASTS", until=told, time=words.seconds(lasts))


def _reason(one: Facts, words: Words) -> str:
    """What the channels do, in this language where that can be said."""
    told = rows(one.get("channels"))
    if not told or not all(words.known(str(own.get("code"))) for own in told):
        return plain(one.get("reason"))
    return words("D-REASON-JOIN").join(words.sentence(own) for own in told)


def channels(facts: Facts, words: Words) -> Section | None:
    """Series with their oddest channels, events shaded."""
    views = mapping(facts.get("views"))
    drawn = [_series(one, views, words) for one in rows(views.get("series"))]
    blocks = tuple(one for one in drawn if one is not None)
    if not blocks:
        return None
    return Section("channels", words("R-CHANNELS"), blocks, words("R-CHANNELS-LEAD"))


def _series(series: Facts, views: Facts, words: Words) -> Figure | None:
    dates = views.get("dates") is True
    times = [_x(time, dates=dates) for time in items(series.get("times"))]
    parts: list[tuple[str, list[Row]]] = []
    for channel in rows(series.get("channels")):
        lines = [items(channel.get(name)) for name in ("measured", "mean", "expected")]
        if any(len(line) != len(times) for line in lines):
            continue
        cells = [
            {"x": x, "measured": one, "mean": mean, "expected": normal}
            for x, one, mean, normal in zip(times, *lines, strict=True)
        ]
        parts.append((clip(channel.get("name")), cells))
    scores = items(series.get("score"))
    if not parts or len(scores) != len(times):
        return None
    parts.append(
        (
            words("R-ALARM-SCORE"),
            [{"x": x, "score": one} for x, one in zip(times, scores, strict=True)],
        )
    )
    shaded = [
        {"start": _x(ends[0], dates=dates), "end": _x(ends[1], dates=dates)}
        for ends in map(items, items(series.get("events")))
        if len(ends) == 2
    ]
    at = number(views.get("threshold"))
    spec = serieschart.channels(parts, shaded, at, dates=dates)
    title = plain(series.get("name"), 60) or words("R-CHANNELS-ONE")
    several = "R-CHANNELS-EVENT" if len(shaded) == 1 else "R-CHANNELS-EVENTS"
    note = words(several, count=words.count(len(shaded)))
    return Figure(title, draw(spec, f"{title}. {note}"), note)


def _calendar(facts: Facts, words: Words) -> Figure | None:
    """A line a series, from its beginning; of one long series of dates a line a day."""
    views = mapping(facts.get("views"))
    found = [one for one in rows(views.get("calendar")) if number(one.get("start")) is not None]
    if not found:
        return None
    dates = views.get("dates") is True
    names = _names(found)
    days = sorted({day for one in found for day in range(_day(one, "start"), _day(one, "end") + 1)})
    if dates and len(names) == 1 and len(days) > 1 and days[-1] - days[0] < _MOST_DAYS:
        bars = [bar for one in found for bar in _by_day(one)]
        lines = sorted({str(bar["name"]) for bar in bars})
        spec = serieschart.calendar(bars, lines, words("R-CLOCK"), dates=True)
    else:
        kept = names[:_SERIES]
        shown = dict(zip(kept, distinct([clip(name) or "—" for name in kept]), strict=True))
        bars = [
            {"name": shown[str(one.get("series"))], "start": _since(one, "start")}
            | {"end": _since(one, "end")}
            for one in found
            if str(one.get("series")) in shown
        ]
        unit = words("R-SINCE-SECONDS" if dates else "R-SINCE")
        spec = serieschart.calendar(bars, list(shown.values()), unit, dates=False)
    title = words("R-CALENDAR")
    return Figure(title, draw(spec, title), words("R-CALENDAR-NOTE"))


def _names(found: list[Facts]) -> list[str]:
    """Series in the order of their first event."""
    return list(dict.fromkeys(str(one.get("series")) for one in found))


def _since(one: Facts, end: str) -> float:
    return (number(one.get(end)) or 0.0) - (number(one.get("begun")) or 0.0)


def _day(one: Facts, end: str) -> int:
    return int((number(one.get(end)) or 0.0) // _DAY)


def _by_day(one: Facts) -> list[Row]:
    """An event as a bar a day, clock times in milliseconds."""
    start, end = (number(one.get(name)) or 0.0 for name in ("start", "end"))
    bars: list[Row] = []
    for day in range(_day(one, "start"), _day(one, "end") + 1):
        low, high = max(start, day * _DAY) - day * _DAY, min(end, (day + 1) * _DAY) - day * _DAY
        bars.append({"name": _date(day), "start": 1000 * low, "end": 1000 * max(high, low + 120)})
    return bars


def _date(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def _x(time: Any, *, dates: bool) -> float | None:
    """Milliseconds of dates, as charts count them."""
    found = number(time)
    return None if found is None else 1000 * found if dates else found

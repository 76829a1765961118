"""What the data held: kinds, gaps, the target, columns left out, warnings, findings."""

from __future__ import annotations

from itertools import pairwise

from deeplode.report import charts
from deeplode.report.blocks import Cell, Figure, Grid, Heading, Notes, Section, Terms
from deeplode.report.charts import Row
from deeplode.report.draw import draw
from deeplode.report.facts import items, mapping, number, numbers, rows, thin
from deeplode.report.summary import Facts
from deeplode.report.words import Words, clip, distinct, plain

_LISTED = 100  # columns in a table
_REMARKS = 60  # warnings and findings shown
_CLASSES = 12  # bars of the target's chart


def data(facts: Facts, words: Words) -> Section | None:
    """Kinds, the target's distribution, what was left out and why, every column."""
    source = mapping(facts.get("source"))
    features = rows(source.get("features"))
    found = (
        _target(facts, words),
        _kinds(source, features, words),
        _left_out([row for row in features if row.get("used") is False], words),
        _columns([row for row in features if row.get("used") is not False], words),
    )
    blocks = tuple(block for block in found if block is not None)
    return Section("data", words("R-DATA"), blocks) if blocks else None


def remarks(facts: Facts, words: Words) -> Section | None:
    """Warnings of the run, with their codes."""
    found = rows(facts.get("warnings"))
    pairs = tuple((plain(row.get("code"), 20), words.sentence(row)) for row in found[:_REMARKS])
    if not pairs:
        return None
    blocks = (Notes(pairs, more=_more(len(found), _REMARKS, words)),)
    return Section("warnings", words("R-WARNINGS"), blocks, words("R-WARNINGS-LEAD"))


def findings(facts: Facts, words: Words) -> Section | None:
    """Patterns in words, confirmed on unseen rows."""
    found = rows(facts.get("findings"))
    pairs = tuple((_strength(row, words), plain(row.get("text"))) for row in found[:_REMARKS])
    if not pairs:
        return None
    blocks = (Notes(pairs, more=_more(len(found), _REMARKS, words)),)
    return Section("findings", words("R-FINDINGS"), blocks, words("R-FINDINGS-LEAD"))


def _strength(row: Facts, words: Words) -> str:
    support = number(row.get("support"))
    return words("R-ROWS", rows=words.count(support)) if support and support > 1 else ""


def _more(total: int, shown: int, words: Words) -> str:
    return words("R-MORE", count=words.count(total - shown)) if total > shown else ""


def _kinds(source: Facts, features: list[Facts], words: Words) -> Terms | None:
    """How many columns of each kind, and where values are missing."""
    pairs = [
        (words.named("KIND", kind), words.count(count))
        for kind, count in list(mapping(source.get("kinds")).items())[:20]
        if number(count)
    ]
    if gaps := _gaps(features, words):
        pairs.append((words("R-MISSING"), gaps))
    return Terms(tuple(pairs), words("R-KINDS"), half=True) if pairs else None


def _gaps(features: list[Facts], words: Words) -> str:
    """One sentence on missing values."""
    used = [row for row in features if row.get("used") is not False]
    shares = [share for row in used if (share := number(row.get("missing"))) is not None]
    gappy = [share for share in shares if share > 0]
    if not shares:
        return ""
    if not gappy:
        return words("R-NO-GAPS")
    return words("R-GAPS", columns=words.count(len(gappy)), worst=words.share(max(gappy)))


def _left_out(left: list[Facts], words: Words) -> Grid | None:
    if not left:
        return None
    head = (Heading(words("R-COLUMN")), Heading(words("R-KIND")), Heading(words("R-REASON")))
    table = tuple(
        (
            Cell(plain(row.get("name"))),
            Cell(words.named("KIND", row.get("kind"))),
            Cell(words.sentence(row.get("reason"))),
        )
        for row in left[:_LISTED]
    )
    caption = words("R-LEFT-OUT", count=words.count(len(left)))
    return Grid(caption, head, table, _more(len(left), _LISTED, words))


def _columns(used: list[Facts], words: Words) -> Grid | None:
    if not used:
        return None
    head = (
        Heading(words("R-COLUMN")),
        Heading(words("R-KIND")),
        Heading(words("R-MISSING"), number=True),
        Heading(words("R-DISTINCT"), number=True),
    )
    table = tuple(
        (
            Cell(plain(row.get("name"))),
            Cell(words.named("KIND", row.get("kind"))),
            Cell(words.share(row.get("missing"))),
            Cell(words.count(row.get("distinct"))),
        )
        for row in used[:_LISTED]
    )
    caption = words("R-USED", count=words.count(len(used)))
    return Grid(caption, head, table, _more(len(used), _LISTED, words), folded=caption)


def _target(facts: Facts, words: Words) -> Figure | None:
    """The classes of the target by size, or a histogram of its values."""
    found = mapping(facts.get("target_distribution"))
    title = words("R-TARGET", target=plain(facts.get("target"), 60))
    bins = _bins(found)
    if bins:
        titles = (plain(facts.get("target"), 60), words("R-COUNT"))
        return Figure(title, draw(charts.histogram(bins, titles), title), words("R-TARGET-NUMBER"))
    pairs = [
        (plain(entry.get("class")), count)
        for entry in rows(found.get("classes"))
        if (count := number(entry.get("rows"))) is not None
    ]
    if not pairs:
        return None
    others, others_rows = (number(found.get(name)) or 0.0 for name in ("others", "others_rows"))
    return _classes(pairs, others, others_rows, title, words)


def _bins(found: Facts) -> list[Row]:
    """The histogram as {low, high, count}, from ``bins``, or from ``edges`` and ``counts``."""
    bins: list[Row] = [
        whole for row in rows(found.get("bins")) if (whole := numbers(row, "low", "high", "count"))
    ]
    edges, counts = items(found.get("edges")), items(found.get("counts"))
    if not bins and len(edges) == len(counts) + 1:
        for (low, high), count in zip(pairwise(edges), counts, strict=True):
            whole = numbers({"low": low, "high": high, "count": count}, "low", "high", "count")
            bins += [whole] if whole else []
    return thin(bins, 100)


def _classes(
    pairs: list[tuple[str, float]], others: float, others_rows: float, title: str, words: Words
) -> Figure:
    """The largest classes. others, others_rows: classes that the run did not list, their rows."""
    total = sum(count for _, count in pairs) + others_rows or 1.0
    classes = len(pairs) + others
    pairs = sorted(pairs, key=lambda pair: -pair[1])
    shown = [(clip(name), count) for name, count in pairs[:_CLASSES]]
    names = distinct([name for name, _ in shown])
    values = [
        {"name": name, "value": count, "shown": words.share(count / total)}
        for name, (_, count) in zip(names, shown, strict=True)
    ]
    told = ", ".join(f"{row['name']}: {row['shown']}" for row in values)
    svg = draw(charts.bars(values, words("R-COUNT")), f"{title}. {told}")
    head = (
        Heading(words("R-CLASS")),
        Heading(words("R-COUNT"), number=True),
        Heading(words("R-SHARE"), number=True),
    )
    table = tuple(
        (Cell(name), Cell(words.count(count)), Cell(words.share(count / total)))
        for name, count in pairs[:_LISTED]
    )
    more = _more(round(classes), len(table), words)
    grid = Grid(title, head, table, more, folded=words("R-NUMBERS"))
    note = words("R-TARGET-CLASSES", count=words.count(classes))
    if classes > len(shown):
        note += words("R-TARGET-LARGEST", count=words.count(len(shown)))
    return Figure(title, svg, note, grid)

"""How the net learned and which columns its answers rest on."""

from __future__ import annotations

from deeplode.report import charts
from deeplode.report.blocks import Block, Cell, Figure, Grid, Heading, Section, Terms
from deeplode.report.charts import Row
from deeplode.report.draw import draw
from deeplode.report.facts import mapping, number, numbers, rows, thin
from deeplode.report.summary import Facts
from deeplode.report.words import Words, clip, distinct, places, plain

_COLUMNS_DRAWN = 12
_COLUMNS_LISTED = 60
_EPOCHS_DRAWN = 250


def importance(facts: Facts, words: Words) -> Section | None:
    """Columns by how much worse the model gets without them."""
    found = [row for row in rows(facts.get("importance")) if number(row.get("value")) is not None]
    if not found:
        return None
    found.sort(key=lambda row: -row["value"])
    top = found[:_COLUMNS_DRAWN]
    names = distinct([clip(row.get("column")) for row in top])
    decimals = places(top[0]["value"], 3)
    points: list[Row] = [
        {"name": name, "value": row["value"], "shown": words.figure(row["value"], decimals)}
        | (numbers(row, "low", "high") or {})
        for name, row in zip(names, top, strict=True)
    ]
    told = ", ".join(f"{point['name']}: {point['shown']}" for point in points[:5])
    svg = draw(charts.bars(points, words("R-IMPORTANCE-AXIS")), f"{words('R-IMPORTANCE')}. {told}")
    head = (
        Heading(words("R-COLUMN")),
        Heading(words("R-IMPORTANCE-AXIS"), number=True),
        Heading(words("R-INTERVAL-HEAD"), number=True),
    )
    table = tuple(
        (
            Cell(plain(row.get("column"))),
            Cell(words.figure(row["value"], decimals)),
            Cell(_between(row, decimals, words)),
        )
        for row in found[:_COLUMNS_LISTED]
    )
    rest = len(found) - len(table)
    more = words("R-MORE", count=words.count(rest)) if rest > 0 else ""
    grid = Grid(words("R-IMPORTANCE-TABLE"), head, table, more)
    figure = Figure(words("R-IMPORTANCE-CHART"), svg, words("R-IMPORTANCE-NOTE"), grid)
    return Section("importance", words("R-IMPORTANCE"), (figure,))


def _between(row: Facts, decimals: int, words: Words) -> str:
    ends = numbers(row, "low", "high")
    if ends is None:
        return ""
    low, high = (words.figure(ends[name], decimals) for name in ("low", "high"))
    return words("R-INTERVAL", low=low, high=high)


def training(facts: Facts, words: Words) -> Section | None:
    """Loss over epochs and the size of the net."""
    entry = mapping(facts.get("training"))
    blocks: list[Block] = [
        block for block in (_curves(entry, words), _size(entry, words)) if block is not None
    ]
    if not blocks:
        return None
    return Section("training", words("R-TRAINING"), tuple(blocks))


def _curves(entry: Facts, words: Words) -> Figure | None:
    history = [row for row in rows(entry.get("history")) if number(row.get("epoch")) is not None]
    order = [words("R-VALID-LOSS"), words("R-TRAIN-LOSS")]
    points = [
        {"x": row["epoch"], "y": row[name], "series": series}
        for row in thin(history, _EPOCHS_DRAWN)
        for name, series in zip(("valid_loss", "train_loss"), order, strict=True)
        if number(row.get(name)) is not None
    ]
    if not points:
        return None
    order = [series for series in order if any(point["series"] == series for point in points)]
    best = number(entry.get("best_epoch"))
    note = words("R-CURVES-NOTE")
    if best is not None:
        several = (number(entry.get("members")) or 1) > 1
        code = "R-CURVES-BEST-EACH" if several else "R-CURVES-BEST"
        note += words(code, epoch=words.count(best))
    titles = (words("R-EPOCH"), words("R-LOSS"))
    svg = draw(charts.lines(points, order, titles, best), f"{words('R-CURVES')}. {note}")
    losses = (Heading(words(code), number=True) for code in ("R-TRAIN-LOSS", "R-VALID-LOSS"))
    head = (Heading(words("R-EPOCH")), *losses)
    table = tuple(
        (
            Cell(words.count(row["epoch"])),
            Cell(words.figure(row.get("train_loss"))),
            Cell(words.figure(row.get("valid_loss"))),
        )
        for row in thin(history, 30)
    )
    grid = Grid(words("R-CURVES"), head, table, folded=words("R-NUMBERS"))
    return Figure(words("R-CURVES"), svg, note, grid)


def _size(entry: Facts, words: Words) -> Terms | None:
    shown = ["members", "parameters", "epochs", "best_epoch", "rows_per_second"]
    if number(entry.get("zeros")) or number(mapping(entry.get("config")).get("l1")):
        shown.insert(2, "zeros")  # l1 was asked for, or has left its mark
    pairs = tuple(
        (words(f"R-NET-{name.upper()}"), words.count(entry.get(name)))
        for name in shown
        if number(entry.get(name)) is not None
    )
    return Terms(pairs, words("R-NET"), half=True) if pairs else None

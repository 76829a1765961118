"""Moves: which change of a column, or of two, puts how many rows of a group into another."""

from __future__ import annotations

from deeplode.report.blocks import Cell, Grid, Heading, Section
from deeplode.report.facts import items, mapping, number, rows
from deeplode.report.words import NOTHING, Words, plain

Facts = dict[str, object]

_ROWS = 60


def moves(facts: Facts, words: Words) -> Section | None:
    """From each group to its nearest ones, with the best change of one column and of two."""
    found = rows(facts.get("moves"))[:_ROWS]
    if facts.get("verb") != "cluster" or not found:
        return None
    called = {row.get("cluster"): plain(row.get("name"), 120) for row in rows(facts.get("groups"))}
    head = (
        Heading(words("R-MOVE")),
        Heading(words("R-MOVE-ONE")),
        Heading(words("R-MOVE-SHARE"), number=True),
        Heading(words("R-MOVE-TWO")),
        Heading(words("R-MOVE-SHARE"), number=True),
    )
    table = []
    for row in found:
        ends = (
            f"{words.count(at)}: {called.get(at, '')}" for at in (row.get("from"), row.get("to"))
        )
        told = {len(items(one.get("columns"))): one for one in rows(row.get("changes"))}
        cells = [cell for count in (1, 2) for cell in _change(told.get(count), words)]
        table.append((Cell(" → ".join(ends)), *cells))
    held = bool(number(mapping(facts.get("split")).get("test")))
    lead = words("R-MOVES-LEAD" if held else "R-MOVES-LEAD-FEW")
    return Section("moves", words("R-MOVES"), (Grid(words("R-MOVES"), head, tuple(table)),), lead)


def _change(change: Facts | None, words: Words) -> tuple[Cell, Cell]:
    """What changes, and how many rows move."""
    if change is None:
        return Cell(NOTHING), Cell(NOTHING)
    parts = zip(items(change.get("columns")), items(change.get("cells")), strict=False)
    said = words("D-MOVE-JOIN").join(
        words("D-MOVE", column=plain(name, 60), value=_cell(value, words)) for name, value in parts
    )
    ends = words(
        "R-INTERVAL", low=words.share(change.get("low"), 0), high=words.share(change.get("high"), 0)
    )
    inside = number(change.get("inside"))
    odd = inside is not None and inside < 1
    note = words("R-MOVE-ODD", share=words.share(1 - (inside or 0), 0)) if odd else ""
    return Cell(said, note), Cell(words.share(change.get("share"), 0), ends, strong=True)


def _cell(value: object, words: Words) -> str:
    return words.figure(value) if number(value) is not None else plain(value, 60)

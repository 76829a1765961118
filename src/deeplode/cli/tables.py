"""Facts drawn as text tables that fit 80 columns, in both languages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deeplode.cli.screen import safe
from deeplode.messages import catalogue, language, say

WARNINGS = 30  # lines of warnings; --json has all
BYTES = ("B", "kB", "MB", "GB", "TB")


def word(prefix: str, name: str) -> str:
    """A name of ours in the user's language; as it is when no catalogue has it."""
    code = f"{prefix}-{name.upper().replace('_', '-')}"
    return say(code) if code in catalogue(language()) else safe(name)


def grid(headings: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[int]) -> Table:
    """A table with thin rules; columns whose position is in ``right`` hold numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for position, heading in enumerate(headings):
        numeric = position in right
        table.add_column(
            heading,
            justify="right" if numeric else "left",
            no_wrap=numeric,
            overflow="fold",
            min_width=4,
        )
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(safe(cell)) for cell in row))
    return table


def pairs(out: Console, facts: Iterable[tuple[str, object]]) -> None:
    """Labels on the left, values on the right."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in facts:
        table.add_row(Text(label), Text(safe(value)))
    out.print(table)


def paths(out: Console, found: Sequence[tuple[str, object]]) -> None:
    """As ``pairs``, with each value whole on its line however long, to be copied."""
    width = max(cell_len(label) for label, _ in found)
    for label, path in found:
        line = Text.assemble((set_cell_size(label, width), "dim"), "  ", safe(path))
        out.print(line, soft_wrap=True)


def figure(value: object) -> str:
    """A number at the precision that a reader can use; – when there is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "–"
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.4f}" if abs(value) < 1 else f"{value:.4g}"


def interval(metric: Mapping[str, Any] | None) -> str:
    """A metric with its 95 % interval: ``0.932 [0.928, 0.937]``."""
    if not metric:
        return "–"
    text = figure(metric.get("value"))
    low, high = metric.get("low"), metric.get("high")
    return text if low is None or high is None else f"{text} [{figure(low)}, {figure(high)}]"


def seconds(value: object) -> str:
    """A time; – when there is none."""
    if not isinstance(value, int | float):
        return "–"
    return f"{value:.1f}" if value >= 0.1 else f"{value:.3f}"


def size(value: object) -> str:
    """Bytes in the largest unit that leaves a whole number; – when there is none."""
    if not isinstance(value, int | float):
        return "–"
    amount, unit = float(value), 0
    while amount >= 1000 and unit < len(BYTES) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.{0 if unit == 0 or amount >= 100 else 1}f} {BYTES[unit]}"


def share(value: object) -> str:
    """A part of the whole in per cent; empty when there is none, so that gaps stand out."""
    if not isinstance(value, int | float) or value == 0:
        return ""
    return "<0.1 %" if value < 0.001 else f"{100 * value:.1f} %"


def flat(facts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, object]]:
    """Nested facts as dotted names and values."""
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{name}.")
        elif isinstance(value, list | tuple):
            yield above + name, ", ".join(str(one) for one in value)
        else:
            yield above + name, value


def leaderboard(out: Console, board: Sequence[Mapping[str, Any]], rows: int) -> None:
    """Every candidate: the main metric with its interval, a second one, and the times."""
    main, second = (*board[0]["metrics"], None)[:2]
    out.print(Text(say("T-LEADERBOARD", rows=figure(rows)), "bold"))
    out.print(
        grid(
            ["", f"{main} (95 %)", second or "", say("T-FIT-SECONDS"), say("T-PREDICT-SECONDS")],
            [
                (
                    word("T-MODEL", candidate["name"]),
                    interval(candidate["metrics"].get(main)),
                    figure((candidate["metrics"].get(second) or {}).get("value")),
                    seconds(candidate["fit_seconds"]),
                    seconds(candidate["predict_seconds"]),
                )
                for candidate in board
            ],
            right=(1, 2, 3, 4),
        )
    )


def warnings(out: Console, found: Sequence[Mapping[str, Any]]) -> None:
    """Warnings, one a line, under their number."""
    if not found:
        return
    out.print()
    out.print(Text(say("T-WARNING-COUNT", count=len(found)), "bold"))
    for one in found[:WARNINGS]:
        out.print(Text.assemble((f"! {one['code']}  ", "yellow"), safe(one["message"])))
    if len(found) > WARNINGS:
        out.print(say("T-MORE-WARNINGS"))


def plan(out: Console, facts: Mapping[str, Any] | None) -> None:
    """What training would hold in memory."""
    if facts:
        out.print()
        out.print(Text(say("T-PLAN"), "bold"))
        pairs(out, flat(facts))

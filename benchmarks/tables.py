"""The printed tables: what lies in a folder of cells, scored on the same test rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from cells import DID_NOT_FINISH, DONE, Cell
from numpy.typing import NDArray
from peers import PEERS
from scores import MAIN, SECOND, Metric, Standing, ranks, standings
from sets import load

NOT_RUN, CUT, BROKEN = "", "did not finish", "failed"


@dataclass(frozen=True)
class Scored:
    """One set: who answered how well, who was cut, and what each cell cost.

    main, second: column -> Standing; second (log loss) is empty for regression.
    """

    name: str
    task: str
    main: dict[str, Standing]
    second: dict[str, Standing]
    facts: dict[str, dict[str, Any]]

    def rank(self) -> dict[str, float]:
        """Places by the main score; who did not finish or failed shares the last places."""
        higher = MAIN[self.task].higher_is_better
        worst = float("-inf") if higher else float("inf")
        values = {
            name: self.main[name].value if name in self.main else worst
            for name, facts in self.facts.items()
            if not PEERS[facts["peer"]].is_variant
        }
        return ranks(values, higher)


def latest(cache: Path, set_name: str, peer: str) -> Cell | None:
    """The newest cell of this peer, whatever its version; None when there is none."""
    found = [
        Cell(cache, set_name, peer, path.stem.removeprefix(f"{peer}-"))
        for path in sorted((cache / set_name).glob(f"{peer}-[0-9]*.json"))
    ]
    return max(found, key=lambda cell: (cell.facts() or {})["when"], default=None)


def score(cache: Path, set_name: str, peers: Sequence[str]) -> Scored:
    """Gather the cells of a set and score them on its test rows."""
    data = load(set_name)
    facts: dict[str, dict[str, Any]] = {}
    answers: dict[str, NDArray[np.float64]] = {}
    for peer in peers:
        cell = latest(cache, set_name, peer)
        if cell is None:
            continue
        told = cell.facts() or {}
        facts |= dict.fromkeys(PEERS[peer].columns, told)
        if told["status"] == DONE:
            answers |= cell.answers()
    truth = data.y_test.astype(np.float64)
    boards = [
        {row.name: row for row in standings(metric, truth, answers)} if metric and answers else {}
        for metric in (MAIN[data.task], SECOND.get(data.task))
    ]
    return Scored(set_name, data.task, boards[0], boards[1], facts)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def outcome(scored: Scored, column: str) -> str:
    """What to print where there is no score."""
    facts = scored.facts.get(column)
    if facts is None:
        return NOT_RUN
    return CUT if facts["status"] == DID_NOT_FINISH else BROKEN


def mark(metric: Metric, row: Standing) -> str:
    """The best in bold, and a star on whoever is not worse beyond the test rows' chance."""
    text = metric.text(row.value)
    if row.difference == 0:
        return f"**{text}**"
    return f"{text}\\*" if row.ties_best else text


def score_table(boards: Sequence[Scored], columns: Sequence[str], second: bool) -> str:
    """Scores, a set a line."""
    lines = []
    for scored in boards:
        metric = (SECOND if second else MAIN).get(scored.task)
        if metric is None:
            continue
        board = scored.second if second else scored.main
        cells = [
            mark(metric, board[name]) if name in board else outcome(scored, name)
            for name in columns
        ]
        lines.append([scored.name, metric.name, *cells])
    return markdown(["set", "score", *columns], lines)


def interval_table(boards: Sequence[Scored], columns: Sequence[str]) -> str:
    """Distance to the best of the set with its 95 % interval, in the unit of the main score."""
    lines = []
    for scored in boards:
        text = MAIN[scored.task].text
        cells = [
            f"{text(row.difference)} [{text(row.low)}, {text(row.high)}]"
            if (row := scored.main.get(name)) and row.difference
            else ("best" if row else outcome(scored, name))
            for name in columns
        ]
        lines.append([scored.name, *cells])
    return markdown(["set", *columns], lines)


def cost(facts: dict[str, Any] | None, column: str) -> str:
    """CPU seconds, wall seconds and peak memory of a fit; '>' where it was cut."""
    if facts is None:
        return NOT_RUN
    if facts["status"] != DONE:
        return f">{facts['cpu_seconds']:.0f}" if facts["status"] == DID_NOT_FINISH else BROKEN
    part = facts.get("part_wall_seconds", {}).get(column)
    if part is not None:
        return f"{part:.1f} wall, part of the fit"
    return (
        f"{facts['fit_cpu_seconds']:.1f} / {facts['fit_wall_seconds']:.1f} / "
        f"{facts['peak_bytes'] / 2**20:.0f}"
    )


def cost_table(boards: Sequence[Scored], columns: Sequence[str]) -> str:
    """What the fits cost, a set a line."""
    return markdown(
        ["set", *columns],
        [
            [scored.name, *(cost(scored.facts.get(name), name) for name in columns)]
            for scored in boards
        ],
    )


def summary_table(boards: Sequence[Scored], columns: Sequence[str]) -> str:
    """Average rank on the sets that everybody ran and on one's own, ties with the best, cost."""
    everybody = [scored for scored in boards if all(name in scored.facts for name in columns)]
    lines = []
    for name in columns:
        mine = [scored for scored in boards if name in scored.facts]
        done = [scored for scored in mine if name in scored.main]
        spent = [scored.facts[name]["fit_cpu_seconds"] for scored in done]
        lines.append(
            [
                name,
                mean_rank(name, everybody),
                mean_rank(name, mine),
                f"{len(done)} of {len(mine)}",
                str(sum(scored.main[name].ties_best for scored in done)),
                f"{median(spent):.1f}" if spent else "",
            ]
        )
    head = ["", f"mean rank, {len(everybody)} common sets", "mean rank, own sets"]
    head += ["finished", "best or tied", "median CPU s"]
    return markdown(head, lines)


def mean_rank(name: str, boards: Sequence[Scored]) -> str:
    """The average place over these sets."""
    return f"{np.mean([scored.rank()[name] for scored in boards]):.2f}" if boards else ""


def origins(boards: Sequence[Scored]) -> str:
    """Machines, threads, versions and notes of the cells, each once."""
    told: dict[str, None] = {}
    for scored in boards:
        for column, facts in scored.facts.items():
            here = facts["machine"]
            told[f"{column}: {PEERS[facts['peer']].distribution} {facts['version']}"] = None
            told[
                f"{here['processor']}, {here['cores']} cores, {here['memory_gib']} GiB, "
                f"{facts['threads']} threads. {facts['note']}".strip()
            ] = None
    return "\n".join(f"- {line}" for line in sorted(told))


def page(cache: Path, sets: Sequence[str], peers: Sequence[str]) -> str:
    """All tables in Markdown, of the cells that are there."""
    boards = [scored for name in sets if (scored := score(cache, name, peers)).facts]
    if not boards:
        return f"No cells in {cache}."
    columns = [
        column
        for peer in peers
        for column in PEERS[peer].columns
        if any(column in scored.facts for scored in boards)
    ]
    variants = {name for peer in PEERS.values() if peer.is_variant for name in peer.columns}
    ranked = [column for column in columns if column not in variants]
    parts = {
        "Scores on test rows (bold: best; star: not worse than the best, 95 % paired bootstrap)": (
            score_table(boards, columns, second=False)
        ),
        "Log loss of the classifiers": score_table(boards, columns, second=True),
        "Summary (who did not finish shares the last places)": summary_table(boards, ranked),
        "Distance to the best [95 % interval]": interval_table(boards, columns),
        "Fit: CPU seconds / wall seconds / peak MiB of the process": cost_table(boards, columns),
        "Where the figures come from": origins(boards),
    }
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts.items())

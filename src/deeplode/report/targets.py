"""The columns of a joint forecast: how good it is for each, in the column's own unit."""

from __future__ import annotations

from deeplode.report.blocks import Cell, Grid, Heading, Section
from deeplode.report.facts import mapping, rows
from deeplode.report.summary import Facts, chosen, model_name
from deeplode.report.words import Words, plain

_SHOWN = 100


def targets(facts: Facts, words: Words) -> Section | None:
    """A column a row: the model's error beside that of the best rule of thumb."""
    told = rows(facts.get("channels"))[:_SHOWN]
    if not told:
        return None
    names = [str(row.get("name")) for row in rows(told[0].get("leaderboard"))]
    rules = {"trivial", "naive", "seasonal", chosen(facts)}  # of the rules the best one is shown
    others = [name for name in names if name not in rules]
    head = (
        Heading(words("R-CHANNEL")),
        Heading(words("R-TARGETS-MODEL"), number=True),
        Heading(words("R-TARGETS-RULE"), number=True),
        *(Heading(model_name(name, facts, words), number=True) for name in others),
        Heading(words.named("METRIC", "mase"), number=True),
        Heading(words("R-TARGETS-BETTER"), number=True),
        Heading(words("R-TARGETS-COVERAGE"), number=True),
    )
    table = tuple(_row(one, others, words) for one in told)
    grid = Grid(words("R-TARGETS-TABLE"), head, table)
    return Section("targets", words("R-TARGETS"), (grid,), words("R-TARGETS-LEAD"))


def _row(one: Facts, others: list[str], words: Words) -> tuple[Cell, ...]:
    board = rows(one.get("leaderboard"))
    errors = {
        str(own.get("name")): mapping(mapping(own.get("metrics")).get("rmse")) for own in board
    }
    own = mapping(one.get("metrics"))
    error, scaled = mapping(own.get("rmse")), mapping(own.get("mase"))
    rule, value = str(one.get("rule")), error.get("value")

    def shown(name: str) -> str:
        return words.score(errors.get(name, {}).get("value"), "rmse", value)

    better = words("R-TARGETS-YES" if one.get("signal") else "R-TARGETS-UNSURE")
    return (
        Cell(plain(one.get("name"), 60)),
        Cell(words.score(value, "rmse"), words.interval(error, "rmse"), strong=True),
        Cell(shown(rule), words.named("TARGETS", rule)),
        *(Cell(shown(name)) for name in others),
        Cell(words.score(scaled.get("value"), "mase"), words.interval(scaled, "mase")),
        Cell(better, words.interval(one.get("gain"), "rmse")),
        Cell(words.share(one.get("coverage"))),
    )

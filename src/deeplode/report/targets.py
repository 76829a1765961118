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
    others = [name for name in names if name != chosen(facts)]
    head = (
        Heading(words("R-CHANNEL")),
        Heading(words("R-TARGETS-MODEL"), number=True),
        *(Heading(model_name(name, facts, words), number=True) for name in others),
        Heading(words.named("METRIC", "mase"), number=True),
        Heading(words("R-TARGETS-BETTER"), number=True),
        Heading(words("R-TARGETS-COVERAGE"), number=True),
    )
    table = tuple(_row(one, others, words) for one in told)
    grid = Grid(words("R-TARGETS-TABLE"), head, table)
    return Section("targets", words("R-TARGETS"), (grid,), words("R-TARGETS-LEAD"))


def _row(one: Facts, others: list[str], words: Words) -> tuple[Cell, ...]:
    scores = {
        str(own.get("name")): mapping(own.get("metrics")) for own in rows(one.get("leaderboard"))
    }
    own, gain = mapping(one.get("metrics")), mapping(one.get("gain"))
    error, scaled = mapping(own.get("rmse")), mapping(own.get("mase"))
    value = error.get("value")
    return (
        Cell(plain(one.get("name"), 60)),
        Cell(words.score(value, "rmse"), words.interval(error, "rmse"), strong=True),
        *(
            Cell(words.score(mapping(scores.get(name, {}).get("rmse")).get("value"), "rmse", value))
            for name in others
        ),
        Cell(words.score(scaled.get("value"), "mase"), words.interval(scaled, "mase")),
        Cell(
            words("R-TARGETS-YES" if one.get("signal") else "R-TARGETS-UNSURE"),
            words.interval(gain, "rmse"),
        ),
        Cell(words.share(one.get("coverage"))),
    )

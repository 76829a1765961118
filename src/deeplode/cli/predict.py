"""``deeplode predict``: a model's answers for new rows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deeplode.cli.arguments import Model, Sources, one_or_many
from deeplode.cli.flags import takes
from deeplode.cli.screen import Screen
from deeplode.detectoptions import PredictOptions
from deeplode.messages import say
from deeplode.output import check_table_file, write_parts

if TYPE_CHECKING:
    import polars as pl

Out = Annotated[
    str | None, typer.Option(help="File to write, .csv or .parquet; else CSV on stdout.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file at --out.")]


@takes(PredictOptions)
def predict(
    model: Model,
    source: Sources,
    *,
    out: Out = None,
    force: Force = False,
    options: PredictOptions,
    screen: Screen,
) -> None:
    """Answer for new rows, in their order, with flags for what the model had not met."""
    if out is not None:
        check_table_file(out, force=force)
    screen.listen("stage", name="start")  # imports take seconds
    from deeplode import verbs

    parts = verbs.answers(model, one_or_many(source), options, screen.listen)
    if out is not None:
        rows, columns = write_parts(out, parts, force=force)
        facts = {"rows": rows, "columns": columns, "out": out}
        screen.result(facts, lambda _: screen.note(say("T-WROTE", rows=rows, path=out)))
    elif screen.json:
        told = [row for part in parts for row in part.to_dicts()]
        screen.result({"rows": len(told), "predictions": told}, lambda _: None)
    else:
        for at, part in enumerate(parts):
            _print_csv(part, header=not at)


def _print_csv(answers: pl.DataFrame, header: bool) -> None:
    """Rows as CSV on stdout, in pieces, so that a pipe gets the first rows at once."""
    for start in range(0, max(answers.height, 1), 100_000):
        piece = answers.slice(start, 100_000)
        sys.stdout.write(piece.write_csv(include_header=header and start == 0))
    sys.stdout.flush()

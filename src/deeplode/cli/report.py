"""``deeplode report``: a run or a model as a page to read."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from deeplode.cli.flags import takes
from deeplode.cli.screen import Screen
from deeplode.messages import language
from deeplode.output import check_file

Made = Annotated[str, typer.Argument(metavar="RUN|MODEL", help="Run folder or model file.")]
Out = Annotated[str | None, typer.Option(help="Page to write; else report.html in the run.")]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file at --out.")]


@takes()
def report(
    made: Made,
    *,
    out: Out = None,
    open_: Open = False,
    force: Force = False,
    screen: Screen,
) -> None:
    """Write the report of a run or a model, in the language of --lang."""
    if out is not None:
        check_file(out, force=force)
    from deeplode import verbs

    page = verbs.report(made, out, language())
    screen.result({"report": str(page)}, lambda console: console.print(str(page), soft_wrap=True))
    if open_:
        webbrowser.open(page.resolve().as_uri())

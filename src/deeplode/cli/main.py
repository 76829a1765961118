"""The ``deeplode`` program: commands, and what becomes of everything that goes wrong."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from io import TextIOWrapper
from itertools import pairwise
from typing import Annotated, Any

import typer

from deeplode.errors import DeeplodeError, LimitError
from deeplode.messages import LANGUAGES, say, set_language
from deeplode.runtime import wait_quietly
from deeplode.version import __version__

# The commands there are, in the order of help.
COMMANDS = {
    "inspect": "T-HELP-INSPECT",
    "train": "T-HELP-TRAIN",
    "detect": "T-HELP-DETECT",
    "cluster": "T-HELP-CLUSTER",
    "recommend": "T-HELP-RECOMMEND",
    "predict": "T-HELP-PREDICT",
    "evaluate": "T-HELP-EVALUATE",
    "report": "T-HELP-REPORT",
    "compare": "T-HELP-COMPARE",
    "trace": "T-HELP-TRACE",
    "doctor": "T-HELP-DOCTOR",
}
USAGE = 2
INTERNAL = 1
INTERRUPTED = 130


def run() -> None:
    """Entry point of the installed program."""
    wait_quietly()
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Run one command. Returns its exit status; see docs/cli.md."""
    arguments = arguments or ["--help"]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not stream.isatty():
            stream.reconfigure(encoding="utf-8")
    try:
        set_language(_language(arguments))
        status = program(_asked(arguments))(arguments, prog_name="deeplode", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except (BrokenPipeError, SystemExit):  # Typer and Rich turn the one into the other
        # The reader of stdout has gone, as with "| head": that is no failure.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if "--verbose" in arguments:
            traceback.print_exc()
        from deeplode.cli.screen import print_error

        status, facts = _explain(error, arguments)
        print_error(facts, as_json="--json" in arguments, no_color="--no-color" in arguments)
        return status


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"deeplode {__version__}\n")
        raise typer.Exit


def program(asked: str | None = None) -> typer.Typer:
    """All commands, with their summaries in the language chosen.

    asked: the command that will run. The others are only listed, so that help comes at once.
    """
    app = typer.Typer(
        help=say("T-HELP"),
        epilog=say("T-HELP", "hint"),
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback()(_root)
    for name, summary in COMMANDS.items():
        app.command(name, help=say(summary))(_command(name) if name == asked else _root)
    return app


def _command(name: str) -> Callable[..., None]:
    """The function behind a command; only this one's imports are paid for."""
    match name:
        case "inspect":
            from deeplode.cli.inspect import inspect as command
        case "train":
            from deeplode.cli.train import train as command
        case "detect":
            from deeplode.cli.detect import detect as command
        case "cluster":
            from deeplode.cli.cluster import cluster as command
        case "recommend":
            from deeplode.cli.recommend import recommend as command
        case "predict":
            from deeplode.cli.predict import predict as command
        case "evaluate":
            from deeplode.cli.evaluate import evaluate as command
        case "report":
            from deeplode.cli.report import report as command
        case "compare":
            from deeplode.cli.compare import compare as command
        case "trace":
            from deeplode.cli.trace import trace as command
        case _:
            from deeplode.cli.doctor import doctor as command
    return command


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_version, help="Print the version."),
    ] = False,
    lang: Annotated[
        str | None, typer.Option(metavar="|".join(LANGUAGES), help="Language of help and messages.")
    ] = None,
) -> None:
    """Options before the command."""


def _asked(arguments: list[str]) -> str | None:
    """The command among the arguments; None when there is none."""
    return next((one for one in arguments if one in COMMANDS), None)


def _language(arguments: list[str]) -> str:
    """What ``--lang`` says, else DEEPLODE_LANG, else English; ``--lang`` is checked later."""
    for one, following in pairwise([*arguments, ""]):
        flag, _, joined = one.partition("=")
        if flag == "--lang" and (joined or following) in LANGUAGES:
            return joined or following
    wanted = os.environ.get("DEEPLODE_LANG", "")[:2].lower()
    return wanted if wanted in LANGUAGES else LANGUAGES[0]


def _explain(error: Exception, arguments: list[str]) -> tuple[int, dict[str, Any]]:
    """Exit status and the facts to print: code, message, column, row, hint."""
    if isinstance(error, MemoryError):
        error = LimitError("E-LIMIT-004")
    if isinstance(error, DeeplodeError):
        return error.exit_status, error.as_json()
    facts = {"column": None, "row": None}
    if isinstance(error, typer.TyperException):  # wrong usage, found by the parser
        message = say("E-OPT-010", why=error.format_message())
        hint = say("E-OPT-010", "hint", command=f"deeplode {_asked(arguments) or ''}".strip())
        return USAGE, {"code": "E-OPT-010", "message": message, "hint": hint, **facts}
    message = say("E-INTERNAL-001", kind=type(error).__name__, why=str(error) or "–")
    return INTERNAL, {"code": "E-INTERNAL-001", "message": message, "hint": None, **facts}

"""Flags made from the fields of the option classes, so that each is written once."""

from __future__ import annotations

import csv
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from typing import Annotated, Any, get_args, get_type_hints

import typer

from deeplode.cli.screen import Screen
from deeplode.errors import OptionError
from deeplode.messages import LANGUAGES
from deeplode.readoptions import GROUPS, ReadOptions

_SCREEN_FLAGS: dict[str, tuple[type, str, str]] = {
    "json": (bool, "", "Print one JSON object instead of tables."),
    "quiet": (bool, "", "No progress and no warnings on the screen."),
    "verbose": (bool, "", "Show every epoch, and a traceback when something fails."),
    "no_color": (bool, "", "No colours, as with NO_COLOR in the environment."),
    "lang": (str, "|".join(LANGUAGES), "Language, as with DEEPLODE_LANG in the environment."),
}
_MADE = ("options", "screen")  # parameters that are made from the flags

Command = Callable[..., None]


def takes(
    options: type[ReadOptions] | None = None, groups: tuple[str, ...] = ()
) -> Callable[[Command], Command]:
    """Give a command the fields of ``options`` as flags (those of ``groups``, or all).

    The command's parameter ``options`` gets the object and ``screen`` the Screen to show results
    on; its other parameters stay as they are.
    """
    known = fields(options) if options else ()
    chosen = [one for group in groups or GROUPS for one in known if one.metadata["group"] == group]

    def wrap(command: Command) -> Command:
        @functools.wraps(command)
        def call(**given: Any) -> None:
            shown = {name: given.pop(name) for name in _SCREEN_FLAGS}
            _check_language(shown.pop("lang"))
            with Screen(**{name: bool(value) for name, value in shown.items()}) as screen:
                if options is not None:
                    flags = {one.name: given.pop(one.name) for one in chosen}
                    given["options"] = _options(options, given.pop("config", None), flags)
                command(**given, screen=screen)

        signature = inspect.signature(command, eval_str=True)
        own = [one for name, one in signature.parameters.items() if name not in _MADE]
        flags = [_flag(one, get_type_hints(options)[one.name]) for one in chosen]
        config = [_config_flag()] if options is not None else []
        parameters = own + flags + config + _screen_flags()
        call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return call

    return wrap


def _check_language(language: str | None) -> None:
    """The language was set before the flags were parsed, so that usage errors speak it too."""
    if language is not None and language not in LANGUAGES:
        raise OptionError("E-OPT-002", option="lang", value=language, allowed=", ".join(LANGUAGES))


def _options(kind: type[ReadOptions], config: str | None, flags: Mapping[str, Any]) -> ReadOptions:
    """Defaults, then the TOML file, then the flags that were given."""
    given = {name: read(name, value) for name, value in flags.items() if value not in (None, [])}
    base = kind.from_toml(config) if config else kind()
    return base.with_values(given)


def read(name: str, value: Any) -> Any:
    """The value of a flag in the form that its option has."""
    match name:
        case "drop":
            return tuple(cell for text in value for cell in _cells(text))
        case "kinds":
            return dict(_pair(cell) for text in value for cell in _cells(text))
        case "vary":
            return varied(value)
        case "hidden":
            return tuple(_integer(name, cell) for cell in _cells(value))
        case "batch_size":
            return value if value == "full" else _integer(name, value)
        case "blend" | "header":
            return not value  # their flags are --no-blend and --no-header
        case _:
            return value


def _cells(text: str) -> list[str]:
    """The parts between commas; a part in double quotes may hold commas."""
    return next(csv.reader([text], skipinitialspace=True), [])


def _pair(text: str) -> tuple[str, str]:
    column, equals, kind = text.rpartition("=")
    if not equals or not column:
        raise OptionError("E-OPT-003", option="kinds", item=text)
    return column, kind.strip()


def varied(texts: list[str]) -> dict[str, tuple[str, ...]]:
    """Values by the name of their option; an option named again gets more values."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not name.strip():
            raise OptionError("E-OPT-120", item=text)
        name = name.strip().lstrip("-").replace("-", "_")
        found[name] = found.get(name, ()) + tuple(_cells(values))
    return found


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise OptionError("E-OPT-004", option=name, value=text, least=1) from None


def _flag(one: Field[Any], hint: Any) -> inspect.Parameter:
    """One field as a flag that is None until it is given."""
    dashed = one.name.replace("_", "-")
    about, among, form = (one.metadata[key] for key in ("about", "among", "form"))
    parts = {part for part in get_args(hint) or (hint,) if part is not type(None)}
    kind: Any = str
    if hint is bool:
        kind = bool
    elif one.name in ("drop", "kinds", "vary"):
        kind = list[str]
    elif len(parts) == 1 and parts <= {int, float}:
        (kind,) = parts
    if among and form == "NAME":
        about = f"{about[:-1]}: {', '.join(among)}."
    default = one.metadata["shown"] or (None if one.default == () else one.default)
    if default is not None and kind is not bool:
        about = f"{about} \\[{default}]"
    flag = f"--no-{dashed}" if one.default is True else f"--{dashed}"
    return _parameter(one.name, kind, flag, about, one.metadata["group"], form or "|".join(among))


def _screen_flags() -> list[inspect.Parameter]:
    return [
        _parameter(name, kind, f"--{name.replace('_', '-')}", about, "Screen", form)
        for name, (kind, form, about) in _SCREEN_FLAGS.items()
    ]


def _config_flag() -> inspect.Parameter:
    about = "Any of these options, such as time_limit = '5m'; flags win over it."
    return _parameter("config", str, "--config", about, "Run", "FILE.toml")


def _parameter(
    name: str, kind: Any, flag: str, about: str, panel: str, form: str
) -> inspect.Parameter:
    info = typer.Option(
        flag, help=about, rich_help_panel=panel, metavar=form or "", show_default=False
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, info],
    )

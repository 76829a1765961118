"""Every sentence the program says, in every language it speaks.

A sentence has a stable code (``E-DATA-012``, ``W-KIND-003``) and stands in
``locale/<language>/<area>.toml`` as ``message`` and, where there is something to do, ``hint``.
Values are put in as ``str.format`` does, but large numbers are never written with an exponent.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

LANGUAGES = ("en", "zh")

_language = "en"


def set_language(language: str) -> None:
    """Choose the language of all sentences said from now on: ``en`` or ``zh``."""
    global _language
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}.")
    _language = language


def language() -> str:
    """The language chosen."""
    return _language


@cache
def catalogue(language: str) -> dict[str, dict[str, str]]:
    """All sentences of one language: {code: {"message": …, "hint": …}}."""
    sentences: dict[str, dict[str, str]] = {}
    for entry in resources.files("deeplode").joinpath("locale", language).iterdir():
        if entry.name.endswith(".toml"):
            area: dict[str, dict[str, str]] = tomllib.loads(entry.read_text("utf-8"))
            twice = sentences.keys() & area.keys()
            if twice:
                raise ValueError(f"{entry.name} says again: {', '.join(sorted(twice))}")
            sentences.update(area)
    return sentences


def say(code: str, part: str = "message", language: str | None = None, **values: Any) -> str:
    """The sentence ``code`` with its values put in; '' when it has no such part.

    Raises KeyError for a code that no catalogue holds.
    """
    template = catalogue(language or _language)[code].get(part, "")
    return _writer.vformat(template, (), values)


def joined(parts: Iterable[str], language: str | None = None) -> str:
    """Sentences one after another: a Chinese full stop holds its own space."""
    gap = "" if (language or _language) == "zh" else " "
    return gap.join(part for part in parts if part)


class _Writer(string.Formatter):
    """Writes 2416.6 under ``.3g`` as 2,417 rather than 2.42e+03."""

    def format_field(self, value: Any, format_spec: str) -> str:
        large = isinstance(value, int | float) and 1000 <= abs(value) < 1e12
        spec = ",.0f" if large and format_spec.endswith("g") else format_spec
        written: str = super().format_field(value, spec)
        return written


_writer = _Writer()


@dataclass(frozen=True)
class Notice:
    """Something the user should know that did not stop the run."""

    code: str
    column: str | None = None
    values: dict[str, Any] = field(default_factory=dict)

    def message(self, language: str | None = None) -> str:
        """The sentence, with its hint where it has one."""
        values = {"column": self.column, **self.values}
        parts = [say(self.code, part, language, **values) for part in ("message", "hint")]
        return joined(parts, language)

    def as_json(self) -> dict[str, Any]:
        """The form of ``warnings`` in result.json."""
        plain = {name: _plain(value) for name, value in self.values.items()}
        return {
            "code": self.code,
            "column": self.column,
            "message": self.message(),
            "values": plain,
        }


def _plain(value: Any) -> Any:
    """A value that JSON can hold."""
    return value if isinstance(value, str | int | float | None) else str(value)

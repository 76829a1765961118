"""What can go wrong, as the user meets it: a stable code, an exit status, and what to do.

The sentences stand in ``locale/<language>/``; raise with the code and the values they name::

    raise DataError("E-DATA-012", source=source, row=row, column=name, value=cell)
"""

from __future__ import annotations

from typing import Any

from deeplode.messages import joined, say


class DeeplodeError(Exception):
    """Base of all errors that deeplode raises on purpose."""

    exit_status = 1

    def __init__(self, code: str, **values: Any) -> None:
        self.code = code
        self.values = values
        super().__init__(joined((self.message(), self.hint())))

    def message(self, language: str | None = None) -> str:
        """What happened, naming source, row, column and value where there are any."""
        return say(self.code, "message", language, **self.values)

    def hint(self, language: str | None = None) -> str:
        """What to do about it; '' where nothing helps."""
        return say(self.code, "hint", language, **self.values)

    def as_json(self) -> dict[str, Any]:
        """The object printed with ``--json``."""
        return {
            "code": self.code,
            "message": self.message(),
            "column": self.values.get("column"),
            "row": self.values.get("row"),
            "hint": self.hint() or None,
        }


class OptionError(DeeplodeError, ValueError):
    """A flag, keyword or path that makes no sense (exit 2)."""

    exit_status = 2


class ExtraError(OptionError):
    """What is asked for needs a package that is not installed (exit 2)."""


class DataError(DeeplodeError, ValueError):
    """Data that cannot be used as asked (exit 3)."""

    exit_status = 3


class GateError(DeeplodeError):
    """A quality gate asked for by a flag was not met (exit 4)."""

    exit_status = 4


class LimitError(DeeplodeError):
    """The limits left no time or memory for any model (exit 5)."""

    exit_status = 5


class ModelFileError(DeeplodeError, ValueError):
    """A model file that cannot be trusted or read (exit 6)."""

    exit_status = 6


class Interrupted(DeeplodeError):  # noqa: N818 - like KeyboardInterrupt
    """The user stopped the run before there was anything to save (exit 130)."""

    exit_status = 130

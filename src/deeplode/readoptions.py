"""What every verb that reads a source can be told of it, and how an option is written.

A field of an options class is a flag of the command line (``--time-limit``), a key of the TOML
file that ``--config`` reads (``time_limit``) and a keyword in Python (``time_limit=``). The
command line makes its flags and their help from these fields.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from deeplode.choices import TYPES, not_among
from deeplode.errors import OptionError
from deeplode.optionfield import option

FORMATS = ("csv", "json", "jsonl", "parquet", "arrow", "xlsx")
GROUPS = (
    "Columns",
    "Series",
    "Anomalies",
    "Groups",
    "Recommendations",
    "Decision",
    "Split",
    "Limits",
    "Run",
    "Network",
    "Reading",
)  # headings of help, in order


@dataclass(frozen=True)
class ReadOptions:
    """How to read a source; None means that it is found from the data, shown and recorded.

    Raises OptionError for a value that makes no sense.
    """

    format: str | None = option(
        None, "Format, where the name does not tell it.", "Reading", among=FORMATS
    )
    encoding: str | None = option(
        None, "Text encoding: utf-8, gb18030, big5, shift-jis, latin-1 …", "Reading", "NAME"
    )
    delimiter: str | None = option(None, "What stands between cells: , ; | or tab.", "Reading", "C")
    quote: str | None = option(None, "What stands around cells: one sign, or none.", "Reading", "C")
    decimal: str | None = option(None, "Decimal sign: . or , (comma).", "Reading", "C")
    thousands: str | None = option(
        None, "Sign between thousands: one sign, or none.", "Reading", "C"
    )
    header: bool = option(True, "The first line is a row, not the names of the columns.", "Reading")
    sheet: str | None = option(
        None, "Sheet of an Excel file.", "Reading", "NAME", shown="the first"
    )
    features: str | None = option(
        None, "Columns that stand beside those of the source: .npz of SciPy, .npy, .parquet.",
        "Reading", "FILE",
    )  # fmt: skip
    every: int = option(1, "Read every N-th row only.", "Reading", "N")

    def __post_init__(self) -> None:
        for one in fields(self):
            value, among = getattr(self, one.name), one.metadata["among"]
            types = str(one.type).split(" | ")
            fits = isinstance(value, tuple(TYPES[name] for name in types))
            if not fits or (isinstance(value, bool) and "bool" not in types):
                raise OptionError("E-OPT-008", option=one.name, value=value, form=types[0])
            if among and value is not None and value not in among:
                raise not_among(one.name, value, among)
        if self.every < 1:
            raise OptionError("E-OPT-004", option="every", value=self.every, least=1)

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """The same options with some replaced, by name.

        Raises OptionError naming the nearest option for a name that is none.
        """
        names = [one.name for one in fields(self)]
        for name in values:
            if name not in names:
                near = get_close_matches(name.replace("-", "_"), names, 1) or names
                raise OptionError("E-OPT-001", option=name, near=", ".join(near))
        return replace(self, **{name: _plain(value) for name, value in values.items()})

    def as_json(self) -> dict[str, Any]:
        """All options as plain JSON values, to be recorded with a run."""
        return {
            one.name: list(value) if isinstance(value, tuple) else value
            for one in fields(self)
            for value in (getattr(self, one.name),)
        }

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """The options in a TOML file of keys and values; ``kinds`` and ``vary`` are tables in it.

        Raises OptionError for a file that cannot be read, and for a key that is no option.
        """
        try:
            values = tomllib.loads(Path(path).read_text("utf-8"))
        except (OSError, ValueError) as error:  # absent, not UTF-8, not TOML
            why = getattr(error, "strerror", None) or str(error)
            raise OptionError("E-OPT-007", path=str(path), why=why) from error
        return cls().with_values(values)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

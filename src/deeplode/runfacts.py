"""What every verb tells of a run: its source, its versions, what is left out of a model file."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from typing import Any

from deeplode.data.schema import Schema
from deeplode.data.table import Table
from deeplode.data.windows import Windows
from deeplode.machine import library_versions

SCHEMA_VERSION = 1  # of result.json
FILES = {  # of a run folder
    "model": "model.lode",
    "result": "result.json",
    "report": "report.html",
    "predictions": "predictions.parquet",
    "log": "log.jsonl",
}
NOT_IN_CARD = ("options", "replay", "files")  # of this machine, not of the model


def source_facts(table: Table, schema: Schema, rows: int) -> dict[str, Any]:
    """The ``source`` of result.json. rows: those with a target."""
    taken = set(schema.roles.named().values())
    windows = schema.windows
    channels = () if windows is None else windows.names
    features = [
        {
            "name": column.name,
            "kind": str(column.kind),
            "missing": column.missing,
            "distinct": column.distinct,
            "used": column.used or column.name in channels,
            "reason": column.reason.as_json(),
        }
        for column in schema.columns
        if column.name not in taken
    ]
    kinds = Counter(str(column.kind) for column in schema.columns if column.name not in taken)
    return {
        "name": table.source,
        "rows": len(table),
        "labelled": rows,
        "columns": len(table.names),
        "kinds": dict(kinds),
        "features": features,
        "reading": dict(table.reading),
        **({} if windows is None else {"windows": _windows(windows)}),
    }


def _windows(windows: Windows) -> dict[str, Any]:
    """How rows were cut from series."""
    names = ("timestamp", "group", "column", "length", "whole")
    told = {name: getattr(windows, name) for name in names}
    return {**told, "channels": list(windows.names)}


def versions() -> dict[str, str]:
    """Python and the libraries that were there."""
    found = {name: version for name, version in library_versions().items() if version}
    return {"python": platform.python_version(), **found}


def source_name(source: str | Sequence[str]) -> str:
    """What a run of this source is called."""
    first = source if isinstance(source, str) else source[0]
    return "stdin" if first == "-" else first

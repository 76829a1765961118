"""Which files a source means, and what each holds by its name."""

from __future__ import annotations

import difflib
import itertools
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deeplode.data.content import Content, recognise
from deeplode.data.media import FOLDER, medium_of_name
from deeplode.errors import DataError
from deeplode.readoptions import FORMATS

_EXTENSIONS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".xlsx": "xlsx",
    ".npz": "npz",
}
COMPRESSIONS = {".gz": "gz", ".zst": "zst"}
# Refused by their names, whatever they hold: to open one is to run it.
_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".dill")
_JSON_LIST = re.compile(rb"\s*\[\s*[\[{\]]")
SAMPLE = 1 << 16  # bytes that tell a format
_LISTED = 10_000  # names of a folder that are looked through for a similar one

STDIN = "-"


@dataclass(frozen=True)
class File:
    """One file to read.

    path: None for standard input. name: what messages call it.
    format: one of ``FORMATS``, ``npz``, ``image``, ``audio`` or ``folder``; None = look at the
    bytes. compression: ``gz``, ``zst`` or None.
    """

    path: Path | None
    name: str
    format: str | None = None
    compression: str | None = None


def find(source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> tuple[File, ...]:
    """The files of a path, a glob, several of these, or ``-``; a folder stands for itself.

    A glob's files come sorted by name; several paths stay in the order given.
    Raises DataError where there is nothing to read, and says what is there instead.
    """
    if not isinstance(source, str | os.PathLike):
        files = [file for one in source for file in find(one)]
        if not files:
            raise DataError("E-DATA-001", source="[]")
        folder = next((file.name for file in files if file.format == FOLDER), None)
        if folder is not None and len(files) > 1:
            raise DataError("E-DATA-093", source=folder)
        return tuple(files)
    text = os.fspath(source)
    if text == STDIN:
        return (File(None, "stdin"),)
    path = Path(text).expanduser()
    if not os.path.lexists(path) and any(sign in text for sign in "*?["):
        return tuple(_file(one) for one in _matching(path))
    return (_file(path),)


def _matching(pattern: Path) -> list[Path]:
    root = Path(pattern.anchor) if pattern.is_absolute() else Path()
    relative = pattern.relative_to(root) if pattern.is_absolute() else pattern
    found = sorted(path for path in root.glob(str(relative)) if path.is_file())
    if not found:
        raise DataError("E-DATA-001", source=str(pattern))
    return found


def _file(path: Path) -> File:
    name = str(path)
    if path.is_dir():
        return File(path, name, FOLDER)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    inner = suffixes[:-1] if compression else suffixes
    if inner and inner[-1] in _PICKLES:
        raise DataError("E-DATA-018", source=name)
    if not path.exists():
        raise _missing(path)
    format_ = (_EXTENSIONS.get(inner[-1]) if inner else None) or medium_of_name(name)
    return File(path, name, format_, compression)


def format_of(content: Content) -> str:
    """The format of bytes that have no name: standard input."""
    head = content.head(SAMPLE)
    known = recognise(head)
    if known:
        kind, spoken = known
        if kind in FORMATS:
            return kind
        raise DataError("E-DATA-010", source=content.name, kind=kind, holds=spoken, format="")
    if _JSON_LIST.match(head):
        return "json"
    if not head.lstrip().startswith(b"{"):
        return "csv"
    first = head.lstrip().split(b"\n", 1)[0]
    try:
        record = json.loads(first)
    except ValueError:  # one document over several lines
        return "json"
    lists = isinstance(record, dict) and all(isinstance(cells, list) for cells in record.values())
    return "json" if lists and not head.strip()[len(first.strip()) :] else "jsonl"


def unknown_extension(file: File) -> DataError:
    """The error for a file whose name does not say what it holds."""
    known = " ".join(_EXTENSIONS)
    return DataError("E-DATA-003", source=file.name, known=known, formats=", ".join(FORMATS))


def _missing(path: Path) -> DataError:
    """The error for a file that is not there, with the name most like it that is."""
    try:
        entries = itertools.islice(path.parent.iterdir(), _LISTED)
        near = difflib.get_close_matches(
            path.name, [entry.name for entry in entries], n=1, cutoff=0.75
        )
    except OSError:  # nor is there a folder that can be read
        near = []
    if not near:
        return DataError("E-DATA-001", source=str(path))
    return DataError("E-DATA-025", source=str(path), near=str(path.with_name(near[0])))

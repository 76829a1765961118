"""Images and sounds as sources: folders of class folders, files, and paths in a table."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from deeplode.data.table import Table
from deeplode.errors import DataError
from deeplode.messages import Notice

# The endings of the names of such files.
ENDINGS = {
    "image": r"(?i)\.(png|jpe?g|gif|bmp|tiff?|webp|dcm)$",
    "audio": r"(?i)\.(wav|mp3|flac|ogg|m4a|aac|wma|opus)$",
}
LABEL = "label"  # the column of the classes of a folder of class folders
FOLDER = "folder"  # the format of a source that is one
HEAD = 132  # bytes that tell what a file is
FOUND = 0.95  # share of the cells of a column that must look like media for it to be one
LOOKS = 100  # cells of a column that are looked at

_PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev"}
_ENDINGS = {medium: re.compile(ending) for medium, ending in ENDINGS.items()}
_BEGINNINGS = {
    "image": (rb"\x89PNG\r\n", rb"\xff\xd8\xff", rb"GIF8[79]a", rb"BM.{4}\0{4}", rb"II[*+]\0",
              rb"MM\0[*+]", rb"RIFF.{4}WEBP", rb".{128}DICM"),
    "audio": (rb"RIFF.{4}WAVE", rb"RF64.{4}WAVE", rb"fLaC", rb"OggS", rb"ID3",
              rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", rb"FORM.{4}AIF[FC]"),
}  # fmt: skip
_BEGINNING = {
    medium: re.compile(b"|".join(ways), re.DOTALL) for medium, ways in _BEGINNINGS.items()
}


def medium_of_name(name: str) -> str | None:
    """``image`` or ``audio`` by the ending of a file's name; None for any other."""
    return next((one for one, ending in _ENDINGS.items() if ending.search(name)), None)


def medium_of_bytes(head: bytes) -> str | None:
    """``image`` or ``audio`` by the first HEAD bytes of a file; None for any other."""
    return next((one for one, begins in _BEGINNING.items() if begins.match(head)), None)


@dataclass(frozen=True)
class Found:
    """A file below a folder.

    place: its path from there on, with ``/`` between the parts. label: the folder it came from,
    None where it lay beside such folders or where there are none.
    """

    path: Path
    place: str
    label: str | None
    medium: str


def media_files(folder: Path) -> tuple[list[Found], list[str]]:
    """The images or sounds below a folder, sorted by path, and the files that are neither.

    A folder in it is a class; what lies deeper belongs to the class as well. A single folder that
    itself holds folders is gone through. Raises DataError where there is nothing, where images
    and sounds are mixed, or where the folders are parts of the data instead of classes.
    """
    folder = folder.absolute()
    inner = _classes(folder)
    while len(inner) == 1 and _classes(inner[0]):
        folder, inner = inner[0], _classes(inner[0])
    _not_parts(folder, inner)
    found, passed = [], []
    for path in _walk(folder):
        place = path.relative_to(folder)
        medium = medium_of_name(path.name)
        label = place.parts[0] if len(place.parts) > 1 else None
        if medium is None or _is_hidden(place):
            passed.append(str(place))
        else:
            found.append(Found(path, place.as_posix(), label, medium))
    counts = Counter(one.medium for one in found)
    if not found:
        raise DataError("E-DATA-002", source=str(folder))
    if len(counts) > 1:
        raise DataError("E-DATA-091", source=str(folder), **counts)
    if any(one.label is not None for one in found):  # loose files beside classes have no label
        passed += [one.place for one in found if one.label is None]
        found = [one for one in found if one.label is not None]
    return found, passed


def read_folder(folder: Path, every: int) -> Table:
    """One row a file: its absolute path as ``image`` or ``audio``, and its class as ``label``.

    The ids of the rows are the paths from the folder on. Raises DataError like ``media_files``.
    """
    found, passed = media_files(folder)
    notices = []
    if passed:
        values = {"count": len(passed), "source": str(folder), "value": sorted(passed)[0]}
        notices.append(Notice("W-READ-013", values=values))
    labels = [one.label for one in found]
    columns = {found[0].medium: [str(one.path) for one in found]}
    if labels[0] is not None:
        columns[LABEL] = labels  # type: ignore[assignment]
    return _table(pl.DataFrame(columns), [one.place for one in found], str(folder), every, notices)


def read_files(paths: Sequence[Path], names: Sequence[str], every: int) -> Table:
    """One row a file, in the order given; ids are the names as they were given.

    Raises DataError where images and sounds, or other files, are mixed.
    """
    media = [medium_of_name(path.name) for path in paths]
    counts = Counter(medium or "other" for medium in media)
    if counts["other"]:
        raise DataError("E-DATA-092", source=names[media.index(None)], first=names[0])
    if len(counts) > 1:
        raise DataError("E-DATA-091", source=names[0], **counts)
    frame = pl.DataFrame({str(media[0]): [str(path.absolute()) for path in paths]})
    return _table(frame, names, names[0], every, [])


def placed(frame: pl.DataFrame, folder: Path) -> pl.DataFrame:
    """The frame with the relative paths of its media made absolute.

    folder: against which they are relative: that of the table's file. Columns of which no path
    leads to a file from there stay as they are.
    """
    changed = []
    for column in frame.iter_columns():
        if column.dtype != pl.String or not (medium := medium_of_column(column)):
            continue
        looks = spread(column)
        places = [folder / text for text in looks]
        if not any(os.path.lexists(place) for place in places):
            continue
        stripped = column.alias("cell").str.strip_chars()
        is_path = stripped.str.contains(ENDINGS[medium]) & ~stripped.str.contains("://")
        texts = [
            str(folder / text) if this else text
            for text, this in zip(stripped.to_list(), is_path.to_list(), strict=True)
        ]
        changed.append(pl.Series(column.name, texts, dtype=pl.String))
    return frame.with_columns(changed)


def medium_of_column(cells: pl.Series) -> str | None:
    """``image`` or ``audio`` where nearly all filled cells are such paths or bytes; else None."""
    looks = spread(cells)
    if not looks:
        return None
    if cells.dtype == pl.Binary:
        media = Counter(medium_of_bytes(cell[:HEAD]) for cell in looks)
    else:
        media = Counter(medium_of_name(cell) for cell in looks)
    medium, count = media.most_common(1)[0]
    return medium if medium and count >= FOUND * len(looks) else None


def spread(cells: pl.Series) -> list[Any]:
    """Some filled cells, evenly spread over the column; texts without blanks around them."""
    filled = cells.alias("cell").drop_nulls()  # Polars takes some names for patterns
    some = filled.gather_every(max(1, len(filled) // LOOKS)).head(LOOKS).to_list()
    if cells.dtype != pl.String:
        return some
    stripped = (text.strip() for text in some)
    return [text for text in stripped if text]


def _table(
    frame: pl.DataFrame, ids: Sequence[str], source: str, every: int, notices: list[Notice]
) -> Table:
    reading: dict[str, Any] = {"format": frame.columns[0], "files": frame.height}
    if LABEL in frame.columns:
        reading["target"] = LABEL
    table = Table.of(frame.gather_every(every), source, reading, notices)
    if every > 1:
        told = Notice("W-READ-011", values={"every": every, "rows": len(table)})
        table = replace(table, notices=(*table.notices, told))
    return replace(table, ids=pl.Series("id", list(ids)).gather_every(every))


def _walk(folder: Path) -> Iterator[Path]:
    """All files below a folder, sorted by path; folders that are links are classes only on top."""
    for path in sorted(folder.iterdir()):
        if not path.is_dir():
            yield path
            continue
        below = (Path(where) / name for where, _, names in os.walk(path) for name in names)
        yield from sorted(below)


def _classes(folder: Path) -> list[Path]:
    """The folders in a folder, without hidden ones."""
    return [one for one in folder.iterdir() if one.is_dir() and not _is_hidden(Path(one.name))]


def _is_hidden(place: Path) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in place.parts)


def _not_parts(folder: Path, inner: Sequence[Path]) -> None:
    """Raise DataError where the folders are train and test rather than classes."""
    names = {one.name.lower(): one.name for one in inner}
    if len(names) < 2 or not names.keys() <= _PARTS or not any(_classes(one) for one in inner):
        return
    train = next((names[low] for low in sorted(names) if low.startswith("tr")), None)
    test = next((names[low] for low in sorted(names) if low.startswith("te")), None)
    first, second = sorted(names.values())[:2]
    raise DataError("E-DATA-090", source=str(folder), train=train or first, test=test or second)

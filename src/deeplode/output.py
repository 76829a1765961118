"""Writing files so that nobody loses one: whole or not at all, and never over another unasked.

A file is written under a temporary name in its own folder, forced to the disk, and then takes its
name in one step. Whatever stops the writing (a full disk, Ctrl-C, the power) leaves the old file.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from deeplode.errors import OptionError

if TYPE_CHECKING:
    import polars as pl

TABLE_ENDINGS = (".csv", ".parquet")
PAGE_ENDINGS = (".html", ".htm")

_FULL = {errno.ENOSPC, errno.EFBIG} | {getattr(errno, "EDQUOT", errno.ENOSPC)}

_unfinished: set[Path] = set()


def check_file(path: str | Path, *, force: bool = False) -> Path:
    """Where a file would be written, or why it cannot be: ask before hours of work, not after.

    Links are followed. Returns the resolved path.
    Raises OptionError: it exists and ``force`` is not given, it is no ordinary file, or its
    folder is missing or takes no files.
    """
    with _explained(path):
        target = _resolve(path)
        if target.is_dir():
            raise OptionError("E-OPT-084", path=str(path))
        if target.exists() and not target.is_file():  # a device or a pipe would be replaced
            raise OptionError("E-OPT-085", path=str(path))
        if target.exists() and not force:
            raise OptionError("E-OPT-080", path=str(path))
        if not target.parent.is_dir():
            raise OptionError("E-OPT-081", path=str(path), folder=str(target.parent))
        _remove(_temporary(target))
    return target


def make_folder(path: str | Path, *, force: bool = False) -> Path:
    """Create a folder to fill, parents too; an empty one that is there is taken as it is.

    With ``force`` a filled folder is taken too: its files stay until they are overwritten.
    Raises OptionError when it is filled and ``force`` is not given, or cannot be made or written.
    """
    with _explained(path):
        folder = _resolve(path)
        if folder.exists() and not folder.is_dir():
            raise OptionError("E-OPT-086", path=str(path))
        folder.mkdir(parents=True, exist_ok=True)
        if not force and any(folder.iterdir()):
            raise OptionError("E-OPT-087", path=str(path))
        _remove(_temporary(folder / "file"))
    return folder


@contextlib.contextmanager
def replacing(path: str | Path, *, force: bool = False) -> Iterator[BinaryIO]:
    """A file to write bytes to, which becomes ``path`` when the block ends well.

    Raises OptionError as ``check_file`` does, and when the disk is full or refuses.
    """
    target = check_file(path, force=force)
    with _explained(path):
        temporary = _temporary(target)
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _take_place(temporary, target, path, force=force)
        finally:
            _remove(temporary)


def write_bytes(path: str | Path, content: bytes, *, force: bool = False) -> None:
    """Write a whole file. Raises OptionError as ``replacing`` does."""
    with replacing(path, force=force) as file:
        file.write(content)


def write_text(path: str | Path, content: str, *, force: bool = False) -> None:
    """Write a whole file of UTF-8 text. Raises OptionError as ``replacing`` does."""
    write_bytes(path, content.encode(), force=force)


def write_json(path: str | Path, content: Mapping[str, Any], *, force: bool = False) -> None:
    """Write one JSON object, readable by people. Raises OptionError as ``replacing`` does."""
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)
    write_text(path, text + "\n", force=force)


def check_table_file(path: str | Path, *, force: bool = False) -> Path:
    """As ``check_file``, and the name must end in one of ``TABLE_ENDINGS``."""
    if Path(path).suffix.lower() not in TABLE_ENDINGS:
        raise OptionError("E-OPT-088", path=str(path), endings=", ".join(TABLE_ENDINGS))
    return check_file(path, force=force)


def check_page_file(path: str | Path, *, force: bool = False) -> Path:
    """As ``check_file``, and the name must end in one of ``PAGE_ENDINGS``."""
    if Path(path).suffix.lower() not in PAGE_ENDINGS:
        raise OptionError("E-OPT-088", path=str(path), endings=", ".join(PAGE_ENDINGS))
    return check_file(path, force=force)


def write_table(path: str | Path, frame: pl.DataFrame, *, force: bool = False) -> None:
    """Write rows as CSV or Parquet, by the ending of the name.

    Raises OptionError as ``check_table_file`` and ``replacing`` do.
    """
    check_table_file(path, force=force)
    with replacing(path, force=force) as file, _polars_errors_as_system_errors():
        if Path(path).suffix.lower() == ".csv":
            frame.write_csv(file)
        else:
            frame.write_parquet(file)


def write_parts(
    path: str | Path, parts: Iterable[pl.DataFrame], *, force: bool = False
) -> tuple[int, list[str]]:
    """Write frames of the same columns, at least one, one after another, as ``write_table`` does;
    only one is held at a time. Returns how many rows there were, and the columns."""
    import pyarrow.parquet as pq

    check_table_file(path, force=force)
    rows, columns = 0, list[str]()
    with replacing(path, force=force) as file, contextlib.ExitStack() as last:
        writer: pq.ParquetWriter | None = None
        for part in parts:
            if Path(path).suffix.lower() == ".csv":
                with _polars_errors_as_system_errors():
                    part.write_csv(file, include_header=not columns)
            else:
                table = part.to_arrow()
                if writer is None:
                    made = pq.ParquetWriter(file, table.schema, compression="zstd")
                    writer = last.enter_context(made)
                writer.write_table(table)
            rows, columns = rows + part.height, part.columns
    return rows, columns


def remove_unfinished() -> None:
    """Take away temporary files: for an end of the process that skips all clean-up."""
    for temporary in tuple(_unfinished):
        _remove(temporary)


def _resolve(path: str | Path) -> Path:
    if "\0" in str(path):  # Python answers differently to it from version to version
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return Path(path).resolve()


def _temporary(target: Path) -> Path:
    """A new empty file beside ``target``; proves that its folder takes files."""
    # Long names are cut (by at most 4 bytes a character) to stay below the usual 255 bytes.
    path = target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}.tmp")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    _unfinished.add(path)
    return path


def _remove(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink(missing_ok=True)
    _unfinished.discard(temporary)


def _take_place(temporary: Path, target: Path, asked: str | Path, *, force: bool) -> None:
    """Give the finished file its name in one step, and make the step last."""
    if force:
        temporary.replace(target)
    else:
        try:
            os.link(temporary, target)  # fails, unlike a rename, when somebody was quicker
        except FileExistsError:
            raise OptionError("E-OPT-080", path=str(asked)) from None
        except OSError:  # this file system has no links
            temporary.replace(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    """Turn what the system says about a path into an OptionError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise OptionError("E-OPT-083", path=str(path), free=_free(Path(path))) from error
        reason = error.strerror or str(error)
        raise OptionError("E-OPT-082", path=str(path), reason=reason) from error


@contextlib.contextmanager
def _polars_errors_as_system_errors() -> Iterator[None]:
    """Polars gives errors of its own for a full disk; the system's number is only in the text."""
    from polars.exceptions import PolarsError

    try:
        yield
    except (PolarsError, OSError) as error:
        found = re.search(r"\(os error (\d+)\)", str(error))
        if found is None:
            raise
        raise OSError(int(found[1]), os.strerror(int(found[1]))) from error


def _free(path: Path) -> int:
    """Bytes left on the disk that holds this path."""
    for folder in path.absolute().parents:
        with contextlib.suppress(OSError):
            return shutil.disk_usage(folder).free
    return 0

"""Mapped: arrays of bytes that lie in files, where a memory limit has no room for them.

The system keeps their pages as long as it likes; ``give_back`` lets go of those that count as this
process's memory, and they come again when they are looked at.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod
from pathlib import Path
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from deeplode.errors import LimitError

POSSIBLE = sys.platform == "linux"  # elsewhere pages do not go when they are told to

_folder: ContextVar[Path | None] = ContextVar("folder", default=None)
_held: WeakSet[mmap.mmap] = WeakSet()


@contextmanager
def mapping(folder: Path | None) -> Iterator[None]:
    """Inside, ``zeros`` lie in files of this folder; None: in memory."""
    before = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(before)


def zeros(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """uint8 zeros. A file of theirs has no name: however the process ends, it is gone.

    Raises LimitError where the disk has no room for it.
    """
    folder, size = _folder.get(), prod(shape)
    if folder is None or not size:
        return np.zeros(shape, np.uint8)
    file, name = tempfile.mkstemp(dir=folder)
    try:
        Path(name).unlink()
        os.posix_fallocate(file, 0, size)
        held = mmap.mmap(file, size)
    except OSError as error:
        megabytes = size // 1_000_000
        raise LimitError(
            "E-OPT-222", path=str(folder), size=megabytes, why=error.strerror
        ) from error
    finally:
        os.close(file)
    _held.add(held)
    return np.frombuffer(held, np.uint8).reshape(shape)


def give_back() -> None:
    """Let go of all pages in memory; nothing in them is lost."""
    for one in list(_held):
        one.madvise(mmap.MADV_DONTNEED)

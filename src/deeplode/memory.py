"""Memory: how much this process holds, and a watchman who keeps it below its ceiling.

What counts is resident memory, as ``time -v`` and the kernel's out-of-memory killer count it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

from deeplode.errors import LimitError
from deeplode.output import remove_unfinished
from deeplode.runtime import Budget

SOFT = 0.92  # share of the ceiling at which work is asked to end
HARD = 0.98  # share at which the process ends

_FASTEST_GROWTH = 10e9  # bytes a second that a process can newly touch
_PAUSE = (0.001, 0.02)  # seconds between two looks: close to the ceiling, far from it


def rss() -> int:
    """Bytes of memory that this process holds now."""
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - fifty times a second
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return int(psutil.Process().memory_info().rss)


def peak_memory() -> int:
    """The most bytes of memory that this process ever held."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    # getrusage(2): kilobytes, but bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, rss())


def give_back() -> int:
    """Return to the system what was freed but kept for reuse. Returns ``rss()`` after.

    The C library keeps freed memory in its heaps; after large temporary columns that can be a
    good part of the whole (``malloc_trim``, glibc only; elsewhere only Python's own is freed).
    """
    gc.collect()
    _trim()
    return rss()


def _trim() -> None:
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


@contextmanager
def guard(budget: Budget, tell: Callable[[LimitError], None]) -> Iterator[None]:
    """Inside, keep the process below ``budget.memory_limit``; without a limit, do nothing.

    At the soft mark freed memory is given back, and if that does not help, ``budget.stop()`` says
    ``memory``. At the hard mark the process ends with exit status 5 before harm is done: ``tell``
    gets the error to print, unfinished files are removed, nothing else is run.

    The watchman is a thread. It cannot look while one single instruction of Python grows a list
    or a string by a gigabyte; columns and tensors grow in code that lets it look.
    """
    if budget.memory_limit is None:
        yield
        return
    over = threading.Event()
    watchman = threading.Thread(target=_watch, args=(budget, tell, over), daemon=True)
    watchman.start()
    try:
        yield
    finally:
        over.set()
        watchman.join()


def _watch(budget: Budget, tell: Callable[[LimitError], None], over: threading.Event) -> None:
    limit = budget.memory_limit or 0
    trimmed_at = 0
    while not over.wait(pause_before_next_look(rss(), limit)):
        held = rss()
        if held >= HARD * limit:
            remove_unfinished()
            error = LimitError("E-LIMIT-002", held=_megabytes(held), limit=_megabytes(limit))
            try:
                tell(error)
            finally:
                os._exit(error.exit_status)
        if held >= SOFT * limit and budget.stop() is None:
            if held > 1.01 * trimmed_at:  # grown since the last time
                _trim()
                trimmed_at = rss()
            if rss() >= SOFT * limit:
                budget.ask_to_stop("memory")


def pause_before_next_look(held: int, limit: int) -> float:
    """Seconds in which no process could grow from ``held`` bytes to the hard mark."""
    shortest, longest = _PAUSE
    return min(max((HARD * limit - held) / _FASTEST_GROWTH, shortest), longest)


def _megabytes(size: int) -> int:
    return size // 1_000_000

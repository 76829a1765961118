"""Memory: how much this process holds, and a watchman who keeps it below its ceiling.

What counts is resident memory, as ``time -v`` and the kernel's out-of-memory killer count it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from deeplode import mapped
from deeplode.errors import LimitError
from deeplode.output import remove_unfinished
from deeplode.runtime import Budget

PROGRAM = 740_000_000  # bytes of Python, the libraries and their workspace: a tiny run's peak

_FASTEST_GROWTH = 10e9  # bytes a second that a process can newly touch
_PAUSE = (0.001, 0.02)  # seconds between two looks: close to the ceiling, far from it
_LAST_WORDS = 64_000_000  # bytes that may still be touched while the process says why it ends
_CLOSE = 300_000_000  # bytes below the hard mark, from where other threads must give way at once
_TURN = 2e-4  # seconds that Python lets another thread work on, then
_AHEAD = 0.01  # seconds of growth as quick as the last that are counted as held already


def rss() -> int:
    """Bytes of memory that this process holds now."""
    with _gauge() as held:
        return held()


@contextmanager
def _gauge() -> Iterator[Callable[[], int]]:
    """Inside, tells ``rss()`` in one call of the system.

    Each call lets other threads go on and has to wait for its turn after: opening the file anew
    every time would give them three turns for one look.
    """
    try:
        file = os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        process = psutil.Process()
        yield lambda: int(process.memory_info().rss)
        return
    page = os.sysconf("SC_PAGE_SIZE")
    try:
        yield lambda: int(os.pread(file, 200, 0).split()[1]) * page
    finally:
        os.close(file)


def peak_memory() -> int:
    """The most bytes of memory that this process ever held."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    if sys.platform == "linux":  # getrusage(2) starts with the peak of whoever started us
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return max(int(line.split()[1]) * 1024, rss())
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
    mapped.give_back()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def marks(limit: int) -> tuple[int, int]:
    """Soft mark, at which work is asked to end, and hard mark, at which the process ends.

    limit, marks: bytes. About 92 % and 98 % of the ceiling; less below 3 GB.
    """
    hard = limit - max(limit // 50, _LAST_WORDS)
    return hard - max(limit * 6 // 100, _LAST_WORDS), hard


def check_limit(limit: int | None) -> None:
    """Refuse a ceiling that not even the smallest training stays below.

    To be asked before the libraries are loaded, as they alone take half a gigabyte.
    Raises LimitError.
    """
    if limit is not None and marks(limit)[0] < PROGRAM:
        needed = PROGRAM + limit - marks(limit)[0]
        raise LimitError("E-LIMIT-001", needed=needed // 1_000_000, given=limit // 1_000_000)


@contextmanager
def guard(budget: Budget, tell: Callable[[LimitError], None]) -> Iterator[None]:
    """Inside, keep the process below ``budget.memory_limit``; without a limit, do nothing.

    At the soft mark freed memory is given back, and if that does not help, ``budget.stop()`` says
    ``memory``. At the hard mark the process ends with exit status 5 before harm is done: ``tell``
    gets the error to print and must be quick about it, as other threads go on meanwhile;
    unfinished files are removed, nothing else is run.

    The watchman is a thread. It cannot look while one single instruction of Python grows a list
    or a string by a gigabyte; columns and tensors grow in code that lets it look.
    """
    if budget.memory_limit is None:
        yield
        return
    over, turn = threading.Event(), sys.getswitchinterval()
    watch = _watch(budget.memory_limit, budget, tell, over)
    watchman = threading.Thread(target=watch, daemon=True)
    watchman.start()
    try:
        yield
    finally:
        over.set()
        watchman.join()
        sys.setswitchinterval(turn)


def _watch(
    limit: int, budget: Budget, tell: Callable[[LimitError], None], over: threading.Event
) -> Callable[[], None]:
    soft, hard = marks(limit)
    error = LimitError("E-LIMIT-002", limit=limit // 1_000_000)
    error.as_json()  # reads the sentences now: there will be no time for it
    usual = sys.getswitchinterval()

    def look(held: int, trimmed: int) -> int:
        """What to do about so many bytes. Returns what was held after the last trim."""
        if held >= soft and budget.stop() is None:
            if held > 1.01 * trimmed:  # grown since the last time
                _trim()
                trimmed = rss()
            if rss() >= soft:
                budget.ask_to_stop("memory")
        return trimmed

    def look_until_over() -> None:
        trimmed, close = 0, False
        with _gauge() as gauge:
            held, then = gauge(), time.monotonic()
            while not over.wait(_pause(hard - held)):
                before, since = held, then
                held, then = gauge(), time.monotonic()
                growth = _AHEAD * (held - before) / max(then - since, 1e-4)
                if held + min(max(growth, 0), _LAST_WORDS) >= hard:
                    _end(error, tell)
                trimmed = look(held, trimmed)
                if close != (held > hard - _CLOSE):
                    close = not close
                    sys.setswitchinterval(_TURN if close else usual)

    return look_until_over


def _end(error: LimitError, tell: Callable[[LimitError], None]) -> None:
    """End the process, now."""
    sys.setswitchinterval(1e-5)  # let this thread run
    try:
        _halt_others()
        remove_unfinished()
        tell(error)
    finally:
        os._exit(error.exit_status)


def _halt_others() -> None:
    """Raise MemoryError in every other thread of Python, at its next instruction.

    What they hold they would go on to add to while this thread writes its last words. On their
    way out they meet ``guard``, which waits for the end of the process.
    """
    here = threading.get_ident()
    for thread in threading.enumerate():
        if thread.ident is not None and thread.ident != here:
            stop = ctypes.py_object(MemoryError)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), stop)


def _pause(room: int) -> float:
    """Seconds in which no process could newly touch ``room`` bytes."""
    shortest, longest = _PAUSE
    return min(max(room / _FASTEST_GROWTH, shortest), longest)

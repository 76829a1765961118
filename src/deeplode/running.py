"""Running: what stands around every verb that leaves a run folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from deeplode.errors import DeeplodeError
from deeplode.machine import usable_threads
from deeplode.memory import guard
from deeplode.progress import Listen
from deeplode.runfolder import Log, RunFolder, open_folder
from deeplode.runtime import Budget, configured, interruptible


class Told(Protocol):
    """The options of a verb, as far as they say where its folder is and what it may use."""

    @property
    def out(self) -> str | None:
        """The folder; None for a fresh one."""

    @property
    def force(self) -> bool:
        """Whether it may hold a run already."""

    @property
    def resume(self) -> bool:
        """Whether a run that was cut off goes on."""

    @property
    def seconds(self) -> float | None:
        """Until everything must be over; None without a limit."""

    @property
    def memory_bytes(self) -> int | None:
        """Bytes of the whole process at its peak; None without a limit."""

    @property
    def threads(self) -> int | None:
        """Threads to compute with; None for all that may be used."""

    @property
    def seed(self) -> int:
        """Where chance begins."""


@dataclass(frozen=True)
class Running:
    """A run that has begun. log: writes every event down and passes it on. budget, threads: what it
    may use."""

    folder: RunFolder
    log: Listen
    budget: Budget
    threads: int


@contextmanager
def running(
    options: Told, source: str, verb: str, listen: Listen, budget: Budget | None = None
) -> Iterator[Running]:
    """Open the folder, set threads and chance, watch memory, write the log, and let Ctrl-C end the
    run softly.

    source: what the run is named by. budget: what it may use; from the options and the start of the
    process if not given. Where it comes to nothing, nothing is left behind, but for a resumed run:
    what was learned so far stays.
    """
    budget = budget or Budget.begin(options.seconds, options.memory_bytes, whole_process=True)
    threads = options.threads or usable_threads()
    folder = open_folder(options.out, source, verb, force=options.force, resume=options.resume)
    try:
        with ExitStack() as stack:
            stack.enter_context(guard(budget, lambda error: listen("fatal", error=error.as_json())))
            log = stack.enter_context(Log(folder.log, listen))
            stack.enter_context(interruptible(budget, lambda: log("stopping")))
            stack.enter_context(configured(threads, options.seed))
            yield Running(folder, log, budget, threads)
    except DeeplodeError:
        if not options.resume:
            folder.discard()
        raise

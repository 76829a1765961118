"""Running: what stands around every verb that leaves a run folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from deeplode.errors import DeeplodeError
from deeplode.memory import guard
from deeplode.progress import Listen
from deeplode.runfolder import Log, RunFolder, open_folder
from deeplode.runtime import Budget, interruptible


class Told(Protocol):
    """The options of a verb, as far as they say where its folder is."""

    @property
    def out(self) -> str | None:
        """The folder; None for a fresh one."""

    @property
    def force(self) -> bool:
        """Whether it may hold a run already."""

    @property
    def resume(self) -> bool:
        """Whether a run that was cut off goes on."""


@dataclass(frozen=True)
class Running:
    """A run that has begun. log: writes every event down and passes it on."""

    folder: RunFolder
    log: Listen


@contextmanager
def running(
    options: Told, source: str, verb: str, budget: Budget, listen: Listen
) -> Iterator[Running]:
    """Open the folder, watch memory, write the log, and let Ctrl-C end the run softly.

    source: what the run is named by. Where it comes to nothing, nothing is left behind, but for a
    resumed run: what was learned so far stays.
    """
    folder = open_folder(options.out, source, verb, force=options.force, resume=options.resume)
    try:
        with ExitStack() as stack:
            stack.enter_context(guard(budget, lambda error: listen("fatal", error=error.as_json())))
            log = stack.enter_context(Log(folder.log, listen))
            stack.enter_context(interruptible(budget, lambda: log("stopping")))
            yield Running(folder, log)
    except DeeplodeError:
        if not options.resume:
            folder.discard()
        raise

"""What a run may use (time, memory, threads, device) and whether it was asked to stop.

All process-wide state is set here, and set back.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from deeplode.errors import OptionError
from deeplode.output import remove_unfinished

if TYPE_CHECKING:
    import torch

INTERRUPTED = 130  # exit status, as shells give it for Ctrl-C

Part = TypeVar("Part")
Result = TypeVar("Result")


class Workers(Protocol):
    """Does the same work on several parts; results come in the order of the parts."""

    def __call__(self, work: Callable[[Part], Result], those: Sequence[Part], /) -> list[Result]:
        """Work on all of them."""


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopFlag:
    """Why work should end early, seen by every part of one budget. Written from any thread."""

    def __init__(self) -> None:
        self.reason: str | None = None


@dataclass(frozen=True)
class Budget:
    """Time until a deadline, memory below a ceiling, and whether somebody asked to stop.

    Work that takes long asks ``stop()`` between steps and hands over its best so far.

    deadline: ``time.monotonic()`` at which everything must be over; infinity without a limit.
    memory_limit: bytes the process may hold at its peak; None without a limit.
    flag: shared by all budgets made from this one by ``until``.
    """

    started: float = field(default_factory=time.monotonic)
    deadline: float = float("inf")
    memory_limit: int | None = None
    flag: StopFlag = field(default_factory=StopFlag, repr=False, compare=False)
    kept: float = 0.0  # seconds before the end that others will need

    @classmethod
    def begin(
        cls,
        seconds: float | None = None,
        memory_limit: int | None = None,
        *,
        whole_process: bool = False,
    ) -> Budget:
        """A budget of so many seconds from now; None: no limit.

        whole_process: count from the start of the process, so that the start of Python and the
        imports are part of it, as they are for somebody who waits for a command.
        """
        started = time.monotonic() - (process_age() if whole_process else 0.0)
        deadline = float("inf") if seconds is None else started + seconds
        return cls(started, deadline, memory_limit)

    def spent(self) -> float:
        """Seconds since the run started."""
        return time.monotonic() - self.started

    def left(self) -> float:
        """Seconds until the deadline; infinity without one, never below 0."""
        return max(0.0, self.deadline - time.monotonic())

    def stop(self) -> str | None:
        """Why work must end now (``time``, ``memory``, ``interrupt``), or None to go on."""
        if self.flag.reason is not None:
            return self.flag.reason
        return "time" if self.left() <= 0 else None

    def ask_to_stop(self, reason: str) -> None:
        """Make ``stop()`` answer ``memory`` or ``interrupt``, here and in all parts."""
        if self.flag.reason != "interrupt":  # the user's word counts most
            self.flag.reason = reason

    def until(self, seconds_before_end: float) -> Budget:
        """The same budget, ending so many seconds earlier: keeps them for what comes after."""
        deadline, kept = self.deadline - seconds_before_end, self.kept + seconds_before_end
        return replace(self, deadline=deadline, kept=kept)

    @property
    def seconds(self) -> float:
        """The whole time limit."""
        return self.deadline + self.kept - self.started


def wait_quietly() -> None:
    """Let idle threads of torch, LightGBM and scikit-learn sleep instead of spinning.

    To be called before any of them is loaded, by a program, not by a library. Where other
    processes want the cores too, spinning threads take the time that the working ones need:
    measured on 2 cores at load 12, two epochs of a small net took 5 s instead of 22 s.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def process_age() -> float:
    """Seconds since this process began, the start of Python and imports included."""
    try:
        # Linux: ticks since boot, not subject to changes of the wall clock (proc(5), field 22).
        with open("/proc/self/stat", "rb") as stat:  # noqa: PTH123 - as early and cheap as can be
            ticks = int(stat.read().rpartition(b")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        import psutil

        return max(0.0, time.time() - float(psutil.Process().create_time()))


@contextmanager
def interruptible(budget: Budget, told: Callable[[], None] | None = None) -> Iterator[None]:
    """Inside, the first Ctrl-C (or SIGTERM) asks the budget to stop; a second ends at once.

    At once means inside of compiled code too: signals are read from a socket by a thread, because
    Python runs its own handlers only between two of its instructions. Exit status is then 130.
    told: called in that thread at the first signal, to say that the best so far is being saved.
    Outside the main thread nothing changes: signals belong to the program around us.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    # A signal that was ignored from outside (nohup, a background job) stays so.
    heard = [one for one in _SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, lambda *_: None) for one in heard}
    before_fd = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    ear = threading.Thread(target=_hear, args=(receiver, heard, budget, told), daemon=True)
    ear.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before_fd)
        for one, handler in before.items():
            signal.signal(one, handler)
        sender.close()
        ear.join()
        receiver.close()


def _hear(
    receiver: socket.socket,
    heard: list[signal.Signals],
    budget: Budget,
    told: Callable[[], None] | None,
) -> None:
    """Read signal numbers until the sender is closed."""
    while byte := receiver.recv(1):
        if byte[0] not in heard:
            continue
        if budget.stop() == "interrupt":
            remove_unfinished()
            os._exit(INTERRUPTED)
        budget.ask_to_stop("interrupt")
        if told is not None:
            told()


def choose_device(wanted: str = "auto") -> torch.device:
    """The device to train on: ``auto`` is the GPU where torch can use one.

    Raises OptionError when ``cuda`` is asked for and cannot be used.
    """
    import torch

    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise OptionError("E-OPT-095", build=torch.__version__)
    return torch.device(wanted)


@contextmanager
def configured(threads: int, seed: int) -> Iterator[None]:
    """Inside, torch computes with so many threads and repeatably; everything is set back after.

    Threads started inside inherit the settings. Denormal numbers count as 0 (a fused Adam step
    over denormal moments is 15 times slower), sums have a fixed order
    (https://docs.pytorch.org/docs/stable/notes/randomness.html), and torch's own random numbers
    start at ``seed`` without disturbing the caller's.
    """
    import torch
    import torch.utils.deterministic as memory

    before = torch.get_num_threads()
    exact = _knows_denormals()
    # As torch.use_deterministic_algorithms does it, which also imports the compiler: two seconds.
    strict = torch.get_deterministic_debug_mode()
    filling = memory.fill_uninitialized_memory  # type: ignore[attr-defined] # made at run time
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # fixed order on NVIDIA GPUs
    # The CPU's generator alone: torch.random.fork_rng asks every device, in each call anew.
    chance = torch.get_rng_state()
    try:
        torch.default_generator.manual_seed(seed)
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        torch.set_deterministic_debug_mode("error")
        memory.fill_uninitialized_memory = False  # type: ignore[attr-defined] # costs time
        yield
    finally:
        memory.fill_uninitialized_memory = filling  # type: ignore[attr-defined]
        torch.set_deterministic_debug_mode(strict)
        torch.set_flush_denormal(not exact)
        torch.set_num_threads(before)
        torch.set_rng_state(chance)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, the random numbers of torch and of Python begin at ``seed``; set back after."""
    import torch

    chance, plain = torch.get_rng_state(), random.getstate()
    try:
        torch.default_generator.manual_seed(seed)
        random.seed(seed)
        yield
    finally:
        random.setstate(plain)
        torch.set_rng_state(chance)


@contextmanager
def at_most(threads: int) -> Iterator[None]:
    """Inside, what this thread asks of torch is done by so many threads, or fewer if it has fewer.

    One is best for small work: waking a second thread takes longer than the work, and when another
    process has the second core, waiting for it takes milliseconds.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(min(threads, before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def workers(parts: int, each: int | None = None) -> Iterator[Workers]:
    """Inside, work on up to so many parts at once.

    each: torch's threads for a part; None shares out those that there are.
    """
    from concurrent.futures import ThreadPoolExecutor

    import torch

    threads = torch.get_num_threads()
    crew = max(1, min(threads, parts))
    each = each or max(1, threads // crew)
    if crew == 1:
        with at_most(each):
            yield lambda work, those: [work(one) for one in those]
        return
    with ThreadPoolExecutor(crew, initializer=torch.set_num_threads, initargs=(each,)) as pool:
        yield lambda work, those: list(pool.map(work, those))


def side_by_side(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """Results of ``work`` for each part, in their order, each part's torch work on one thread."""
    with workers(len(parts), each=1) as do:
        return do(work, parts)


def _knows_denormals() -> bool:
    """Whether this thread computes with denormal numbers as IEEE 754 wants it."""
    import numpy as np

    return bool(np.float32(1e-40) * np.float32(1) > 0)

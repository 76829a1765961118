"""What a run may use (time, memory, threads, device) and whether it was asked to stop.

All process-wide state is set here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Budget:
    """Time until a deadline, memory below a ceiling, and whether somebody asked to stop.

    Work that takes long asks ``stop()`` between steps and hands over its best so far.

    deadline: ``time.monotonic()`` at which everything must be over; infinity without a limit.
    memory_limit: bytes the process may hold at its peak; None without a limit.
    """

    started: float = field(default_factory=time.monotonic)
    deadline: float = float("inf")
    memory_limit: int | None = None

    def spent(self) -> float:
        """Seconds since the run started."""
        return time.monotonic() - self.started

    def left(self) -> float:
        """Seconds until the deadline; infinity without one, never below 0."""
        return max(0.0, self.deadline - time.monotonic())

    def stop(self) -> str | None:
        """Why work must end now (``time``, ``memory``, ``interrupt``), or None to go on."""
        return "time" if self.left() <= 0 else None

    def until(self, seconds_before_end: float) -> Budget:
        """The same budget, ending so many seconds earlier: keeps them for what comes after."""
        return Budget(self.started, self.deadline - seconds_before_end, self.memory_limit)

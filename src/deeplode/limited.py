"""Limited: options that bound the time and the memory of a run."""

from __future__ import annotations

from deeplode.quantity import duration, size


class Limited:
    """Reads ``time_limit`` and ``memory_limit``, which the options classes below it have."""

    time_limit: str | float | None
    memory_limit: str | int | None

    @property
    def seconds(self) -> float | None:
        """``time_limit`` in seconds; None without a limit."""
        return None if self.time_limit is None else duration(self.time_limit)

    @property
    def memory_bytes(self) -> int | None:
        """``memory_limit`` in bytes; None without a limit."""
        return None if self.memory_limit is None else size(self.memory_limit)

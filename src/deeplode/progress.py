"""How long-running code tells what it is doing, without knowing who listens.

``listen("epoch", epoch=3, valid_loss=0.41)``: the command line draws a bar from it, the run
folder writes ``log.jsonl`` from it, and a library call stays silent.
"""

from __future__ import annotations

from typing import Any, Protocol


class Listen(Protocol):
    """Takes an event's name and its facts (plain JSON values)."""

    def __call__(self, event: str, /, **facts: Any) -> None: ...


def silent(event: str, /, **facts: Any) -> None:
    """Listen to nothing."""

"""Pace: how far a training has come, and how large its strides must be to end in time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from deeplode.runtime import Budget

LOOK_UP = 0.05  # seconds between two looks at the budget …
MOST_STEPS = 16  # … and steps at most
MEASURE_FROM = 8  # steps before the clock is trusted
NOTICEABLE = 1.05  # a stride is changed when it is wrong by more than this factor
SPARE = 0.93  # share of the time left that steps may fill; validation after the last one too


@dataclass
class Pace:
    """Progress from 0 to 1 through the schedule, a stride a step.

    planned: stride without a deadline. strides: (step, stride) pairs where the stride changed; a
    stride of 1 means that the training stopped before that step.
    """

    planned: float
    stride: float
    replay: tuple[tuple[int, float], ...] = ()
    strides: list[tuple[int, float]] = field(default_factory=list)
    step: int = 0
    progress: float = 0.0
    clock: tuple[float, int] | None = None  # when and at which step measuring began

    @classmethod
    def plan(cls, steps: int, replay: Sequence[tuple[int, float]] = ()) -> Pace:
        """The pace that comes to its end after so many steps. replay: strides to repeat."""
        return cls(1 / steps, 1 / steps, tuple(replay))

    @property
    def over(self) -> bool:
        """Whether the schedule is at its end."""
        return self.progress >= 1 - self.stride / 2

    @property
    def middle(self) -> float:
        """Progress at the middle of the coming step."""
        return self.progress + self.stride / 2

    def epochs(self, steps: int) -> int:
        """Epochs of so many steps that the whole training will have had at this stride."""
        left = max(0.0, 1 - self.progress) / self.stride
        return max(1, -int(-(self.step + left - 1e-6) // steps))

    def advance(self) -> None:
        """One step was made."""
        self.step += 1
        self.progress += self.stride

    def few(self, seconds: float) -> int:
        """Steps until the budget should be looked at again. seconds: that one takes.

        A run that is repeated looks up at every step, so that it passes over none of its record.
        """
        if self.replay:
            return 1
        return max(1, min(MOST_STEPS, int(LOOK_UP / max(seconds, 1e-9))))

    def look_up(self, budget: Budget, steps: int) -> None:
        """Change the stride where the budget, or the run that is repeated, asks for it.

        steps: steps of an epoch.
        """
        if self.replay:
            for step, stride in self.replay:
                if step == self.step:
                    self._change(stride)
            return
        if budget.stop():
            self._change(1.0)
        elif budget.left() < float("inf"):
            self._fit_into(budget.left(), steps)

    def _fit_into(self, left: float, steps: int) -> None:
        """Set the stride so that the rest of the schedule takes ``left`` seconds at most."""
        now = time.monotonic()
        if self.clock is None and self.step >= MEASURE_FROM:
            self.clock = (now, self.step)  # the first steps are slower: memory is touched anew
        if self.clock is None or self.step < self.clock[1] + MEASURE_FROM:
            return
        seconds = (now - self.clock[0]) / (self.step - self.clock[1])
        affordable = max(1.0, SPARE * left / seconds - 0.1 * steps)
        wanted = max(self.planned, (1 - self.progress) / affordable)
        if not 1 / NOTICEABLE < wanted / self.stride < NOTICEABLE:
            self._change(wanted)

    def _change(self, stride: float) -> None:
        self.strides.append((self.step, stride))
        self.stride = stride
        if stride >= 1:
            self.progress = 1.0

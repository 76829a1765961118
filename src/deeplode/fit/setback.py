"""Setbacks: a member whose loss is lost goes back to its best epoch and on at a lower rate."""

from __future__ import annotations

import torch
from torch import Tensor

from deeplode.fit.schedules import plateau
from deeplode.fit.state import State, copy

LOST = 10.0  # times the validation loss before training, from where on a member is put back
BACK_OFF = 0.1  # factor on the learning rate of those who were put back


def put_back(state: State, valid_loss: Tensor) -> None:
    """Give members that diverged their best weights back and forget their optimizer's state.

    valid_loss: (members,) of the epoch; NaN counts as diverged, too.
    """
    start = torch.tensor(state.history.start)
    lost = ~(valid_loss <= LOST * start.clamp_min(1e-12))
    for member in lost.nonzero().flatten().tolist():
        copy(state.best[member], state.tensors[member])
        _forget(state, member)
    state.setbacks += lost


@torch.no_grad()
def _forget(state: State, member: int) -> None:
    for part in state.parts:
        for stepper in part.steppers:
            if not stepper.members.start <= member < stepper.members.stop:
                continue
            count = stepper.members.stop - stepper.members.start
            for own in stepper.optimizer.state.values():
                for value in own.values():
                    if isinstance(value, Tensor) and value.dim() and len(value) == count:
                        value[member - stepper.members.start] = 0.0


def factors(state: State) -> dict[int, float]:
    """On the learning rate of each stepper, by where its members begin.

    What setbacks and, on its schedule, a plateau of the validation loss ask for.
    """
    found = {}
    for part in state.parts:
        for stepper in part.steppers:
            factor = BACK_OFF ** int(state.setbacks[stepper.members].max())
            if stepper.config.schedule == "reduce_on_plateau":
                factor *= plateau(state.history.valid_loss_of(stepper.members))
            found[stepper.members.start] = factor
    return found

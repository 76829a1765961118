"""Watch: what a trained net tells about its training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from deeplode.encode.batch import Batch
from deeplode.encode.encoder import Encoder
from deeplode.fit.diagnostics import diagnose
from deeplode.fit.history import History
from deeplode.messages import Notice
from deeplode.runtime import Budget
from deeplode.tasks.joint import JointNet
from deeplode.tasks.net import Net
from deeplode.tasks.own import OwnNet

AnyNet = Net | JointNet | OwnNet

IDLE = 0.01  # of the answers' spread: a column that moves them by less is idle
ROWS, ANSWERS = 500, 100_000  # to shuffle a column among; answers to ask for in all
NAMED = 20  # columns that a message lists


def net_summary(net: AnyNet) -> dict[str, Any]:
    """Epochs, speed and size of a trained net, and its losses epoch by epoch."""
    history = History.from_json(net.training["history"])
    best = [math.inf if math.isnan(loss) else loss for loss in history.valid_loss]
    named: dict[str, Any] = {}
    if isinstance(net, OwnNet):
        planned = net.training.get("planned_memory_bytes")
        named = {"net": net.given.name, "planned_memory_bytes": planned}
    return {
        **named,
        "epochs": len(history),
        "best_epoch": min(range(1, len(best) + 1), key=lambda epoch: best[epoch - 1], default=0),
        "members": net.members,
        "rows_per_second": max(history.rows_per_second, default=None),
        "parameters": net.parameters,
        "zeros": sum(int((weight == 0).sum()) for weight in net.weights),
        "history": history.by_epoch(),
        "config": net.config.to_json(),
    }


def watched(
    net: AnyNet, batch: Batch, encoder: Encoder, budget: Budget, made: Sequence[str] = ()
) -> list[Notice]:
    """What should be known of the net's training, and the columns that it hardly looks at.

    made: columns that the source does not have: nobody could try without them.
    """
    history = History.from_json(net.training["history"])
    found = diagnose(history, net.config, net.training["setbacks"])
    idle = [one for one in idle_columns(net, batch, encoder, budget) if one not in made]
    if idle:
        names = ", ".join(idle[:NAMED]) + (", …" if len(idle) > NAMED else "")
        found.append(Notice("W-FIT-010", None, {"count": len(idle), "columns": names}))
    return found


def idle_columns(net: AnyNet, batch: Batch, encoder: Encoder, budget: Budget) -> list[str]:
    """Source columns whose cells can be shuffled among rows without moving the net's answers.

    None where that holds for all: then the net learned nothing at all, which others tell.
    """
    columns = list(encoder.columns)
    rng = np.random.default_rng(net.problem.seed)
    count = min(len(batch), ROWS, ANSWERS // max(1, len(columns)))
    if count < 2:
        return []
    some = batch.rows(torch.from_numpy(rng.permutation(len(batch))[:count]))
    answers = net.predict(some)
    spread = answers.std(0).max()
    order = torch.from_numpy(rng.permutation(count))
    idle = []
    for column in columns:
        if budget.stop() or spread == 0:
            return []
        moved = np.abs(net.predict(some.shuffled(encoder.places[column], order)) - answers)
        if np.sqrt(np.mean(moved**2)) < IDLE * spread:
            idle.append(column)
    return idle if len(idle) < len(columns) else []

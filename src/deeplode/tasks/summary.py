"""Summary: what result.json says of a trained net."""

from __future__ import annotations

from typing import Any

from deeplode.tasks.net import Net
from deeplode.tasks.own import OwnNet


def net_summary(net: Net | OwnNet) -> dict[str, Any]:
    """Epochs, speed and size of a trained net, and its losses epoch by epoch."""
    history = net.training["history"]
    means = history["valid_loss"]
    losses = zip(history["train_loss"], means, strict=True)
    named = {"net": net.given.name} if isinstance(net, OwnNet) else {}
    return {
        **named,
        "epochs": len(history["train_loss"]),
        "best_epoch": min(range(1, len(means) + 1), key=lambda epoch: means[epoch - 1], default=0),
        "members": net.members,
        "rows_per_second": max(history["rows_per_second"], default=None),
        "parameters": net.parameters,
        "zeros": sum(int((weight == 0).sum()) for weight in net.weights),
        "history": [
            {"epoch": epoch, "train_loss": train, "valid_loss": valid}
            for epoch, (train, valid) in enumerate(losses, 1)
        ],
        "config": net.config.to_json(),
    }

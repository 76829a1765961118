"""Losses: scores and truth to one number a row."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

FAR = 8.0  # standardised units of a target, from where on an error no longer counts squared

Loss = Callable[[Tensor, Tensor], Tensor]


def binary_cross_entropy(scores: Tensor, truth: Tensor) -> Tensor:
    """Negative log likelihood of a class, 0 or 1.

    scores: (members, rows, 1) log odds; truth: (members, rows) float32 0 or 1.
    Returns (members, rows) in nats.
    """
    return functional.binary_cross_entropy_with_logits(scores.squeeze(-1), truth, reduction="none")


def cross_entropy(scores: Tensor, truth: Tensor) -> Tensor:
    """Negative log likelihood of one class of many.

    scores: (members, rows, classes) unnormalised log probabilities; truth: (members, rows) int64.
    Returns (members, rows) in nats.
    """
    loss = functional.cross_entropy(scores.flatten(0, 1), truth.flatten(), reduction="none")
    return loss.view(truth.shape)


def squared_error(scores: Tensor, truth: Tensor) -> Tensor:
    """Square of the difference, going on as a straight line beyond FAR (Huber 1964): one wild
    row in a heavy tail cannot undo what all the others taught.

    scores: (members, rows, 1), truth: (members, rows), both in standardised units.
    Returns (members, rows).
    """
    return 2 * functional.huber_loss(scores.squeeze(-1), truth, reduction="none", delta=FAR)


def smoothed(loss: Loss, amount: float) -> Loss:
    """The loss against truth mixed with equal shares of all classes (Szegedy et al. 2016).

    amount: share of the mixture that is not the truth, in [0, 1); 0 = the very loss. With K classes
    the class called true gets 1 - amount + amount / K, every other amount / K.
    """
    if amount <= 0:
        return loss

    def mixed(scores: Tensor, truth: Tensor) -> Tensor:
        if scores.shape[-1] == 1:
            return loss(scores, truth * (1 - amount) + amount / 2)
        even = -functional.log_softmax(scores, -1).mean(-1)
        return (1 - amount) * loss(scores, truth) + amount * even

    return mixed


def mean(losses: Tensor, weights: Tensor | None) -> Tensor:
    """Each member's weighted mean loss.

    losses, weights: (members, rows); weights None = all alike. Returns (members,).
    """
    if weights is None:
        return losses.mean(1)
    return (losses * weights).sum(1) / weights.sum(1).clamp_min(1e-12)

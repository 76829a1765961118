"""Losses: scores and truth to one number a row, and its slope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

FAR = 8.0  # standardised units of a target, from where on an error no longer counts squared

Compare = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """What training makes small.

    value: (members, rows, outputs) scores and (members, rows) truth -> (members, rows).
    slope: the same -> derivative of each row's value by its scores, (members, rows, outputs).
    """

    value: Compare
    slope: Compare


def binary_cross_entropy(scores: Tensor, truth: Tensor) -> Tensor:
    """Negative log likelihood of a class, 0 or 1.

    scores: (members, rows, 1) log odds; truth: (members, rows) float32 0 or 1.
    Returns (members, rows) in nats.
    """
    return functional.binary_cross_entropy_with_logits(scores.squeeze(-1), truth, reduction="none")


def _binary_slope(scores: Tensor, truth: Tensor) -> Tensor:
    return scores.sigmoid().sub_(truth.unsqueeze(-1))


def cross_entropy(scores: Tensor, truth: Tensor) -> Tensor:
    """Negative log likelihood of one class of many.

    scores: (members, rows, classes) unnormalised log probabilities; truth: (members, rows) int64.
    Returns (members, rows) in nats.
    """
    loss = functional.cross_entropy(scores.flatten(0, 1), truth.flatten(), reduction="none")
    return loss.view(truth.shape)


def _class_slope(scores: Tensor, truth: Tensor) -> Tensor:
    slope = scores.softmax(-1)
    one = torch.full((1, 1, 1), -1.0).expand(*truth.shape, 1)
    return slope.scatter_add_(-1, truth.unsqueeze(-1), one)


def squared_error(scores: Tensor, truth: Tensor) -> Tensor:
    """Square of the difference, going on as a straight line beyond FAR (Huber 1964): one wild
    row in a heavy tail cannot undo what all the others taught.

    scores: (members, rows, 1), truth: (members, rows), both in standardised units.
    Returns (members, rows).
    """
    return 2 * functional.huber_loss(scores.squeeze(-1), truth, reduction="none", delta=FAR)


def _error_slope(scores: Tensor, truth: Tensor) -> Tensor:
    return (scores - truth.unsqueeze(-1)).clamp_(-FAR, FAR).mul_(2)


BINARY = Loss(binary_cross_entropy, _binary_slope)
MULTICLASS = Loss(cross_entropy, _class_slope)
REGRESSION = Loss(squared_error, _error_slope)


def smoothed(loss: Loss, amount: float) -> Loss:
    """The loss against truth mixed with equal shares of all classes (Szegedy et al. 2016).

    amount: share of the mixture that is not the truth, in [0, 1); 0 = the very loss. With K classes
    the class called true gets 1 - amount + amount / K, every other amount / K.
    """
    if amount <= 0:
        return loss

    def value(scores: Tensor, truth: Tensor) -> Tensor:
        if scores.shape[-1] == 1:
            return loss.value(scores, truth * (1 - amount) + amount / 2)
        even = -functional.log_softmax(scores, -1).mean(-1)
        return (1 - amount) * loss.value(scores, truth) + amount * even

    def slope(scores: Tensor, truth: Tensor) -> Tensor:
        if scores.shape[-1] == 1:
            return loss.slope(scores, truth * (1 - amount) + amount / 2)
        even = scores.softmax(-1) - 1 / scores.shape[-1]
        return (1 - amount) * loss.slope(scores, truth) + amount * even

    return Loss(value, slope)


def focused(loss: Loss, gamma: float) -> Loss:
    """The loss with rows that are answered well counting less (focal loss, Lin et al. 2017).

    gamma: 0 = the very loss. A row whose class has probability p counts (1 - p) ** gamma times.
    """
    if gamma <= 0:
        return loss

    def value(scores: Tensor, truth: Tensor) -> Tensor:
        plain = loss.value(scores, truth)
        return (-torch.expm1(-plain)) ** gamma * plain

    def slope(scores: Tensor, truth: Tensor) -> Tensor:
        plain = loss.value(scores, truth)
        other = (-torch.expm1(-plain)).clamp_min(1e-12)  # 1 - p
        factor = other**gamma + gamma * (1 - other) * other ** (gamma - 1) * plain
        return loss.slope(scores, truth) * factor.unsqueeze(-1)

    return Loss(value, slope)


def mean(losses: Tensor, weights: Tensor | None) -> Tensor:
    """Each member's weighted mean loss.

    losses, weights: (members, rows); weights None = all alike. Returns (members,).
    """
    if weights is None:
        return losses.mean(1)
    return (losses * weights).sum(1) / weights.sum(1).clamp_min(1e-12)

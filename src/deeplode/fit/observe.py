"""Observe: what the hidden layers look like while they learn. It costs one look an epoch."""

from __future__ import annotations

from functools import cache

import torch

from deeplode.fit.part import WATCHED, Part
from deeplode.fit.state import Job
from deeplode.nets.activation import ACTIVATIONS
from deeplode.nets.trainable import Hidden

FLAT = 0.1  # of its steepest slope, on average over rows: below, a unit counts as saturated


@torch.no_grad()
def observe(job: Job, part: Part) -> list[list[list[float]]]:
    """Each member's hidden layers after the last step, each as ``history.LAYER`` names it.

    dead: share of units whose slope is 0 for all rows: nothing reaches the weights before them.
    saturated: share of the others that are nearly flat although they should bend both ways.
    gradient: root mean square of the loss's slopes by the pre-activations.
    zeros: share of weights that are exactly 0.
    """
    way = part.way
    if part.watch is not None and way.hidden():
        way = part.watch
        some = torch.arange(WATCHED)
        index = torch.stack([one.train[some % len(one.train)] for one in job.folds[part.members]])
        inputs, truth, _ = job.rows.at(index)
        scores = way.forward(inputs, None)
        way.backward(part.loss.slope(scores, truth) / WATCHED)
    layers = [_layer(one) for one in way.hidden()]
    members = part.members.stop - part.members.start
    return [[layer[member] for layer in layers] for member in range(members)]


def _layer(layer: Hidden) -> list[list[float]]:
    """The facts of one layer, a list for each member. Few operations: they cost in small nets."""
    gain = layer.gain.abs()
    reached = gain.amax(1)  # (members, units)
    dead = reached == 0
    flat = torch.zeros_like(dead)
    steepest = _steepest(layer.activation)
    if steepest is not None:
        flat = (gain.mean(1) < FLAT * steepest) & ~dead
    count, weights = dead.shape[1], layer.weight[0].numel()
    norm = torch.linalg.vector_norm(layer.dz, dim=(1, 2)) / layer.dz[0].numel() ** 0.5
    zeros = 1 - layer.weight.count_nonzero((1, 2)) / max(weights, 1)
    facts = [dead.sum(1) / count, flat.sum(1) / count, norm, zeros]
    found: list[list[float]] = torch.stack(facts, 1).tolist()
    return found


@cache
def _steepest(activation: str) -> float | None:
    """The largest slope of an activation that is flat on both sides; None for the others."""
    own = ACTIVATIONS[activation]
    if own.slope is not None:
        return None
    slopes = own.derivative(torch.linspace(-20, 20, 4001)).abs()
    most = float(slopes.max())
    return most if float(slopes[[0, -1]].max()) < FLAT * most else None

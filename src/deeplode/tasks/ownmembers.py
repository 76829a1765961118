"""The members of a user's own net: made, tried on a few rows, and held against the memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from deeplode.encode.batch import Batch
from deeplode.errors import LimitError, OptionError
from deeplode.evaluate.problem import Problem
from deeplode.fit.config import FitConfig
from deeplode.fit.loop import VALIDATE
from deeplode.memory import PROGRAM, marks
from deeplode.messages import Notice
from deeplode.nets.given import Given, draws, strip
from deeplode.nets.own import call
from deeplode.nets.pieces import pieces

SMALLEST_BATCH = 16
COPIES = 6  # of the weights of every member, see ``memory``
AT_ONCE = 2.5  # of the weights of every member that is trained at the same time
SEEDS = 7_919  # between the seeds of two members


@dataclass(frozen=True)
class Found:
    """What a few rows told of a net.

    together: it takes torch's own random numbers. row_bytes: what a row's way through one member
    leaves in memory until the way back. notices: for the user.
    """

    together: bool
    row_bytes: int
    notices: tuple[Notice, ...]


def members_of(
    given: Given, rows: Tensor, problem: Problem, members: int
) -> tuple[list[nn.Module], Found]:
    """The modules of all members, each with weights of its own.

    rows: (rows, inputs) float32, to try them on; all zeros where there are none.
    Raises OptionError when the net does not do as it must.
    """
    name, outputs = given.name, problem.n_outputs
    made = [
        given.member(rows, outputs, problem.seed + SEEDS * (member + 1))
        for member in range(members)
    ]
    if len({id(getattr(module, "model", module)) for module in made}) < members:
        raise OptionError("E-OPT-143", net=name)
    links = {strip(module, rows) for module in made} if problem.classifies else set()
    scores = call(made[0].train(False), rows, outputs, name).detach()
    real = bool(rows.any())
    if real and not scores.isfinite().all():
        raise OptionError("E-OPT-136", net=name, given=tuple(rows.shape))
    if real and problem.task == "multiclass" and _are_probabilities(scores):
        raise OptionError("E-OPT-141", net=name)
    notices = [
        Notice("W-NET-001", None, {"net": name, "link": link}) for link in links if link is not None
    ]
    together = draws(made[0], rows, outputs, name) if real else False
    return made, Found(together, _row_bytes(made[0], rows), tuple(notices))


def _are_probabilities(scores: Tensor) -> bool:
    ones = torch.ones(len(scores))
    return bool((scores >= 0).all()) and torch.allclose(scores.sum(1), ones, 0, 1e-4)


def _row_bytes(module: nn.Module, rows: Tensor) -> int:
    """Bytes a row that one pass keeps for the way back, its weights apart."""
    weights = {one.tensor.data_ptr() for one in pieces(module).trained}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in weights:
            kept[tensor.data_ptr()] = tensor.nbytes
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda one: one):
        module(rows)
    return sum(kept.values()) // len(rows)


def memory(
    module: nn.Module, found: Found, batch: Batch, problem: Problem, config: FitConfig
) -> int:
    """Bytes of the whole process while such modules are trained: measured, and rounded up.

    Of every member: weights, gradients, two moments, the best copy, and room for the optimizer's
    step. Of every member that is trained at the same time: the gradient of its layers before it
    is added, and their products' workspace. Of every row: what its way through leaves, and as much
    again for the way back; validation holds VALIDATE rows at least.
    """
    weights = sum(one.tensor.nbytes for one in pieces(module).trained)
    at_once = 1 if found.together else min(problem.threads, config.members)
    rows = max(2 * config.members * config.batch_size, at_once * VALIDATE)
    lasting = PROGRAM + 5 * batch.nbytes + COPIES * config.members * weights
    return lasting + int(AT_ONCE * at_once * weights) + rows * found.row_bytes


def fitting(
    module: nn.Module,
    found: Found,
    batch: Batch,
    problem: Problem,
    config: FitConfig,
    limit: int | None,
) -> tuple[FitConfig, int]:
    """The configuration whose batches stay below the memory limit, halved as often as it takes,
    and the bytes that it needs.

    Raises LimitError when not even small batches do. limit: bytes of the whole process, or None.
    """
    while True:
        need = memory(module, found, batch, problem, config)
        if limit is None or need <= marks(limit)[0]:
            return config, need
        if config.batch_size <= SMALLEST_BATCH:
            needed = (need + limit - marks(limit)[0]) // 1_000_000
            raise LimitError("E-LIMIT-001", needed=needed, given=limit // 1_000_000)
        config = replace(config, batch_size=max(SMALLEST_BATCH, config.batch_size // 2))

"""Weights: tensors into a module that was built without any, so that nothing is held twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def unfilled(build: Callable[[], nn.Module]) -> nn.Module:
    """The module without memory of its own: what its weights are called and how large they are."""
    with torch.device("meta"):
        return build()


def filled(build: Callable[[], nn.Module], tensors: Mapping[str, Tensor]) -> nn.Module:
    """The module with these tensors as they are, for answering.

    It is built without memory of its own: sizes that lie allocate nothing.
    Raises ValueError where names, shapes or types are not just its own.
    """
    module = unfilled(build)
    wanted = module.state_dict()
    for name, one in wanted.items():
        own = tensors.get(name)
        if own is None:
            raise ValueError(f"{name} is missing")
        if own.shape != one.shape or own.dtype != one.dtype:
            raise ValueError(f"{name} is {own.dtype} {tuple(own.shape)}, "
                             f"not {one.dtype} {tuple(one.shape)}")  # fmt: skip
    more = [name for name in tensors if name not in wanted]
    if more:
        raise ValueError(f"{more[0]} belongs to no part of it")
    module.load_state_dict(dict(tensors), assign=True)
    return module.requires_grad_(False).train(False)


def arrays_of(module: nn.Module) -> dict[str, NDArray[Any]]:
    """Its tensors by name, on the same memory."""
    return {name: np.atleast_1d(one.numpy()) for name, one in module.state_dict().items()}


def tensors_of(
    arrays: Mapping[str, NDArray[Any]], build: Callable[[], nn.Module]
) -> dict[str, Tensor]:
    """The inverse of ``arrays_of``: a number alone was written as one in a row."""
    shapes = {name: one.shape for name, one in unfilled(build).state_dict().items()}
    return {
        name: torch.from_numpy(own).reshape(()) if shapes.get(name) == () and own.size == 1
        else torch.from_numpy(own)
        for name, own in arrays.items()
    }  # fmt: skip


def restored_net(
    build: Callable[[], nn.Module], arrays: Mapping[str, NDArray[Any]], tuned: bool
) -> nn.Module:
    """An encoder from a model file; without weights where a net has them. Raises as ``filled``."""
    return unfilled(build) if tuned else filled(build, tensors_of(arrays, build))


def unit(found: Tensor) -> NDArray[np.float32]:
    """(cells, width) vectors of mean square 1: what they mean is their direction. NaN where a
    number is none."""
    length = found.square().mean(1, keepdim=True).sqrt()
    scaled = found / length.clamp(min=1e-12)
    return torch.where(torch.isfinite(scaled), scaled, torch.nan).numpy()

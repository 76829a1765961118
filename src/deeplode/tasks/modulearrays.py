"""The tensors of members that are modules, as arrays of a model file and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deeplode.errors import ModelFileError
from deeplode.nets.pieces import pieces

Arrays = Mapping[str, NDArray[Any]]


def arrays_of(modules: Sequence[torch.nn.Module], stem: str) -> dict[str, NDArray[Any]]:
    """Weights and buffers of every member, by the order in which its module has them."""
    return {
        f"{stem}.{member}.{number}": np.atleast_1d(one.tensor.detach().numpy().copy())
        for member, module in enumerate(modules)
        for number, one in enumerate(_all(module))
    }


def layout(module: torch.nn.Module) -> list[list[Any]]:
    """Name and shape of every tensor of a member."""
    return [[one.label, list(one.tensor.shape)] for one in _all(module)]


@torch.no_grad()
def fill(modules: Sequence[torch.nn.Module], arrays: Arrays, stem: str) -> None:
    """Give modules the tensors that ``arrays_of`` took. Raises ValueError where they do not fit,
    KeyError where one is not there."""
    for member, module in enumerate(modules):
        for number, one in enumerate(_all(module)):
            found = torch.from_numpy(np.array(arrays[f"{stem}.{member}.{number}"]))
            shape = one.tensor.shape or (1,)
            if found.dtype != one.tensor.dtype or found.shape != shape:
                raise ValueError(f"{one.label} must be {one.tensor.dtype} {tuple(shape)}.")
            one.tensor.copy_(found.view_as(one.tensor))


def check_layout(module: torch.nn.Module, told: Any, name: str, source: str) -> None:
    """Raise ModelFileError naming the first tensor that the file has otherwise than the module."""
    here = layout(module)
    if here != told:
        pairs = zip([*told, None], [*here, None], strict=False)
        file, own = next((pair for pair in pairs if pair[0] != pair[1]), (told, here))
        why = f"{_told(file)} ≠ {_told(own)}"
        raise ModelFileError("E-MODEL-017", source=source, net=name, why=why)


def _all(module: torch.nn.Module) -> list[Any]:
    found = pieces(module)
    return [*found.trained, *found.fixed]


def _told(entry: Any) -> str:
    return "–" if entry is None else f"{entry[0]} {tuple(entry[1])}"[:200]

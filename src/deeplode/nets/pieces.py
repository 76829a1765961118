"""Pieces: every tensor of a module that its answers depend on, in one fixed order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from deeplode.nets.keras_net import KerasNet


@dataclass(frozen=True)
class Piece:
    """A parameter. label: its name in the module."""

    label: str
    tensor: Tensor


@dataclass(frozen=True)
class Buffer(Piece):
    """A tensor that training changes without a gradient, such as the statistics of BatchNorm.

    owner: the module that has it. key: its name there.
    """

    owner: nn.Module
    key: str

    def take_back(self) -> None:
        """Copy what a module put in the buffer's place, instead of changing it, into it."""
        now = self.owner._buffers[self.key]
        if now is not self.tensor and now is not None:
            with torch.no_grad():
                self.tensor.copy_(now)
            self.owner._buffers[self.key] = self.tensor


@dataclass(frozen=True)
class Pieces:
    """trained: by gradient. fixed: frozen parameters, then buffers."""

    trained: tuple[Piece, ...]
    fixed: tuple[Piece, ...]


def pieces(module: nn.Module) -> Pieces:
    """All tensors of a module; one that stands at several places comes once."""
    if isinstance(module, KerasNet):
        named = [Piece(f"{i}.{label}", one) for i, (label, one) in enumerate(module.tensors())]
    else:
        named = [Piece(label, one) for label, one in module.named_parameters()]
    trained = tuple(one for one in named if one.tensor.requires_grad)
    frozen = tuple(one for one in named if not one.tensor.requires_grad)
    return Pieces(trained, (*frozen, *_buffers(module)))


def _buffers(module: nn.Module) -> Iterator[Buffer]:
    for label, tensor in module.named_buffers():
        path, _, key = label.rpartition(".")
        yield Buffer(label, tensor, module.get_submodule(path), key)

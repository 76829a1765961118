"""TunedBranch: a pretrained encoder as a part of the net, trained further in small steps."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from deeplode.pretrained.bert import BertSizes
from deeplode.pretrained.image import BATCH, SIZES, ImageModel
from deeplode.pretrained.read import MOST_BYTES, Pretrained
from deeplode.pretrained.text import LENGTHS, TOKENS
from deeplode.pretrained.weights import unfilled

RATE = 0.01  # of the learning rate: what it knows shall not be washed away
BERT = "bert"
FAMILIES: dict[str, Any] = {BERT: BertSizes, **SIZES}


@dataclass(frozen=True, eq=False)
class TunedShape:
    """The plain values that fix an encoder, and the weights that it begins with.

    family: a key of FAMILIES. sizes: of that family. tokens: of a text; 0 for images.
    mean, deviation: of each channel of an image, of values 0 … 1. start: as it was published; None
    where its weights will be filled.
    """

    family: str
    sizes: Any
    tokens: int = 0
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    start: nn.Module | None = None

    def __post_init__(self) -> None:
        texts = self.family == BERT
        if (self.tokens not in LENGTHS) if texts else self.tokens != 0:
            raise ValueError(f"{self.family} of {self.tokens} tokens")
        channels = 0 if texts else self.sizes.channels
        if len(self.mean) != channels or len(self.deviation) != channels:
            raise ValueError("a mean and a deviation of each channel")
        if not all(isfinite(one) for one in (*self.mean, *self.deviation)) or not all(
            one > 0 for one in self.deviation
        ):
            raise ValueError(f"images made ready by {self.mean} and {self.deviation}")
        if 4 * sum(one.numel() for one in unfilled(self.sizes.build).parameters()) > MOST_BYTES:
            raise ValueError("more weights than fit into a model file")

    @classmethod
    def of(cls, model: Pretrained, tokens: int) -> TunedShape:
        """That of an encoder which was read. tokens: of a text that are kept."""
        if isinstance(model, ImageModel):
            look = model.look
            return cls(model.family, model.sizes, 0, look.mean, look.deviation, model.net)
        return cls(BERT, model.sizes, tokens, start=model.net)

    @property
    def features(self) -> int:
        """Width of a vector."""
        width: int = self.sizes.width if self.family == BERT else self.sizes.features
        return width

    @property
    def row_bytes(self) -> int:
        """Bytes that a row's way through all layers leaves until its way back: an upper bound."""
        if self.family == BERT:
            return int(self.sizes.layers * self.sizes.step_bytes(1, self.tokens))
        step = self.sizes.step_bytes(1)
        if self.family == "vit":
            return int(self.sizes.layers * step)
        stages = self.sizes.stages if self.family == "resnet" else self.sizes.blocks
        blocks = [one if isinstance(one, int) else one.blocks for one in stages]
        return int(sum(count * step / 2**stage for stage, count in enumerate(blocks)))

    def build(self, generator: torch.Generator | None) -> TunedBranch:
        """The branch: as published where there is a generator, else with weights to be filled."""
        if generator is not None and self.start is not None:
            return TunedBranch(self, deepcopy(self.start))
        return TunedBranch(self, unfilled(self.sizes.build).to_empty(device="cpu"))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        scaled = {"mean": list(self.mean), "deviation": list(self.deviation)}
        told = {"family": self.family, "sizes": self.sizes.to_json(), "tokens": self.tokens}
        return {**told, **scaled}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> TunedShape:
        """The inverse of ``to_json``. Raises KeyError, TypeError or ValueError if odd."""
        sizes = FAMILIES[facts["family"]].from_json(facts["sizes"])
        mean, deviation = (tuple(map(float, facts[name])) for name in ("mean", "deviation"))
        return cls(str(facts["family"]), sizes, facts["tokens"], mean, deviation)


class TunedBranch(nn.Module):
    """One vector a cell, of mean square 1; 0 for a cell that is missing.

    ``rate``: share of the net's learning rate.
    """

    rate = RATE

    def __init__(self, shape: TunedShape, net: nn.Module) -> None:
        super().__init__()
        self.shape, self.net = replace(shape, start=None), net.requires_grad_(True)

    def train(self, mode: bool = True) -> TunedBranch:
        """For training or for answering; statistics of batches stay those it was published with."""
        super().train(mode)
        for one in self.net.modules():
            if isinstance(one, nn.BatchNorm2d):
                one.train(False)
        return self

    def augment(self, cells: Tensor) -> Tensor:
        """The cells as they are."""
        return cells

    def forward(self, cells: Tensor) -> Tensor:
        """Tokens (rows, tokens) int64 or pixels (rows, channels, side, side) uint8, all 0 where a
        cell is missing -> (rows, features) float32."""
        found = self._learned(cells) if self.training else self._answered(cells)
        length = found.square().mean(1, keepdim=True).clamp(min=1e-24).sqrt()
        return torch.where((cells.flatten(1) > 0).any(1, keepdim=True), found / length, 0.0)

    def _learned(self, cells: Tensor) -> Tensor:
        if self.shape.family != BERT:
            return self._images(cells)
        return self._texts(cells[:, : _rounded(int((cells > 0).sum(1).max()))])

    def _images(self, cells: Tensor) -> Tensor:
        ways = (self.shape.mean, self.shape.deviation)
        mean, deviation = (torch.tensor(one).view(-1, 1, 1) for one in ways)
        found: Tensor = self.net((cells.float() / 255 - mean) / deviation)
        return found

    def _texts(self, cells: Tensor) -> Tensor:
        first = torch.arange(cells.shape[1]) == 0  # a missing text has a token, too
        found: Tensor = self.net((cells - 1).clamp(min=0), (cells > 0) | first)
        return found

    def _answered(self, cells: Tensor) -> Tensor:
        """Some cells at a time, and always as many: a vector's bits do not depend on its
        neighbours. Equal cells that follow each other go through once."""
        cells, back = torch.unique_consecutive(cells, dim=0, return_inverse=True)
        out = torch.empty(len(cells), self.shape.features)
        if self.shape.family != BERT:
            for rows in torch.split(torch.arange(len(cells)), BATCH):
                out[rows] = self._images(_made_up(cells[rows], BATCH))[: len(rows)]
            return out[back]
        lengths = torch.tensor([_rounded(count) for count in (cells > 0).sum(1).tolist()])
        for length in sorted(set(lengths.tolist())):
            most = max(1, TOKENS // length)
            for rows in torch.split((lengths == length).nonzero().flatten(), most):
                whole = _made_up(cells[rows, :length], most)
                out[rows] = self._texts(whole)[: len(rows)]
        return out[back]


def _made_up(cells: Tensor, rows: int) -> Tensor:
    """The cells and as many missing ones that there are so many rows."""
    return torch.cat([cells, cells.new_zeros(rows - len(cells), *cells.shape[1:])])


def _rounded(tokens: int) -> int:
    """The length that a text of so many tokens is made up to."""
    return next(one for one in LENGTHS if tokens <= one)

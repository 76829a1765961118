"""Vit: the vision transformers that people publish (Dosovitskiy et al., 2021; DINOv2, 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

MOST = {
    "channels": 4, "patch": 64, "grid": 64, "width": 8_192, "inner": 32_768, "layers": 96,
    "heads": 128,
}  # fmt: skip


@dataclass(frozen=True)
class VitSizes:
    """The plain values that fix such an encoder.

    channels, patch: of a patch of the image, in pixels. grid: patches along a side. inner: width
    between a layer's two products. scaled: what a layer adds is scaled feature by feature.
    token: there is a class token. placed: it has a place in the embedding of positions. mean:
    patches are averaged and then normed; else the class token is the answer. epsilon: of the
    layer norms.
    """

    channels: int
    patch: int
    grid: int
    width: int
    inner: int
    layers: int
    heads: int
    scaled: bool = False
    token: bool = True
    placed: bool = True
    mean: bool = False
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            own = getattr(self, name)
            if type(own) is not int or not 1 <= own <= most:
                raise ValueError(f"an encoder of images with {name} = {own!r}")
        if self.width % self.heads or not 0 < self.epsilon < 1:
            raise ValueError("an encoder of images whose sizes do not fit")
        truths = (self.scaled, self.token, self.placed, self.mean)
        if any(type(own) is not bool for own in truths) or self.token < max(
            self.placed, not self.mean
        ):
            raise ValueError("an encoder of images whose class token is none")

    @property
    def features(self) -> int:
        """Numbers that it makes of an image."""
        return self.width

    @property
    def side(self) -> int:
        """Pixels of a side that it reads."""
        return self.grid * self.patch

    def step_bytes(self, cells: int) -> int:
        """Bytes on the way of so many images through a layer, at their peak."""
        tokens = self.grid**2 + 1
        return 4 * cells * tokens * (6 * self.width + 2 * self.inner + 2 * self.heads * tokens)

    def build(self) -> Vit:
        """The module, whose weights are to be filled."""
        return Vit(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> VitSizes:
        """The inverse of ``to_json``. Raises TypeError or ValueError if odd."""
        return cls(**facts)


class Layer(nn.Module):
    """Attention, then two products, each of what was normed and added to what came in."""

    def __init__(self, sizes: VitSizes) -> None:
        super().__init__()
        width = sizes.width
        self.heads = sizes.heads
        self.norm1, self.norm2 = (nn.LayerNorm(width, sizes.epsilon) for _ in range(2))
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, sizes.inner), nn.Linear(sizes.inner, width)
        ones = torch.ones(width)
        self.scale1 = nn.Parameter(ones) if sizes.scaled else None
        self.scale2 = nn.Parameter(ones.clone()) if sizes.scaled else None

    def forward(self, found: Tensor) -> Tensor:
        """(images, tokens, width) -> the same shape."""
        three = self.qkv(self.norm1(found)).unflatten(2, (3, self.heads, -1))
        query, key, value = three.permute(2, 0, 3, 1, 4).unbind(0)  # (images, heads, tokens, …)
        mixed = scaled_dot_product_attention(query, key, value)
        found = found + _scaled(self.proj(mixed.transpose(1, 2).flatten(2)), self.scale1)
        return found + _scaled(self.fc2(gelu(self.fc1(self.norm2(found)))), self.scale2)


class Vit(nn.Module):
    """Images to one vector each: the class token, or the mean of all patches."""

    def __init__(self, sizes: VitSizes) -> None:
        super().__init__()
        self.sizes = sizes
        width, patch = sizes.width, sizes.patch
        self.patches = nn.Conv2d(sizes.channels, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width)) if sizes.token else None
        self.places = nn.Parameter(torch.zeros(1, sizes.grid**2 + sizes.placed, width))
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.norm = nn.LayerNorm(width, sizes.epsilon)

    def forward(self, images: Tensor) -> Tensor:
        """(images, channels, side, side) float32 -> (images, features)."""
        found = self.patches(images).flatten(2).transpose(1, 2)  # (images, patches, width)
        if not self.sizes.placed:
            found = found + self.places
        if self.token is not None:
            found = torch.cat([self.token.expand(len(images), -1, -1), found], 1)
        if self.sizes.placed:
            found = found + self.places
        for layer in self.layers:
            found = layer(found)
        if self.sizes.mean:
            pooled: Tensor = self.norm(found[:, int(self.sizes.token) :].mean(1))
        else:
            pooled = self.norm(found)[:, 0]
        return pooled


def _scaled(found: Tensor, scale: Tensor | None) -> Tensor:
    return found if scale is None else found * scale

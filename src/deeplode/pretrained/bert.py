"""Bert: the transformer encoders of texts that people publish, in one module.

Devlin et al., BERT, 2019, and what differs from it by names, sizes and a few facts only: RoBERTa
and XLM-R (Liu et al. 2019, Conneau et al. 2020), DistilBERT (Sanh et al. 2019), ELECTRA (Clark et
al. 2020) and MPNet (Song et al. 2020), whose attention also looks at distances.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, relu, scaled_dot_product_attention, silu

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": gelu,
    "gelu_new": partial(gelu, approximate="tanh"),
    "gelu_pytorch_tanh": partial(gelu, approximate="tanh"),
    "relu": relu,
    "silu": silu,
    "swish": silu,
}
MOST = {  # of each size: no published encoder of texts has more
    "words": 2_000_000, "positions": 16_384, "kinds": 64, "embedding": 8_192, "width": 8_192,
    "inner": 32_768, "layers": 96, "heads": 128, "distances": 1_024, "first": 4,
}  # fmt: skip
FARTHEST = 128  # tokens from which on MPNet counts distances as equal


@dataclass(frozen=True)
class BertSizes:
    """The plain values that fix such an encoder.

    words, positions, kinds: rows of the embeddings; kinds = 0: there is none of kinds of tokens.
    embedding: width of embeddings, brought to ``width`` where they differ. inner: width between a
    layer's two products. distances: rows of the bias by distance; 0 = none. first: position of the
    first token. epsilon: of the layer norms.
    """

    words: int
    positions: int
    kinds: int
    embedding: int
    width: int
    inner: int
    layers: int
    heads: int
    distances: int = 0
    first: int = 0
    epsilon: float = 1e-12
    activation: str = "gelu"

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            own = getattr(self, name)
            least = 0 if name in ("kinds", "distances", "first") else 1
            if type(own) is not int or not least <= own <= most:
                raise ValueError(f"an encoder of texts with {name} = {own!r}")
        if self.width % self.heads or self.distances % 2 or self.first >= self.positions:
            raise ValueError("an encoder of texts whose sizes do not fit")
        if not 0 < self.epsilon < 1 or self.activation not in ACTIVATIONS:
            raise ValueError(f"epsilon {self.epsilon}, activation {self.activation!r}")

    @property
    def longest(self) -> int:
        """Tokens that a text can have."""
        return self.positions - self.first

    def step_bytes(self, cells: int, tokens: int) -> int:
        """Bytes on the way of so many texts through a layer, at their peak."""
        wide = 6 * self.width + 2 * self.inner
        return 4 * cells * tokens * (wide + 2 * self.heads * tokens)

    def build(self) -> Bert:
        """The module, whose weights are to be filled."""
        return Bert(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> BertSizes:
        """The inverse of ``to_json``. Raises TypeError or ValueError if odd."""
        return cls(**facts)


class Layer(nn.Module):
    """Attention, then two products; what came in is added to each, then normed."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        width, inner = sizes.width, sizes.inner
        self.heads, self.activation = sizes.heads, ACTIVATIONS[sizes.activation]
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm1, self.norm2 = (nn.LayerNorm(width, sizes.epsilon) for _ in range(2))

    def forward(self, found: Tensor, bias: Tensor) -> Tensor:
        """found: (texts, tokens, width). bias: of attention, (texts or 1, heads or 1, 1 or tokens,
        tokens)."""
        parts = (one(found).unflatten(2, (self.heads, -1)) for one in self._three())
        query, key, value = (one.transpose(1, 2) for one in parts)  # (texts, heads, tokens, …)
        mixed = scaled_dot_product_attention(query, key, value, bias)
        found = self.norm1(found + self.out(mixed.transpose(1, 2).flatten(2)))
        changed: Tensor = self.norm2(found + self.down(self.activation(self.up(found))))
        return changed

    def _three(self) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
        return self.query, self.key, self.value


class Bert(nn.Module):
    """Token numbers to one vector a text: the mean of its tokens' last layer."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.sizes = sizes
        wide = sizes.embedding
        self.words = nn.Embedding(sizes.words, wide)
        self.positions = nn.Embedding(sizes.positions, wide)
        self.kinds = nn.Embedding(sizes.kinds, wide) if sizes.kinds else None
        self.norm = nn.LayerNorm(wide, sizes.epsilon)
        self.project = nn.Linear(wide, sizes.width) if wide != sizes.width else None
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        far = sizes.distances
        self.distances = nn.Embedding(far, sizes.heads) if far else None

    def forward(self, ids: Tensor, there: Tensor) -> Tensor:
        """ids: (texts, tokens) int64. there: (texts, tokens) bool, the first tokens of each text.

        Returns (texts, width)."""
        tokens = ids.shape[1]
        places = torch.arange(self.sizes.first, self.sizes.first + tokens)
        found = self.words(ids) + self.positions(places)
        if self.kinds is not None:
            found = found + self.kinds.weight[0]
        found = self.norm(found)
        if self.project is not None:
            found = self.project(found)
        bias = torch.where(there, 0.0, -torch.inf)[:, None, None]
        if self.distances is not None:
            bias = bias + self._by_distance(tokens)
        for layer in self.layers:
            found = layer(found, bias)
        weight = there.unsqueeze(2).to(found.dtype)
        mean: Tensor = (found * weight).sum(1) / weight.sum(1)
        return mean

    def _by_distance(self, tokens: int) -> Tensor:
        """(1, heads, tokens, tokens): near distances one by one, far ones by their logarithm."""
        assert self.distances is not None
        half = self.sizes.distances // 2
        near = max(half // 2, 1)
        places = torch.arange(tokens)
        ahead = places[None, :] - places[:, None]
        size = ahead.abs()
        scale = (half - near) / math.log(FARTHEST / near)
        far = near + (torch.log(size.clamp(min=1).float() / near) * scale).long()
        bucket = torch.where(size < near, size, far.clamp(max=half - 1)) + half * (ahead > 0)
        by_head: Tensor = self.distances(bucket).permute(2, 0, 1)
        return by_head[None]

"""RecVAE: a variational autoencoder of sets of items, with a composite prior.

Shenbin, Alekseev, Tutubalina, Malykh, Nikolenko 2020 (WSDM), arXiv 1912.11160.
"""

from __future__ import annotations

from math import log, pi

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, layer_norm, silu

from deeplode.nets.products import steady

LAYERS = 5
SHARES = (3 / 20, 3 / 4, 1 / 10)  # of the prior: standard normal, earlier posterior, wide normal
WIDE = 10.0  # log variance of the wide normal


class Encoder(nn.Module):
    """Items of users to a normal distribution of each user. width, latent: multiples of 16."""

    def __init__(self, items: int, width: int, latent: int) -> None:
        super().__init__()
        self.items = nn.Parameter(torch.empty(items, width))
        self.bias = nn.Parameter(torch.zeros(LAYERS, width))
        self.inner = nn.Parameter(torch.empty(LAYERS - 1, width, width))
        self.outer = nn.Parameter(torch.empty(width, 2 * latent))
        self.outer_bias = nn.Parameter(torch.zeros(2 * latent))

    def forward(self, item: Tensor, start: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log variances, (users, latent). item, weight: (n,) all users' items one after
        another and how much each counts; start: (users + 1,) int64 where a user's begin."""
        hidden = self.bias[0] + embedding_bag(
            item, self.items, start, mode="sum", per_sample_weights=weight, include_last_offset=True
        )
        hidden = layer_norm(silu(hidden), hidden.shape[1:])
        before = hidden
        for matrix, bias in zip(self.inner, self.bias[1:], strict=True):
            hidden = layer_norm(silu(steady(hidden, matrix, bias) + before), hidden.shape[1:])
            before = before + hidden
        mean, spread = steady(hidden, self.outer, self.outer_bias).chunk(2, 1)
        return mean, spread


class RecVae(nn.Module):
    """Encoder and a linear decoder. generator: draws the weights; None leaves them unset."""

    def __init__(
        self, items: int, width: int, latent: int, generator: torch.Generator | None
    ) -> None:
        super().__init__()
        self.encoder = Encoder(items, width, latent)
        self.decoder = nn.Parameter(torch.empty(latent, items))
        self.decoder_bias = nn.Parameter(torch.zeros(items))
        if generator is not None:
            with torch.no_grad():
                own = self.encoder
                for matrix in (own.items, own.inner, own.outer, self.decoder):
                    a, b = matrix.shape[-2:]
                    matrix.normal_(0, (2 / (a + b)) ** 0.5, generator=generator)

    def decode(self, latent: Tensor) -> Tensor:
        """(users, items) logits."""
        return steady(latent, self.decoder, self.decoder_bias)


def log_normal(z: Tensor, mean: Tensor | float, log_variance: Tensor | float) -> Tensor:
    """Log density of each coordinate."""
    log_variance = torch.as_tensor(log_variance)
    return -0.5 * (log_variance + log(2 * pi) + (z - mean).square() / log_variance.exp())


def log_prior(z: Tensor, earlier: tuple[Tensor, Tensor]) -> Tensor:
    """Log density of each coordinate under the composite prior. earlier: the posterior that an
    earlier encoder gave, means and log variances."""
    parts = (log_normal(z, 0.0, 0.0), log_normal(z, *earlier), log_normal(z, 0.0, WIDE))
    return torch.stack(
        [part + log(share) for part, share in zip(parts, SHARES, strict=True)]
    ).logsumexp(0)

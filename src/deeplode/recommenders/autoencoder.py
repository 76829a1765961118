"""Autoencoder: a net that knows a user's taste from its items and what else the taste asks for.

RecVAE (Shenbin et al. 2020, arXiv 1912.11160), encoder and decoder trained at the same time: on
ml-100k's validation part taking turns, as there, ranked worse and took twice as long.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn.functional import log_softmax

from deeplode.detectors.detector import whole
from deeplode.nets.products import filled, steady
from deeplode.nets.recvae import RecVae, log_normal, log_prior
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.linear import checked
from deeplode.recommenders.netloop import (
    as_bags,
    begin_at,
    by_block,
    dropped,
    net_arrays,
    restored,
    step_size,
    train,
)
from deeplode.recommenders.scorer import Arrays, Floats, Grounds, Setting, setting_of
from deeplode.runtime import configured

WIDTH, LATENT = 256, 128
RATE = 5e-4
DROPOUT = 0.5  # share of a history's items that are hidden while learning
PULL = 0.01  # of the prior, for each item of a history


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """net: trained, or on its way."""

    net: RecVae
    setting: Setting

    def scores(self, histories: Histories) -> Floats:
        """(users, items): logits of the mean of each user's distribution."""
        given = checked(histories, len(self.net.decoder_bias)).matrix

        def work(index: NDArray[np.int64]) -> Tensor:
            return steady(self.net.encoder(*as_bags(given, index))[0], *self._decoder)

        return by_block(len(histories), histories.items, work)

    @cached_property
    def _decoder(self) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            return filled(self.net.decoder, 1), filled(self.net.decoder_bias, 0)

    def facts(self) -> dict[str, Any]:
        """Sizes and the setting."""
        latent, items = self.net.decoder.shape
        width = self.net.encoder.items.shape[1]
        return {"setting": dict(self.setting), "items": items, "width": width, "latent": latent}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights."""
        return net_arrays(self.net)

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError."""
        setting, items = setting_of(facts), whole(facts, "items", 1, 2**31)
        width, latent = whole(facts, "width", 1, 16_384), whole(facts, "latent", 1, 16_384)
        return cls(restored(lambda: RecVae(items, width, latent, None), arrays), setting)


def fit_autoencoder(histories: Histories, setting: Setting, grounds: Grounds) -> Autoencoder:
    """Most likely items of each user, less how far its distribution is from the prior.

    setting: epochs.
    """
    given = histories.matrix
    with configured(grounds.threads, grounds.seed):
        chance = torch.Generator().manual_seed(grounds.seed)
        net = RecVae(histories.items, WIDTH, LATENT, chance)
        if isinstance(grounds.earlier, Autoencoder):
            begin_at(net, grounds.earlier.net)
        earlier = copy.deepcopy(net.encoder)
        optimizer = torch.optim.Adam(net.parameters(), lr=RATE)

        def step(index: Tensor) -> None:
            loss = _loss(net, earlier, given, index.numpy(), chance)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

        def begin() -> None:
            earlier.load_state_dict(net.encoder.state_dict())

        def so_far(epochs: int) -> Autoencoder:
            return Autoencoder(net, {**setting, "epochs": grounds.trained + epochs})

        rows = (len(histories), step_size(len(histories), histories.items))
        return so_far(train(net, step, rows, so_far, setting, grounds, begin))


def _loss(
    net: RecVae,
    earlier: Any,
    given: csr_array,
    index: NDArray[np.int64],
    chance: torch.Generator,
) -> Tensor:
    """Mean over some users. earlier: the encoder of an epoch ago, the middle part of the prior."""
    item, start, weight = as_bags(given, index)
    mean, spread = net.encoder(item, start, dropped(weight, DROPOUT, chance))
    latent = mean + (spread / 2).exp() * torch.randn(mean.shape, generator=chance)
    wanted = torch.from_numpy(given[index].toarray())
    likely = (log_softmax(net.decode(latent), 1) * wanted).sum(1)
    with torch.no_grad():
        before = earlier(item, start, weight)
    away = (log_normal(latent, mean, spread) - log_prior(latent, before)).sum(1)
    return (PULL * wanted.sum(1) * away - likely).mean()

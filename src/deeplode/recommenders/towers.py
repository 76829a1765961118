"""Two towers: a net that knows items also by their columns, so that new ones can be recommended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn.functional import embedding_bag, log_softmax

from deeplode.detectors.detector import kept, whole
from deeplode.nets.products import filled, steady
from deeplode.nets.towers import Towers
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

SIZES = (64, 128)  # of vectors, and of the layers before them
RATE = 1e-3
DROPOUT = 0.7  # share of a history's items that are hidden while learning …
UNKNOWN = 0.1  # … and of all items' own vectors, so that columns have to do


@dataclass(frozen=True, eq=False)
class TwoTowers:
    """net: trained, or on its way. known: (items, columns) float32 what is known of items; those
    beyond the ones that were learned from are new."""

    net: Towers
    known: Floats
    setting: Setting

    def scores(self, histories: Histories) -> Floats:
        """(users, items): products of the user's vector with the items'."""
        own = checked(histories, len(self.known))
        given, told = own.matrix, _told(own, self._told)
        vectors, liked = self._items

        def work(index: NDArray[np.int64]) -> Tensor:
            user = self.net.user(_sums(given, index, vectors), told[torch.from_numpy(index)])
            return steady(user, vectors.T, liked)

        return by_block(len(own), own.items, work)

    def with_items(self, features: Floats) -> Self:
        """The same with further items, known by their columns alone. features: (new, columns).
        Raises ValueError for other columns."""
        if features.ndim != 2 or features.shape[1] != self.known.shape[1]:
            raise ValueError(f"new items need {self.known.shape[1]} columns.")
        return replace(self, known=np.concatenate([self.known, features.astype(np.float32)]))

    def facts(self) -> dict[str, Any]:
        """Sizes and the setting."""
        items, dim = self.net.ids.shape
        width = self.net.item_in.shape[1]
        sizes = {"items": items, "told": self._told, "dim": dim, "width": width}
        return {"setting": dict(self.setting), **sizes}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights, and what is known of items."""
        return {"known": self.known, **net_arrays(self.net)}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError."""
        setting, items = setting_of(facts), whole(facts, "items", 1, 2**31)
        told = whole(facts, "told", 0, 2**20)
        sizes = whole(facts, "dim", 1, 16_384), whole(facts, "width", 1, 16_384)
        known = kept(arrays, "known", "float32", -1, -1)
        if len(known) < items:
            raise ValueError("known must tell of every item.")
        columns = known.shape[1]
        return cls(
            restored(lambda: Towers(items, columns, told, sizes, None), arrays), known, setting
        )

    @property
    def _told(self) -> int:
        return len(self.net.user_in) - self.net.ids.shape[1]

    @cached_property
    def _items(self) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            vectors, liked = self.net.item(torch.from_numpy(self.known))
            return filled(vectors, 0), filled(liked, 0)


def _told(own: Histories, columns: int) -> Tensor:
    """(users, columns) what is known of users; 0 where nothing is. Raises ValueError."""
    if own.features is None:
        return torch.zeros(len(own), columns)
    if own.features.shape != (len(own), columns):
        raise ValueError(f"users of {columns} columns are needed.")
    return torch.from_numpy(own.features)


def _sums(
    given: csr_array,
    index: NDArray[np.int64],
    vectors: Tensor,
    dropout: float = 0.0,
    chance: torch.Generator | None = None,
) -> Tensor:
    """(users, dim): the vectors of each history, summed over the root of how many there are.

    index: some users."""
    item, start, weight = as_bags(given, index)
    return embedding_bag(
        item,
        vectors,
        start,
        mode="sum",
        per_sample_weights=dropped(weight, dropout, chance),
        include_last_offset=True,
    )


def fit_two_towers(histories: Histories, setting: Setting, grounds: Grounds) -> TwoTowers:
    """Most likely items of each user. setting: epochs. Raises ValueError where nothing is known of
    items."""
    if grounds.item_features is None:
        raise ValueError("two towers need columns of items.")
    known, given = grounds.item_features, histories.matrix
    columns, told = known.shape[1], 0 if histories.features is None else histories.features.shape[1]
    users = np.asarray(given.sum(0), np.float32).ravel()
    with configured(grounds.threads, grounds.seed):
        chance = torch.Generator().manual_seed(grounds.seed)
        net = Towers(histories.items, columns, told, SIZES, chance)
        often = torch.from_numpy(np.log(users + 0.5))
        net.bias.data.copy_(often - often.mean())
        if isinstance(grounds.earlier, TwoTowers):
            begin_at(net, grounds.earlier.net)
        optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
        told_of, known_of = _told(histories, told), torch.from_numpy(known)

        def step(index: Tensor) -> None:
            rows = index.numpy()
            keep = (torch.rand(histories.items, generator=chance) >= UNKNOWN).float()
            vectors, liked = net.item(known_of, keep)
            user = net.user(_sums(given, rows, vectors, DROPOUT, chance), told_of[index])
            likely = log_softmax(steady(user, vectors.T, liked), 1)
            optimizer.zero_grad()
            loss = -(likely * torch.from_numpy(given[rows].toarray())).sum(1).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

        def so_far(epochs: int) -> TwoTowers:
            return TwoTowers(net, known, {**setting, "epochs": grounds.trained + epochs})

        rows = (len(histories), step_size(len(histories), histories.items))
        return so_far(train(net, step, rows, so_far, setting, grounds))

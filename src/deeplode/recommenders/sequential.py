"""Sequential: a recurrent net that reads a history in order and says what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from deeplode.detectors.detector import whole
from deeplode.nets.nextitem import NextItem
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.linear import checked
from deeplode.recommenders.netloop import (
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

LATEST = 50  # items that the net reads
DIM, WIDTH = 64, 128
RATE = 5e-3
DROPOUT = 0.3

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sequential:
    """net: trained, or on its way."""

    net: NextItem
    setting: Setting

    def scores(self, histories: Histories) -> Floats:
        """(users, items): logits after the latest item."""
        items = len(self.net.bias)
        own = checked(histories, items)

        def work(index: Ints) -> Tensor:
            last = own.start[index + 1]
            first = np.maximum(own.start[index], last - LATEST)
            read = windows(own, first, last)
            states = self.net(self.net.embed(torch.from_numpy(read)))
            return self.net.logits(states[torch.arange(len(index)), torch.from_numpy(last - first)])

        return by_block(len(own), items, work)

    def facts(self) -> dict[str, Any]:
        """Sizes and the setting."""
        width, dim = self.net.out.shape
        sizes = {"items": len(self.net.bias), "dim": dim, "width": width}
        return {"setting": dict(self.setting), **sizes}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights."""
        return net_arrays(self.net)

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError."""
        setting, items = setting_of(facts), whole(facts, "items", 1, 2**31)
        dim, width = whole(facts, "dim", 1, 16_384), whole(facts, "width", 1, 16_384)
        return cls(restored(lambda: NextItem(items, dim, width, None), arrays), setting)


def windows(own: Histories, first: Ints, last: Ints) -> Ints:
    """(rows, LATEST + 1) int64: the beginning, ``item[first:last]``, then filled up with it."""
    place = first[:, None] + np.arange(-1, LATEST)
    inside = (place >= first[:, None]) & (place < last[:, None])
    return np.where(inside, own.item[np.where(inside, place, 0)] if len(own.item) else 0, own.items)


def pieces(own: Histories) -> tuple[Ints, Ints]:
    """Where parts of at most LATEST items begin and end, which are all items of all histories."""
    parts = -(-own.length // LATEST)
    number = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    last = np.repeat(own.start[1:], parts) - number * LATEST
    return np.maximum(last - LATEST, np.repeat(own.start[:-1], parts)), last


def fit_sequential(histories: Histories, setting: Setting, grounds: Grounds) -> Sequential:
    """Cross-entropy of every item of every history, given those before it. setting: epochs."""
    first, last = pieces(histories)
    size = step_size(len(first), LATEST * histories.items)
    with configured(grounds.threads, grounds.seed):
        chance = torch.Generator().manual_seed(grounds.seed)
        net = NextItem(histories.items, DIM, WIDTH, chance)
        if isinstance(grounds.earlier, Sequential):
            begin_at(net, grounds.earlier.net, odd="items")
        optimizer = torch.optim.Adam(net.parameters(), lr=RATE)

        def step(index: Tensor) -> None:
            rows = index.numpy()
            item = torch.from_numpy(windows(histories, first[rows], last[rows]))
            wanted = item[:, 1:]
            states = net(dropped(net.embed(item[:, :-1]), DROPOUT, chance))
            there = wanted < histories.items
            logits = net.logits(dropped(states[there], DROPOUT, chance))
            optimizer.zero_grad()
            cross_entropy(logits, wanted[there]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

        def so_far(epochs: int) -> Sequential:
            return Sequential(net, {**setting, "epochs": grounds.trained + epochs})

        return so_far(train(net, step, (len(first), size), so_far, setting, grounds))

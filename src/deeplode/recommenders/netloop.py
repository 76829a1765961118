"""Net loop: how the nets that recommend are trained, and what is kept of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor, nn

from deeplode.detectors.detector import kept
from deeplode.recommenders.scorer import Arrays, Grounds, Scorer, Setting
from deeplode.runtime import side_by_side

# Users who are scored at once: with 16 one user takes half as long again, a thousand nine tenths.
BLOCK = 8
LOOKS = 10  # times that validation users are asked within the epochs of a setting
PATIENCE = 4  # looks without a better score
SMALL, LARGE = 32, 512  # rows of a step …
STEPS = 16  # … so that an epoch has so many steps, where that leaves a step large enough
CELLS = 2**22  # scores that a step holds: with 2**25 a step takes twice the time for each row


@dataclass
class Best:
    """The best weights so far. score: what the judge says of them; epoch: when they were."""

    score: float = -np.inf
    epoch: int = 0
    state: dict[str, Tensor] = field(default_factory=dict)

    def keep(self, net: nn.Module, score: float, epoch: int) -> None:
        """Keep a copy of the weights."""
        self.score, self.epoch = score, epoch
        self.state = {name: one.clone() for name, one in net.state_dict().items()}


def train(
    net: nn.Module,
    step: Callable[[Tensor], None],
    rows: tuple[int, int],
    as_scorer: Callable[[int], Scorer],
    setting: Setting,
    grounds: Grounds,
    begin: Callable[[], None] = lambda: None,
) -> int:
    """Train for ``setting["epochs"]``, at most where there is a judge; leaves the best weights.

    step: one step on some of the rows, (batch,) int64. rows: how many there are, and in a step.
    as_scorer: the net as it is, trained for so many epochs. begin: before each epoch.
    grounds.budget is looked at before each step.
    Returns how many epochs the weights left in the net were trained for.
    """
    chance = torch.Generator().manual_seed(grounds.seed)
    best, epochs, looked = Best(), int(setting["epochs"]), 0
    every = max(1, epochs // LOOKS)
    for epoch in range(1, epochs + 1):
        net.train()
        begin()
        for index in batches(*rows, chance):
            if grounds.budget.stop():
                break
            step(index)
        net.train(False)
        stopped = grounds.budget.stop() is not None
        if grounds.judge and (epoch % every == 0 or epoch == epochs) and not stopped:
            score = grounds.judge(as_scorer(epoch))
            looked = 0 if score > best.score else looked + 1
            if score > best.score:
                best.keep(net, score, epoch)
        if stopped or looked >= PATIENCE:
            break
    net.train(False)
    if best.state:
        net.load_state_dict(best.state)
        return best.epoch
    return epochs if not grounds.budget.stop() else epoch


@torch.no_grad()
def begin_at(net: nn.Module, earlier: nn.Module, odd: str = "") -> None:
    """Give a net the weights of an earlier one. Further items stand behind those that it knew, and
    keep the weights that they have.

    odd: name of weights whose last row is no item, and stays the last.
    """
    known = earlier.state_dict()
    for name, own in net.state_dict().items():
        items = known[name][:-1] if name == odd else known[name]
        own[tuple(slice(size) for size in items.shape)] = items
        if name == odd:
            own[-1] = known[name][-1]


def step_size(rows: int, cells: int) -> int:
    """Rows of a step. cells: numbers that the scores of a row consist of."""
    return int(max(1, min(max(rows // STEPS, SMALL), LARGE, CELLS // max(cells, 1))))


def batches(rows: int, size: int, chance: torch.Generator) -> Iterator[Tensor]:
    """All rows in a new order, shared out into steps."""
    yield from torch.split(torch.randperm(rows, generator=chance), size)


def by_block(
    users: int, items: int, work: Callable[[NDArray[np.int64]], Tensor]
) -> NDArray[np.float32]:
    """(users, items) of what ``work`` makes of the users at some positions; columns behind those
    of the items are left out.

    Always so many at a time on one thread, because a product's bits can depend on both; blocks are
    shared out among the threads.
    """
    out = np.empty((users, items), np.float32)

    @torch.no_grad()
    def fill(first: int) -> None:
        index = np.minimum(np.arange(first, first + BLOCK), users - 1)
        out[first : first + BLOCK] = work(index)[: users - first, :items].numpy()

    side_by_side(fill, range(0, users, BLOCK))
    return out


def as_bags(given: csr_array, index: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
    """Items of some users one after another, (n,) int64; where a user's begin, (users + 1,) int64;
    and weights, (n,), of length 1 for each user."""
    first = given.indptr[index].astype(np.int64)
    length = given.indptr[index + 1] - first
    start = np.concatenate([[0], np.cumsum(length)])
    item = given.indices[np.arange(start[-1]) + np.repeat(first - start[:-1], length)]
    weight = np.repeat(1 / np.sqrt(np.maximum(length, 1), dtype=np.float32), length)
    found = item.astype(np.int64), start, weight.astype(np.float32)
    return tuple(torch.from_numpy(one) for one in found)  # type: ignore[return-value]


def dropped(x: Tensor, share: float, chance: torch.Generator | None) -> Tensor:
    """Some cells set to 0 and the others made larger for it; chance None: the same again."""
    if chance is None or share <= 0:
        return x
    return x * (torch.rand(x.shape, generator=chance) >= share) / (1 - share)


def net_arrays(net: nn.Module) -> dict[str, NDArray[Any]]:
    """All weights by their names."""
    return {name: one.numpy().copy() for name, one in net.state_dict().items()}


def restored(make: Callable[[], nn.Module], arrays: Arrays) -> Any:
    """The net that ``make`` makes, with these weights.

    Nothing is allocated before every array is known to have the size that the net wants.
    Raises ValueError or KeyError for arrays that are not its weights.
    """
    with torch.device("meta"):
        net = make()
    found: Mapping[str, Tensor] = {
        name: torch.from_numpy(np.array(kept(arrays, name, "float32", *one.shape)))
        for name, one in net.state_dict().items()
    }
    net.load_state_dict(found, assign=True)
    return net.train(False).requires_grad_(False)

"""Ranks: several detectors that see different things, on one scale, weighted without labels.

Each member's score becomes minus the logarithm of the tail probability that it has among training
rows, and the weighted mean of these is the score: Fisher's combination of p-values. The tail is
that of the null (``null.py``), so that it goes on where the training rows end.

Which members take part was chosen on development data (benchmarks/oddsets.py):

- Rows that may be odd: five that look at all rows at once. Odd rows come in groups; who asks the
  few nearest rows is told by the group that all is well.
- Clean rows: the two that know best what is near: neighbours and the denoising autoencoder. To
  add PCA took 2 points of AUROC, to add isolation as well 3.

Within them, weights are the stability of each: how much of the oddest tenth stays when the
member is fitted on half of the rows and some cells of those shown to it are swapped. Measures of
quality without labels are hardly better than chance at choosing (Ma et al. 2023), and so was this
one: it is there to quieten a member that is fitted to chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_ndtr
from torch import Tensor

from deeplode.detectors.bulk import QUARTILES, Bulk, fit_bulk
from deeplode.detectors.denoise import Denoise, fit_denoise, trained
from deeplode.detectors.detector import Arrays, Detector, kept
from deeplode.detectors.histogram import Histogram, fit_histogram
from deeplode.detectors.isolation import Isolation, fit_isolation
from deeplode.detectors.neighbours import Neighbours, fit_neighbours
from deeplode.detectors.pca import Pca, fit_pca
from deeplode.parts import below, under
from deeplode.runtime import Budget

FITS: dict[str, Callable[[Tensor, int, bool, Budget, int], Detector]] = {
    "isolation": fit_isolation,
    "histogram": fit_histogram,
    "pca": fit_pca,
    "neighbours": fit_neighbours,
    "denoise": fit_denoise,
}
KINDS: dict[str, type[Any]] = {
    "isolation": Isolation, "histogram": Histogram, "pca": Pca, "neighbours": Neighbours,
    "denoise": Denoise,
}  # fmt: skip
CLEAN = ("neighbours", "denoise")  # members where the training rows are known to be normal
SAME = 4096  # training rows that weights and distributions come from, at most
FEW = 20  # rows below which halves tell nothing and all members weigh alike
NOISE = 0.05  # share of cells that come from other rows in what the halves are shown
ODDEST = 0.1  # share of the rows that should stay the same
QUICK = 300  # steps of training of the net, where only its order of rows is asked for
POWER = 1  # of that share in the weight: 2 and 4 made no difference on development data
FAR = 8.0  # spreads beyond which a tail grows by the logarithm: no member has all the say


@dataclass(frozen=True, eq=False)
class Ranks:
    """Members and what is known of each, by name.

    bulks: distribution of the scores. weights: sum up to 1; 0 for those that take no part.
    stability: in 0 … 1, see ``stable``. held: scores of training rows, ``SAME`` at most, as new
    rows of that sort would get them: what ``fit_null`` is for.
    """

    members: Mapping[str, Detector]
    bulks: Mapping[str, Bulk]
    weights: Mapping[str, float]
    stability: Mapping[str, float]
    held: NDArray[np.float64]
    name: ClassVar[str] = "ranks"

    @property
    def counting(self) -> list[str]:
        """Names of the members that take part, in an order that a model file does not change:
        sums depend on it in their last bit."""
        return sorted(name for name, weight in self.weights.items() if weight > 0)

    def score(self, x: Tensor) -> NDArray[np.float64]:
        """(rows,): weighted mean of -ln tail probability, in nats."""
        return self.combined({name: self.members[name].score(x) for name in self.counting})

    def combined(self, scores: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """(rows,): the same from the members' own scores, at least of those that take part."""
        return np.asarray(sum(self.part(name, scores[name]) for name in self.counting))

    def part(self, name: str, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(rows,): what a member of such scores adds to the score."""
        return self.weights[name] * surprise(self.bulks[name].out(scores))

    def blame(self, x: Tensor) -> NDArray[np.float64]:
        """(rows, columns): the members' blames, each made to sum up to its part in the score."""
        out = np.zeros(tuple(x.shape))
        for name in self.counting:
            part, own = self.part(name, self.members[name].score(x)), self.members[name].blame(x)
            out += own * (part / np.maximum(own.sum(axis=1), 1e-12))[:, None]
        return out

    def facts(self) -> dict[str, Any]:
        """Of every member."""
        return {
            name: {
                "weight": self.weights[name],
                "stability": self.stability[name],
                "bulk": self.bulks[name].facts(),
                "own": one.facts(),
            }
            for name, one in self.members.items()
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Of every member, under ``member.array``, and the scores that were held out."""
        parts = {name: one.arrays() for name, one in self.members.items()}
        return {**under(parts), "held": self.held}

    @classmethod
    def restore(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """The inverse. Raises ValueError, KeyError or TypeError for what could not be."""
        if not facts or not set(facts) <= set(KINDS):
            raise ValueError("These are no members of an ensemble.")
        members, bulks, weights, stability = {}, {}, {}, {}
        for name in facts:
            own = facts[name]
            members[name] = KINDS[name].restore(own["own"], below(arrays, name))
            bulks[name] = Bulk.restore(own["bulk"])
            weights[name], stability[name] = _share(own["weight"]), _share(own["stability"])
        if abs(sum(weights.values()) - 1) > 1e-6:
            raise ValueError("The weights of an ensemble must sum up to 1.")
        return cls(members, bulks, weights, stability, kept(arrays, "held", "float64", -1))


def _share(value: object) -> float:
    if type(value) is not float or not 0 <= value <= 1:
        raise TypeError(f"a weight must be a number in 0 … 1, got {value!r}.")
    return value


def surprise(out: NDArray[np.float64]) -> NDArray[np.float64]:
    """-ln of the normal tail so many spreads above the middle; beyond FAR growing by the
    logarithm."""
    near = -log_ndtr(-np.minimum(out, FAR))
    return np.asarray(near * (1 + np.log(np.maximum(out, FAR) / FAR)))


def fit_ranks(x: Tensor, chance: int, clean: bool, budget: Budget, threads: int) -> Ranks:
    """Fit all members, then weigh those that take part.

    x: (rows, columns) float32, at least 1 row and column. chance: seed. budget: its deadline
    shortens what takes long; when it is over, all weigh alike.
    """
    members = {name: fit(x, chance, clean, budget, threads) for name, fit in FITS.items()}
    return together(members, x, chance, clean, budget, threads)


def together(
    members: Mapping[str, Detector],
    x: Tensor,
    chance: int,
    clean: bool,
    budget: Budget,
    threads: int,
    blocks: NDArray[np.int64] | None = None,
) -> Ranks:
    """Weigh members that were fitted on these rows; at least one. As ``fit_ranks`` otherwise.

    blocks: (rows,) of rows that are alike because they are near in time: halves take whole ones.
    """
    order = np.random.default_rng(chance).permutation(len(x))[:SAME]
    rows = torch.from_numpy(np.sort(order))
    scores = {name: one.score(x[rows]) for name, one in members.items()}
    chosen = [name for name in (CLEAN if clean else FITS) if name in members] or list(members)
    stability = dict.fromkeys(members, 0.0) | dict.fromkeys(chosen, 1.0)
    if len(x) >= FEW:
        own = None if blocks is None else blocks[rows.numpy()]
        halves = Halves.cut(x[rows], chance, clean, own)
        for name in chosen:
            if not budget.stop():
                found = halves.scores(name, budget, threads)
                stability[name] = stable(scores[name], found.moved)
                if clean and (blocks is not None or len(x) <= SAME):
                    scores[name] = found.plain
    raw = {name: stability[name] ** POWER for name in chosen}
    total = sum(raw.values())
    weights = {name: raw.get(name, 0.0) / total if total else 1 / len(members) for name in members}
    bulks = {name: fit_bulk(np.sort(scores[name]), places=QUARTILES)[0] for name in members}
    plain = Ranks(members, bulks, weights, stability, np.empty(0))
    return replace(plain, held=plain.combined(scores))


@dataclass(frozen=True)
class Found:
    """Scores of rows by members fitted on the other half. plain, moved: (rows,), without and with
    swapped cells."""

    plain: NDArray[np.float64]
    moved: NDArray[np.float64]


@dataclass(frozen=True)
class Halves:
    """Rows cut into two, each to be scored by what was fitted on the other."""

    x: Tensor
    halves: tuple[Tensor, Tensor]
    chance: int
    clean: bool

    @classmethod
    def cut(
        cls, x: Tensor, chance: int, clean: bool, blocks: NDArray[np.int64] | None = None
    ) -> Halves:
        """At random, whole blocks if there are any."""
        chosen = torch.Generator().manual_seed(chance)
        order, middle = torch.randperm(len(x), generator=chosen), len(x) // 2
        if blocks is not None:
            places = np.unique(blocks, return_inverse=True)[1]
            shuffled = torch.randperm(int(places.max()) + 1, generator=chosen)
            by_block = shuffled[torch.from_numpy(places)]
            order = by_block.argsort(stable=True)
            middle = max(1, int((by_block < len(shuffled) // 2).sum()))
        return cls(x, (order[:middle].sort().values, order[middle:].sort().values), chance, clean)

    def scores(self, name: str, budget: Budget, threads: int) -> Found:
        """Of every row, by a member of that name."""
        plain, moved = np.empty(len(self.x)), np.empty(len(self.x))
        noise = torch.Generator().manual_seed(self.chance)
        for one, other in (self.halves, self.halves[::-1]):
            fitted = self._fitted(name, self.x[one], budget, threads)
            rows = self.x[other]
            plain[other.numpy()] = fitted.score(rows)
            moved[other.numpy()] = fitted.score(_swapped(rows, noise))
        return Found(plain, moved)

    def _fitted(self, name: str, x: Tensor, budget: Budget, threads: int) -> Detector:
        if name == "denoise" and not self.clean:  # only its order is asked for
            return trained(x, self.chance, False, budget, threads, QUICK)
        return FITS[name](x, self.chance, self.clean, budget, threads)


def _swapped(rows: Tensor, chance: torch.Generator) -> Tensor:
    """Some cells from other rows: noise that makes no value that is not in the column."""
    source = torch.randint(len(rows), rows.shape, generator=chance)
    swap = torch.rand(rows.shape, generator=chance) < NOISE
    return torch.where(swap, rows.gather(0, source), rows)


def stable(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The share of the oddest tenth by one score that is in that of the other."""
    most = max(1, round(ODDEST * len(one)))
    first, second = (set(np.argsort(-s, kind="stable")[:most].tolist()) for s in (one, other))
    return len(first & second) / most

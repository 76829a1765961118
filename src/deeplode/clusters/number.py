"""Number: how many groups there are, and how surely."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from deeplode.clusters.candidates import Form, Grouping
from deeplode.clusters.separation import Separation, separated
from deeplode.clusters.spaces import Space, directions_of
from deeplode.clusters.valley import smoothed
from deeplode.runtime import Budget

MOST = 20  # clouds that are tried
WAIT = 5  # clouds more than gave the most groups, before the search ends
COUNTED = 3_000  # rows that are counted between clouds
DIRECTIONS = 50  # principal components that valleys are looked for in
HALVES = 10  # halves of the rows that the number is found again in
ROUND = 3  # clouds around the number found that a half tries
FEWEST = 3  # rows a cloud
STARTS = 5  # of which the one with the clearest valleys is kept, where a number is asked for


@dataclass(frozen=True)
class Grounds:
    """Rows as valleys are looked for in them.

    x: (some rows, directions), smoothed. at: (some rows,) which rows of the vectors they are.
    """

    x: NDArray[np.float64]
    at: NDArray[np.int64]

    @classmethod
    def of(cls, x: Tensor, seed: int, free: NDArray[np.bool_] | None = None) -> Grounds:
        """At most COUNTED of the vectors, (rows, dimensions), in at most DIRECTIONS.

        free: (dimensions,) those that do not follow from others; all if not given. One said twice
        would be spread twice, each time otherwise, and leave a valley where there is none.
        """
        if free is not None and free.any():
            x = x[:, torch.from_numpy(free)]
        at = np.sort(np.random.default_rng(seed).permutation(len(x))[:COUNTED])
        even = torch.from_numpy(smoothed(x[torch.from_numpy(at)].double().numpy(), seed))
        spread = even - even.mean(0)
        if spread.shape[1] > DIRECTIONS:
            spread = spread @ torch.from_numpy(directions_of(spread)[1][:, :DIRECTIONS].copy())
        return cls(spread.numpy(), at)


@dataclass(frozen=True)
class Found:
    """Groups in one space.

    separation: between the groups, on the rows that were counted. tried: {clouds: groups}.
    """

    grouping: Grouping
    separation: Separation
    tried: dict[int, int]


@dataclass(frozen=True)
class Stability:
    """What halves of the rows say.

    low, high: number of groups, between which nineteen in twenty halves find it. agreement: mean
    adjusted Rand index of a half's groups and the answer's, on all rows.
    """

    low: int
    high: int
    agreement: float
    halves: int


def find(
    name: str, space: Space, form: Form, x: Tensor, grounds: Grounds,
    clusters: int | None, seed: int, budget: Budget,
) -> Found:  # fmt: skip
    """Form groups of vectors, (rows, dimensions), so many as asked for or as have valleys between.

    clusters: how many, None to find out: of 2, 3, … clouds, those without a valley between count
    as one; the clouds that leave most groups answer.
    """
    z = space.of(x).double().numpy()
    if clusters is not None:
        own = np.arange(clusters)
        starts = (form(z, clusters, seed + start, 1) for start in range(STARTS))
        every = (Grouping(name, space, mixture, own) for mixture in starts)
        found = [between(one, x, grounds, seed, {}) for one in every]
        return max(found, key=lambda one: one.separation.clear())
    tried = _tried(z, form, grounds, range(2, 1 + _most(len(z))), seed, budget)
    best = max(tried, key=lambda clouds: (tried[clouds], -clouds), default=1)
    if tried.get(best, 1) == 1:
        grouping = Grouping(name, space, form(z, 1, seed), np.zeros(1, np.int64))
        return between(grouping, x, grounds, seed, tried)
    mixture = form(z[grounds.at], best, seed)
    labels = mixture.log_joint(z[grounds.at]).argmax(1)
    group = separated(grounds.x, labels, best, seed).groups()
    return _parted(Grouping(name, space, mixture, group), x, grounds, seed, tried)


def stability(found: Found, form: Form, x: Tensor, grounds: Grounds, seed: int,
              budget: Budget) -> Stability | None:  # fmt: skip
    """Form the groups again of halves of the rows. None where there was no time for two.

    x: the vectors that formed them.
    """
    grouping, numbers, alike = found.grouping, [], []
    z = grouping.space.of(x[torch.from_numpy(grounds.at)]).double().numpy()
    answer = grouping.at(z).argmax(1)
    for half in range(HALVES):
        if budget.stop():
            break
        own = np.random.default_rng((seed, half)).permutation(len(z))[: max(2, len(z) // 2)]
        part = Grounds(grounds.x[own], np.arange(len(own)))
        if found.tried:
            near = len(grouping.mixture)
            most = min(_most(len(own)), near + ROUND)
            clouds = range(max(2, near - ROUND), most + 1)
            tried = _tried(z[own], form, part, clouds, seed + half, budget)
            best = max(tried, key=lambda one: (tried[one], -one), default=1)
            numbers.append(tried.get(best, 1))
        else:
            best = len(grouping.mixture)
            numbers.append(best)
        again = form(z[own], min(best, len(own)), seed + half, 1)
        labels = again.log_joint(z).argmax(1)
        if found.tried and best > 1:
            group = separated(part.x, labels[own], best, seed + half).groups()
            labels = group[labels]
        alike.append(adjusted_rand_score(answer, labels))
    if len(alike) < 2:
        return None
    low, high = np.quantile(numbers, (0.025, 0.975))
    return Stability(int(np.floor(low)), int(np.ceil(high)), float(np.mean(alike)), len(alike))


def _tried(
    z: NDArray[np.float64], form: Form, grounds: Grounds, clouds: range, seed: int, budget: Budget
) -> dict[int, int]:
    """{clouds: groups that have valleys between}, until more clouds have long given no more."""
    found: dict[int, int] = {}
    rows = z[grounds.at]
    for count in clouds:
        best = max(found, key=lambda one: (found[one], -one), default=count)
        if budget.stop() or count > max(best, clouds[0]) + WAIT:
            break
        labels = form(rows, count, seed).log_joint(rows).argmax(1)
        found[count] = int(separated(grounds.x, labels, count, seed).groups().max()) + 1
    return found


def _parted(
    grouping: Grouping, x: Tensor, grounds: Grounds, seed: int, tried: dict[int, int]
) -> Found:
    """The groups, joined until there is a valley between any two."""
    while True:
        found = between(grouping, x, grounds, seed, tried)
        joined = found.separation.groups()
        if int(joined.max()) + 1 == grouping.groups:
            return found
        grouping = replace(grouping, group=joined[grouping.group])


def between(
    grouping: Grouping, x: Tensor, grounds: Grounds, seed: int, tried: dict[int, int]
) -> Found:
    """What lies between the groups of a grouping. x: the vectors that formed them."""
    few = grouping.space.of(x[torch.from_numpy(grounds.at)]).double().numpy()
    labels = grouping.at(few).argmax(1)
    return Found(grouping, separated(grounds.x, labels, grouping.groups, seed), tried)


def _most(rows: int) -> int:
    return min(MOST, max(1, rows // FEWEST))

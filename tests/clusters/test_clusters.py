"""Groups are where valleys are: found in clouds, not in noise, and the same whatever the order."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deeplode.clusters.candidates import CANDIDATES
from deeplode.clusters.embedding import CONTRASTED
from deeplode.clusters.mixture import Mixture, fit_gaussian, fit_spheres
from deeplode.clusters.neighbourgraph import nearest
from deeplode.clusters.number import Grounds, find
from deeplode.clusters.separation import separated
from deeplode.clusters.valley import Counts, judged, smoothed
from deeplode.runtime import Budget

DRAWS = 20


def clouds(groups: int, rows: int = 300, columns: int = 5, seed: int = 0) -> np.ndarray:
    chance = np.random.default_rng(seed)
    middles = chance.permutation(np.eye(columns))[:groups] * 8
    return np.concatenate([chance.normal(one, size=(rows // groups, columns)) for one in middles])


def number(x: np.ndarray, seed: int = 0) -> int:
    rows = torch.from_numpy(x).float()
    fit_space, form = CANDIDATES["k_means"]
    budget = Budget.begin(None, None)
    space = fit_space(rows, seed, budget, 1)
    found = find("k_means", space, form, rows, Grounds.of(rows, seed), None, seed, budget)
    return found.grouping.groups


@pytest.mark.parametrize("groups", [2, 3, 5])
def test_clouds_apart_are_found_and_counted(groups: int) -> None:
    assert number(clouds(groups)) == groups


def test_two_tight_clouds_of_values_that_repeat_are_two_however_the_columns_hang_together() -> None:
    chance = np.random.default_rng(0)
    one, two = (np.repeat([0, 10], 50) + chance.integers(0, 2, 100) for _ in range(2))
    on_a_line = np.repeat([0.0, 5.0], 50) + chance.normal(0, 0.1, 100)
    for columns in ((one, two), (one, one), (on_a_line, on_a_line), (on_a_line.round(1),) * 2):
        x = np.stack(columns, 1).astype(float)
        assert number((x - x.mean(0)) / x.std(0)) == 2


@pytest.mark.parametrize("draw", ["uniform", "normal", "levels", "doubling", "twice", "counts"])
def test_noise_has_no_groups(draw: str) -> None:
    found = []
    for seed in range(DRAWS):
        chance = np.random.default_rng(1000 + seed)
        draws = {
            "uniform": chance.random((400, 4)),
            "normal": chance.normal(size=(400, 4)),
            "levels": chance.integers(0, 3, (400, 4)).astype(float),
            "doubling": 2.0 ** chance.integers(0, 6, (400, 4)),
            "twice": np.stack([age := chance.integers(20, 32, 400), 2026 - age], 1).astype(float),
            "counts": chance.negative_binomial(1, 0.05, (400, 4)).astype(float),
        }
        x = draws[draw]
        found.append(number((x - x.mean(0)) / x.std(0), seed))
    assert sum(one > 1 for one in found) <= 1, found


def test_a_cloud_cut_in_half_has_no_valley_and_two_clouds_have_one() -> None:
    chance = np.random.default_rng(0)
    one = chance.normal(size=(600, 3))
    assert not separated(one, (one[:, 0] > 0).astype(np.int64), 2, 0).apart[0, 1]
    two = clouds(2, 600, 3)
    told = separated(two, np.repeat([0, 1], 300), 2, 0)
    assert told.apart[0, 1]
    assert told.depth[0, 1] < 0.1
    assert told.low[0, 1] <= told.depth[0, 1] <= told.high[0, 1]


def test_a_third_cloud_between_two_is_not_taken_for_rows_between_them() -> None:
    chance = np.random.default_rng(0)
    x = np.concatenate([chance.normal(at, size=(200, 1)) for at in (0, 8, 16)])
    told = separated(x, np.repeat([0, 1, 2], 200), 3, 0)
    assert told.apart[~np.eye(3, dtype=bool)].all()


def test_nothing_is_said_where_a_fold_has_no_rows_of_a_group() -> None:
    assert judged(Counts(0, 50, 50, blind=1))[3] == 1.0
    assert judged(Counts(0, 50, 50))[3] < 1e-6
    assert judged(Counts(50, 50, 50))[3] > 0.4


def test_equal_values_are_spread_half_way_to_the_next_and_others_stay() -> None:
    x = np.array([[0.0], [0.0], [1.0], [5.0]])
    told = smoothed(x, 0)
    assert (np.abs(told[:2]) <= 0.5).all()
    assert told[0, 0] != told[1, 0]
    assert (told[2:] == x[2:]).all()
    assert (x == [[0.0], [0.0], [1.0], [5.0]]).all()


def test_a_gaussian_mixture_finds_the_clouds_that_rows_were_drawn_from() -> None:
    chance = np.random.default_rng(0)
    narrow = chance.normal(size=(1000, 2)) @ np.array([[2.0, 1.0], [0.0, 0.3]])
    round_one = chance.normal((9, 0), 0.5, size=(500, 2))
    found = fit_gaussian(np.concatenate([narrow, round_one]), 2, 0)
    order = np.argsort(found.means[:, 0])
    assert np.allclose(np.exp(found.log_weights[order]), (2 / 3, 1 / 3), atol=0.02)
    factor = found.precisions[order[0]]
    assert np.allclose(np.linalg.inv(factor @ factor.T), np.cov(narrow.T), rtol=0.1, atol=0.05)
    joint = found.log_joint(np.zeros((1, 2)))
    from scipy.stats import multivariate_normal

    cloud = multivariate_normal(found.means[0], np.linalg.inv(factor_of(found, 0)))
    assert joint[0, 0] == pytest.approx(cloud.logpdf(np.zeros(2)) + found.log_weights[0])


def factor_of(found: Mixture, at: int) -> np.ndarray:
    return found.precisions[at] @ found.precisions[at].T


def test_k_means_puts_rows_to_the_nearest_middle() -> None:
    x = clouds(3)
    found = fit_spheres(x, 3, 0)
    nearest_one = np.square(x[:, None] - found.means).sum(2).argmin(1)
    assert (found.probabilities(x).argmax(1) == nearest_one).all()


def test_nearest_rows_are_those_of_all_distances() -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(700, 3))).float()
    every = torch.cdist(x, x).fill_diagonal_(torch.inf)
    assert torch.equal(nearest(x, 4), every.topk(4, largest=False).indices)


def test_the_slope_of_the_contrastive_loss_is_that_of_its_value() -> None:
    scores = torch.randn(2, 7, 2, 3, dtype=torch.double, requires_grad=True)
    truth = torch.zeros(2, 7)
    (slope,) = torch.autograd.grad(CONTRASTED.value(scores, truth).sum(), scores)
    assert torch.allclose(slope, CONTRASTED.slope(scores.detach(), truth), atol=1e-10)

"""Every detector keeps the same promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from deeplode.detectors import denoise, ranks
from deeplode.detectors.denoise import Denoise
from deeplode.detectors.detector import Detector
from deeplode.detectors.neighbours import fit_neighbours
from deeplode.detectors.ranks import FITS, Ranks, fit_ranks
from deeplode.runtime import Budget

ALL: dict[str, Callable[..., Detector]] = {**FITS, "ranks": fit_ranks}
EACH = pytest.mark.parametrize("name", ALL)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nets are trained for a moment only."""
    monkeypatch.setattr(denoise, "STEPS", 150)
    monkeypatch.setattr(ranks, "QUICK", 40)


def rows(count: int = 300, columns: int = 6, seed: int = 0) -> Tensor:
    """Normal rows in three dependent directions, the first ten of them torn out of place."""
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 3, generator=chance) @ torch.randn(3, columns, generator=chance)
    x += 0.3 * torch.randn(count, columns, generator=chance)
    x /= 2
    x[:10] += 4 * torch.randn(x[:10].shape, generator=chance).sign()
    return x


def fitted(name: str, x: Tensor, seed: int = 0, clean: bool = False) -> Any:
    return ALL[name](x, seed, clean, Budget(), 1)


@EACH
@pytest.mark.parametrize("clean", [False, True])
def test_planted_anomalies_are_found(name: str, clean: bool) -> None:
    x = rows()
    score = fitted(name, x[10:] if clean else x, clean=clean).score(x)
    assert (score[:10, None] > score[10:]).mean() > 0.9


@EACH
def test_a_score_depends_on_no_other_row_and_on_no_batch_size(name: str) -> None:
    x = rows()
    one = fitted(name, x)
    score, blame = one.score(x), one.blame(x)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    assert (one.score(x[order]) == score[order]).all()
    assert (one.score(x[7:8]) == score[7:8]).all()
    assert (one.blame(x[7:9]) == blame[7:9]).all()
    assert one.score(x[:0]).shape == (0,)


@EACH
def test_the_same_seed_gives_the_same_bits_and_leaves_the_rows_alone(name: str) -> None:
    x = rows(120)
    before = x.clone()
    first, second = fitted(name, x, 3), fitted(name, x, 3)
    assert (first.score(x) == second.score(x)).all()
    assert torch.equal(x, before)


@EACH
@pytest.mark.parametrize("clean", [False, True])
def test_what_is_restored_gives_the_same_bits(name: str, clean: bool) -> None:
    x = rows(120)
    one = fitted(name, x, clean=clean)
    again = type(one).restore(one.facts(), one.arrays())
    assert (again.score(x) == one.score(x)).all()
    assert (again.blame(x) == one.blame(x)).all()


@EACH
def test_blame_falls_on_the_column_that_is_odd(name: str) -> None:
    x = rows()
    one = fitted(name, x)
    odd = x[20:40].clone()
    odd[:, 4] = 12.0
    blame = one.blame(odd)
    assert blame.shape == odd.shape
    assert (blame >= 0).all()
    assert (blame.argmax(axis=1) == 4).mean() > 0.7


@EACH
@pytest.mark.parametrize(
    "x",
    [
        rows(1), rows(2), rows(5), rows(30)[:, :1], rows(8, 40),
        torch.ones(50, 3), torch.cat([rows(60), torch.full((60, 2), 2.5)], 1),
    ],
    ids=["1 row", "2 rows", "5 rows", "1 column", "wide", "all equal", "constant columns"],
)  # fmt: skip
@pytest.mark.parametrize("clean", [False, True])
def test_poor_rows_get_finite_answers(name: str, x: Tensor, clean: bool) -> None:
    one = fitted(name, x, clean=clean)
    more = torch.cat([x, x + 3, 1e4 * torch.ones_like(x[:1])])
    assert np.isfinite(one.score(more)).all()
    assert np.isfinite(one.blame(more)).all()


@EACH
def test_a_state_that_it_could_not_have_written_is_refused(name: str) -> None:
    one = fitted(name, rows(60))
    facts, arrays = one.facts(), one.arrays()

    def refused(facts: Any, arrays: Any) -> None:
        with pytest.raises((ValueError, KeyError, TypeError)):
            type(one).restore(facts, arrays)

    for key, value in arrays.items():
        refused(facts, {k: v for k, v in arrays.items() if k != key})
        refused(facts, {**arrays, key: value.astype(np.complex64)})
        refused(facts, {**arrays, key: value[..., None]})
        if value.dtype.kind == "f":
            refused(facts, {**arrays, key: np.full_like(value, np.nan)})
    for key in facts:
        refused({k: v for k, v in facts.items() if k != key}, {**arrays, "held": "none"})
        refused({**facts, key: "many"}, arrays)
        refused({**facts, key: -1}, arrays)


@EACH
def test_rows_of_another_width_are_refused(name: str) -> None:
    one = fitted(name, rows(40))
    with pytest.raises(ValueError, match="6 columns"):
        one.score(torch.zeros(3, 5))


def test_a_group_of_odd_rows_does_not_vouch_for_itself() -> None:
    x = rows(400)
    x[:20] = 3 + 0.01 * torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    score = fit_neighbours(x, 0, False, Budget(), 1).score(x)
    assert (score[:20, None] > score[20:]).mean() > 0.9


def test_nearest_rows_come_in_order_and_leave_out_the_row_itself() -> None:
    x = rows(50)
    one = fit_neighbours(x, 0, False, Budget(), 1)
    index, distance = one.nearest(x, 4)
    assert index.shape == distance.shape == (50, 4)
    assert (np.diff(distance, axis=1) >= 0).all()
    assert (distance > 0).all()
    true = torch.cdist(x[:1].double(), torch.from_numpy(one.reference[index[0]]).double())
    assert np.allclose(true.numpy(), distance[:1], atol=1e-5)
    assert fit_neighbours(x[:3], 0, False, Budget(), 1).nearest(x[:1], 10)[0].shape == (1, 2)


def test_the_denoised_row_is_nearer_to_the_rule_than_the_row() -> None:
    chance = torch.Generator().manual_seed(0)
    base = torch.randn(600, 1, generator=chance)
    one = denoise.trained(base.expand(-1, 5).contiguous(), 0, True, Budget(), 1, 400)
    odd = base[:50].repeat(1, 5)
    odd[:, 2] += 2
    gap = one.expected(odd)[:, 2] - base[:50, 0].numpy()
    assert np.abs(gap).mean() < 1
    assert isinstance(one, Denoise)


def test_a_spent_budget_still_gives_an_ensemble() -> None:
    x = rows(100)
    one = fit_ranks(x, 0, False, Budget.begin(0.0), 1)
    assert np.isfinite(one.score(x)).all()
    assert sum(one.weights.values()) == pytest.approx(1)


def test_blames_of_the_ensemble_sum_up_to_its_score() -> None:
    x = rows(100)
    one = fit_ranks(x, 0, False, Budget(), 1)
    assert isinstance(one, Ranks)
    assert np.allclose(one.blame(x).sum(axis=1), one.score(x))
    assert one.held.shape == (100,)

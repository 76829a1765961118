"""Known anomalies teach what no detector finds, and no row is scored by what learned its label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from deeplode.detectors import denoise, ranks
from deeplode.detectors.ranks import Ranks, fit_ranks
from deeplode.detectors.semisupervised import SemiSupervised, fit_semisupervised
from deeplode.runtime import Budget


@pytest.fixture(scope="module")
def rows() -> Tensor:
    """Two columns of five tell 20 of 400 rows, which lie amid the others."""
    x = torch.randn(400, 5, generator=torch.Generator().manual_seed(0))
    x[:20, :2] = torch.tensor([0.6, -0.6]) + 0.1 * x[:20, :2]
    return x


@pytest.fixture(scope="module")
def detectors(rows: Tensor) -> Ranks:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denoise, "STEPS", 20)
        patch.setattr(ranks, "QUICK", 10)
        return fit_ranks(rows, 0, False, Budget(), 1)


def first(count: int, rows: int = 400) -> np.ndarray:
    return np.arange(rows) < count


def taught(detectors: Ranks, rows: Tensor, known: np.ndarray, **more: Any) -> Any:
    return fit_semisupervised(detectors, rows, known, 0, more.get("budget", Budget()), 1)


def test_a_few_known_cases_find_the_others_of_their_sort(detectors: Ranks, rows: Tensor) -> None:
    made, honest = taught(detectors, rows, first(8))
    for scores in (made.score(rows), honest):
        assert (scores[8:20, None] > scores[20:]).mean() > 0.85
    assert (honest[:8, None] > honest[20:]).mean() > 0.8
    assert (detectors.score(rows)[:20, None] > detectors.score(rows)[20:]).mean() < 0.5
    blame = made.blame(rows[:20])
    assert blame.shape == (20, 5)
    assert (blame >= 0).all()
    assert blame[:, :2].sum() > 0.6 * blame.sum()


def test_no_row_is_scored_by_what_learned_that_it_is_known(detectors: Ranks, rows: Tensor) -> None:
    """Of labels at random nothing can be learned, but by heart."""
    known = np.random.default_rng(0).permutation(first(30))
    made, honest = taught(detectors, rows, known)
    assert (made.score(rows)[known, None] > made.score(rows)[~known]).mean() > 0.8
    assert 0.3 < (honest[known, None] > honest[~known]).mean() < 0.7


def test_a_taught_score_depends_on_no_other_row_and_outlives_a_file(
    detectors: Ranks, rows: Tensor
) -> None:
    made, _ = taught(detectors, rows, first(5))
    again = SemiSupervised.restore(made.facts(), made.arrays())
    assert (again.score(rows) == made.score(rows)).all()
    assert (again.score(rows[7:8]) == made.score(rows)[7:8]).all()
    assert (again.blame(rows[7:9]) == made.blame(rows)[7:9]).all()
    assert made.score(rows[:0]).shape == (0,)
    same, _ = taught(detectors, rows, first(5))
    assert (same.score(rows) == made.score(rows)).all()


@pytest.mark.parametrize("count", [1, 2, 399])
def test_one_known_row_or_all_but_one_get_finite_scores(
    detectors: Ranks, rows: Tensor, count: int
) -> None:
    made, honest = taught(detectors, rows, first(count), budget=Budget.begin(0.0))
    assert np.isfinite(made.score(rows)).all()
    assert np.isfinite(honest).all()


def test_bags_that_no_fit_wrote_are_refused(detectors: Ranks, rows: Tensor) -> None:
    made, _ = taught(detectors, rows, first(5), budget=Budget.begin(0.0))
    facts, arrays = made.facts(), made.arrays()
    for key in ("weights", "spread", "usual", "bags.linear", "bags.width", "bags.forest.leaf"):
        for value in (arrays[key][:-1], np.full_like(arrays[key], np.nan)):
            with pytest.raises((ValueError, KeyError, TypeError)):
                SemiSupervised.restore(facts, {**arrays, key: value})
    with pytest.raises(ValueError, match="weights"):
        SemiSupervised.restore(facts, {**arrays, "weights": -arrays["weights"]})

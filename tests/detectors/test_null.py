"""Null: a share of anomalies that is nought where there are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from deeplode.detectors import null
from deeplode.detectors.null import Null, fit_null

Draw = Callable[[np.random.Generator], NDArray[np.float64]]
NOISE: dict[str, Draw] = {
    "normal": lambda chance: chance.normal(size=500),
    "uniform": lambda chance: chance.random(500),
    "exponential": lambda chance: chance.exponential(size=500),
    "distances": lambda chance: np.sqrt(chance.chisquare(5, 500)),
}


@pytest.mark.parametrize("draw", NOISE.values(), ids=NOISE)
def test_noise_has_no_anomalies(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(null, "DRAWS", 40)
    found = [
        fit_null(draw(np.random.default_rng(seed)), False, seed).contamination
        for seed in range(100)
    ]
    assert sum(low == 0 for _, low, _ in found) >= 95
    assert np.mean([share for share, _, _ in found]) < 0.01


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_a_share_of_far_rows_is_in_the_interval(share: float) -> None:
    chance = np.random.default_rng(0)
    odd = np.arange(2000) < 2000 * share
    scores = np.where(odd, chance.normal(6, 1, 2000), chance.normal(0, 1, 2000))
    one = fit_null(scores, False, 0)
    value, low, high = one.contamination
    assert 0 < low <= value <= high
    assert low <= share <= high
    assert (scores >= one.threshold)[odd].mean() > 0.9
    assert (scores >= one.threshold)[~odd].mean() < 0.02


def test_the_share_is_never_below_what_is_known() -> None:
    scores = np.random.default_rng(0).normal(size=500)
    free, bound = fit_null(scores, False, 0), fit_null(scores, False, 0, least=0.02)
    assert free.contamination[0] < 0.02
    value, low, high = bound.contamination
    assert 0.02 == low == value <= high
    assert bound.share == 0.02
    assert bound.threshold < free.threshold


@pytest.mark.parametrize("clean", [False, True])
def test_probabilities_never_fall_with_the_score(clean: bool) -> None:
    scores = np.random.default_rng(0).exponential(size=300)
    one = fit_null(scores, clean, 0)
    found = one.probability(np.linspace(-5, 1e4, 5000))
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert found[-1] > 0.99


def test_clean_rows_raise_one_alarm_in_a_hundred() -> None:
    chance = np.random.default_rng(0)
    rates = []
    for seed in range(20):
        one = fit_null(chance.gamma(3, size=1000), True, seed)
        rates.append((chance.gamma(3, size=1000) >= one.threshold).mean())
    assert np.mean(rates) == pytest.approx(0.01, abs=0.004)


@pytest.mark.parametrize("scores", [[1.0], [1.0, 2.0], [3.0] * 50, [0.0] * 49 + [9.0]])
@pytest.mark.parametrize("clean", [False, True])
def test_few_or_equal_scores_get_an_answer(scores: list[float], clean: bool) -> None:
    one = fit_null(np.array(scores), clean, 0)
    assert np.isfinite(one.threshold)
    assert np.isfinite(one.probability(np.array([*scores, 1e9]))).all()


def test_restored_and_refused() -> None:
    one = fit_null(np.random.default_rng(0).normal(size=100), False, 0)
    facts: dict[str, Any] = one.facts()
    assert Null.restore(facts) == one
    wrong = [
        {**facts, "share": 0.0}, {**facts, "beyond": float("inf")}, {**facts, "threshold": "1"},
        {**facts, "contamination": [0.1]}, {**facts, "more": 1}, {"share": 0.5},
        {**facts, "bulk": {**facts["bulk"], "power": 1e9}}, {**facts, "bulk": None},
    ]  # fmt: skip
    for one_wrong in wrong:
        with pytest.raises((ValueError, KeyError, TypeError)):
            Null.restore(one_wrong)

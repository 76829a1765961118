"""Paired differences: real ones are found, chance is not taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from deeplode.evaluate.paired import compare, holm, over_seeds


def drawn(
    seeds: int, rows: int, effects: list[float], chance: np.random.Generator, noise: float = 0.05
) -> np.ndarray:
    """Losses of choices that differ by ``effects``, with noise of rows, of seeds and of both."""
    hard = chance.exponential(0.3, rows)
    moved = chance.normal(0, noise, (seeds, len(effects), 1))
    each = chance.normal(0, 0.1, (len(effects), rows))
    both = chance.normal(0, 0.1, (seeds, len(effects), rows))
    return hard + np.array(effects)[:, None] + moved + each + both


def test_one_seed_gives_the_paired_t_test() -> None:
    losses = drawn(1, 60, [0.0, 0.03], np.random.default_rng(0))
    found = compare(losses)
    peer = stats.ttest_rel(losses[0, 1], losses[0, 0])
    assert found.p[0, 1] == pytest.approx(peer.pvalue)
    low, high = peer.confidence_interval(0.95)
    assert (found.low[0, 1], found.high[0, 1]) == pytest.approx((low, high))
    assert (found.low[1, 0], found.high[1, 0]) == pytest.approx((-high, -low))


@pytest.mark.parametrize(
    ("seeds", "choices", "noise"),
    [(3, 6, 0.05), (3, 12, 0.02), (2, 6, 0.03), (2, 2, 0.02), (2, 2, 0.05), (3, 2, 0.05)],
)
def test_without_any_effect_fewer_than_one_in_twenty_studies_finds_one(
    seeds: int, choices: int, noise: float
) -> None:
    chance = np.random.default_rng(1)
    wrong = 0
    for _ in range(200):
        found = compare(drawn(seeds, 80, [0.0] * choices, chance, noise))
        wrong += bool((found.p < 0.05).any())
    assert wrong <= 10


def test_of_two_choices_a_difference_is_never_nearer_to_certain_than_seeds_alone_say() -> None:
    chance = np.random.default_rng(6)
    for seeds in (2, 3, 5):
        losses = drawn(seeds, 60, [0.0, 0.2], chance)
        of_seeds = losses.mean(2)
        alone = stats.ttest_rel(of_seeds[:, 1], of_seeds[:, 0]).pvalue
        found = compare(losses)
        assert found.p[0, 1] > alone
        assert (found.p[0, 1] < 0.05) == (found.low[0, 1] * found.high[0, 1] > 0)


def test_a_large_effect_is_found_and_the_small_one_beside_it_is_not() -> None:
    found = compare(drawn(3, 150, [0.0, 0.01, 1.0], np.random.default_rng(2)))
    assert found.real(0, 2)
    assert found.real(1, 2)
    assert not found.real(0, 1)


def test_a_difference_that_is_certain_but_negligible_does_not_count() -> None:
    losses = drawn(3, 100, [0.0], np.random.default_rng(3))
    found = compare(np.concatenate([losses, losses + 1e-5], 1))
    assert found.value[0, 1] == pytest.approx(1e-5)
    assert not found.real(0, 1)


def test_rows_that_belong_together_count_as_one() -> None:
    losses = drawn(1, 40, [0.0, 0.04], np.random.default_rng(4))
    often = np.repeat(losses, 10, axis=2)
    assert compare(often).p[0, 1] < compare(losses).p[0, 1]
    grouped = compare(often, groups=np.repeat(np.arange(40), 10))
    assert grouped.p[0, 1] == pytest.approx(compare(losses).p[0, 1])


def test_weights_count_as_rows_given_as_often() -> None:
    losses = drawn(2, 30, [0.0, 0.04], np.random.default_rng(5))
    weights = np.where(np.arange(30) < 10, 0.0, 1.0)
    some, all_of_them = compare(losses[:, :, 10:]), compare(losses, weights)
    assert all_of_them.value == pytest.approx(some.value)


def test_holm_corrects_as_he_wrote_it() -> None:
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_the_interval_over_seeds_is_students() -> None:
    values = np.array([0.3, 0.5, 0.4])
    value, low, high = over_seeds(values)
    peer = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert (value, low, high) == pytest.approx((0.4, *peer))
    assert over_seeds(values[:1]) == (0.3, None, None)

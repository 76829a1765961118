"""What windows tell of channels, and how far a moment is from normal."""

from __future__ import annotations

import numpy as np
import pytest

from deeplode.detectors.moments import Moments, fit_moments
from deeplode.detectors.rolling import LOG, TOLD, rolling

WINDOW = 6


def noise(moments: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(moments, channels))


def test_a_window_tells_mean_spread_movement_and_gaps_of_what_lies_in_it():
    z = noise(40)
    z[20:23, 0] = np.nan
    starts = np.where(np.arange(40) < 30, 0, 30)
    found = rolling(z, starts, WINDOW)
    for at in (3, 21, 24, 31, 38):
        own = z[max(starts[at], at + 1 - WINDOW) : at + 1]
        there = own[~np.isnan(own[:, 0]), 0]
        assert found.lengths[at] == len(own)
        mean, spread, movement, gaps = found.features[at, ::2]
        assert mean == pytest.approx(there.mean())
        assert spread == pytest.approx(np.log(there.std() + LOG))
        steps = np.diff(own[:, 0])
        moved = np.sqrt((steps[~np.isnan(steps)] ** 2).mean())
        assert movement == pytest.approx(np.log(moved + LOG))
        assert gaps == pytest.approx(1 - len(there) / len(own))


def test_a_moment_sees_nothing_of_what_comes_after_it_nor_of_another_stretch():
    z, starts = noise(30), np.where(np.arange(30) < 12, 0, 12)
    before = rolling(z, starts, WINDOW).features
    z[20:] += 100
    z[:12] -= 100
    np.testing.assert_allclose(rolling(z, starts, WINDOW).features[12:20], before[12:20], rtol=1e-9)


def test_a_wild_cell_spoils_no_window_that_it_does_not_lie_in():
    z = noise(60)
    before = rolling(z, np.zeros(60, np.int64), WINDOW).features
    z[10, 0] = 1e30
    after = rolling(z, np.zeros(60, np.int64), WINDOW).features
    np.testing.assert_allclose(after[20:], before[20:], rtol=1e-6)


def fitted(cells: np.ndarray, clean: bool = True) -> Moments:
    half = len(cells) // 2
    starts = np.repeat([0, half], [half, len(cells) - half])
    return fit_moments(
        cells, starts, [slice(0, half), slice(half, len(cells))], WINDOW, clean
    ).moments


@pytest.mark.parametrize("clean", [True, False])
def test_a_shift_a_wilder_and_a_dead_channel_are_far_from_normal(clean: bool) -> None:
    made = fitted(50 + 3 * noise(400), clean)
    odd = 50 + 3 * noise(60, seed=1)
    odd[20:40, 0] += 15
    odd[40:, 1] = np.nan
    x = np.abs(made.of(odd, np.zeros(60, np.int64), np.zeros(60, np.int64)).numpy())
    mean, _, _, gaps = x.reshape(60, TOLD, 2).transpose(1, 0, 2)
    assert mean[30, 0] > 3 * mean[10:20, 0].max()
    assert gaps[50, 1] > 10
    assert np.isfinite(x).all()


def test_what_drifts_by_itself_must_go_further_to_be_odd():
    cells = noise(800)
    cells[:, 1] += np.tile(np.linspace(0, 20, 400), 2)
    made = fitted(cells)
    drifting, steady = made.unit[1] * made.width[0, 1], made.unit[0] * made.width[0, 0]
    assert drifting > 3 * steady


def test_baselines_come_back_from_what_was_written():
    made = fitted(noise(200))
    again = Moments.restore(made.facts(), made.arrays())
    cells, at = noise(20), np.zeros(20, np.int64)
    assert np.array_equal(again.of(cells, at, at), made.of(cells, at, at))
    with pytest.raises(ValueError, match="no baselines"):
        Moments.restore(made.facts(), {**made.arrays(), "width": -made.width})


def test_a_channel_that_never_moved_is_odd_once_it_does():
    cells = np.column_stack([noise(200, 1)[:, 0], np.full(200, 7.0)])
    made = fitted(cells)
    moved = np.column_stack([noise(12, 1)[:, 0], np.full(12, 8.0)])
    at = np.zeros(12, np.int64)
    assert made.of(moved, at, at)[-1, 1] > 20

"""Log-mel spectrograms against what SciPy says, and against what can be said without computing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import stft

from deeplode.encode.mel import RANGE, Mel, decibels, hertz, mel

MEL = Mel(8_000, 40, 64)


def tone(frequency: float, seconds: float = 0.5, rate: int = 8_000) -> np.ndarray:
    """(n,) float32, full scale."""
    time = np.arange(round(seconds * rate)) / rate
    return np.sin(2 * np.pi * frequency * time).astype(np.float32)


def by_formula(sound: np.ndarray, given: Mel) -> np.ndarray:
    """(bands, frames) bytes, by the definition, one band and one frame after the other."""
    before = (given.samples - len(sound)) // 2
    whole = np.pad(sound.astype(np.float64), (before, given.samples - len(sound) - before))
    _, _, found = stft(
        whole,
        window="hann",
        nperseg=given.window,
        noverlap=given.window - given.hop,
        nfft=given.fft,
        boundary=None,
        padded=False,
        scaling="spectrum",
    )
    power = np.abs(found) ** 2
    low, high = 2595 * np.log10(1 + np.array([60, given.rate / 2]) / 700)
    edges = 700 * (10 ** (np.linspace(low, high, given.bands + 2) / 2595) - 1)
    energy = np.zeros((given.bands, given.frames))
    for band in range(given.bands):
        below, centre, above = edges[band : band + 3]
        for number in range(given.fft // 2 + 1):
            frequency = number * given.rate / given.fft
            if below < frequency <= centre:
                energy[band] += power[number] * (frequency - below) / (centre - below)
            elif centre < frequency < above:
                energy[band] += power[number] * (above - frequency) / (above - centre)
    decibel = 10 * np.log10(np.maximum(energy / energy.max(), 1e-30))
    return np.clip(np.rint(255 * (decibel / 80 + 1)), 0, 255)


def test_a_spectrogram_is_what_an_independent_calculation_gives() -> None:
    noise = np.random.default_rng(0).normal(size=3_000) * np.linspace(1, 0.01, 3_000)
    picture, _ = MEL.picture(noise.astype(np.float32))
    assert picture.shape == (40, 64)
    assert picture.dtype == np.uint8
    assert np.abs(picture - by_formula(noise, MEL)).max() <= 1


def test_mel_is_htks_and_its_inverse_is_its_inverse() -> None:
    assert mel(np.array([0.0, 1_000.0])) == pytest.approx([0.0, 999.9855], abs=1e-3)
    frequencies = np.linspace(0, 8_000, 50)
    assert hertz(mel(frequencies)) == pytest.approx(frequencies, abs=1e-6)


@pytest.mark.parametrize("rate", [1_000, 2_000, 8_000, 11_025, 16_000])
@pytest.mark.parametrize("bands", [40, 64])
def test_no_band_is_empty_and_neighbours_add_up_to_one(rate: int, bands: int) -> None:
    given = Mel(rate, bands, 32)
    filters = given.filters.toarray()
    assert filters.shape == (bands, given.fft // 2 + 1)
    assert (filters.max(1) > 0.2).all()
    bins = np.arange(given.fft // 2 + 1) * rate / given.fft
    inside = (bins > given.edges[1]) & (bins < given.edges[-2])
    assert filters[:, inside].sum(0) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("band", [3, 17, 30, 38])
def test_a_pure_tone_lands_in_its_band(band: int) -> None:
    picture, heard = MEL.picture(tone(MEL.edges[band + 1]))
    middle = (heard.start + heard.stop) // 2
    assert int(picture[:, middle].argmax()) == band
    far = np.abs(np.arange(40) - band) > 8
    assert picture[far, middle].max() < 255 * (1 - 40 / RANGE)  # 40 dB below


def test_a_click_stands_in_the_frames_that_look_at_it() -> None:
    click = np.zeros(MEL.samples, np.float32)
    click[2_000] = 1.0
    picture, _ = MEL.picture(click)
    frames = np.flatnonzero(picture.max(0))
    looked = [f for f in range(64) if f * MEL.hop < 2_000 < f * MEL.hop + MEL.window]
    assert set(frames) <= set(looked)
    assert frames.size


def test_loudness_does_not_matter() -> None:
    sound = tone(700) * np.linspace(0.1, 1, 4_000, dtype=np.float32)
    assert np.array_equal(MEL.picture(sound)[0], MEL.picture(sound / 64)[0])


@pytest.mark.parametrize("samples", [0, 1, 2, 79, 80, 200, 201, MEL.samples - 1, MEL.samples])
def test_silence_gives_zeros_and_short_clips_stand_in_the_middle(samples: int) -> None:
    silent, heard = MEL.picture(np.zeros(samples, np.float32))
    assert not silent.any()
    assert 0 <= heard.start < heard.stop <= MEL.frames
    picture, heard = MEL.picture(np.random.default_rng(1).normal(size=samples).astype(np.float32))
    outside = np.delete(picture, np.arange(heard.start, heard.stop), axis=1)
    assert not outside.any()
    assert abs((heard.start + heard.stop) - MEL.frames) <= 2
    assert picture.any() == (samples > 0)


def test_bytes_are_decibels() -> None:
    assert decibels(np.array([0, 255], np.uint8)).tolist() == [-RANGE, 0.0]

"""Pictures of sounds for the report."""

from __future__ import annotations

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from deeplode.report.spectrograms import HIGHEST, WIDEST, axes, spectrogram
from deeplode.report.words import Words

FITS = 60_000  # signs that the page takes for one picture


def drawn(source: str) -> np.ndarray:
    """(height, width, 3) of a data address."""
    assert re.fullmatch(r"data:image/png;base64,[A-Za-z0-9+/]+=*", source)
    image = Image.open(BytesIO(base64.b64decode(source.partition(",")[2])))
    return np.asarray(image.convert("RGB")).astype(int)


def test_low_bands_are_at_the_bottom_and_time_runs_to_the_right() -> None:
    cell = np.zeros((40, 88), np.uint8)
    cell[2, 80] = 255
    light = drawn(spectrogram(cell)).sum(2)
    assert light.shape == (40, 88)
    assert np.unravel_index(int(light.argmax()), light.shape) == (37, 80)


def test_louder_is_brighter_at_every_step() -> None:
    light = drawn(spectrogram(np.arange(256, dtype=np.uint8)[None])) @ [0.299, 0.587, 0.114]
    assert light.shape == (1, 256)
    assert (np.diff(light[0]) >= -1).all()
    assert light[0, -1] > 200 + light[0, 0]


@pytest.mark.parametrize("shape", [(1, 1), (64, 88), (64, 400), (256, 4_096)])
def test_any_clip_fits_into_the_page(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    source = spectrogram(noise)
    assert len(source) < FITS
    assert drawn(source).shape[:2] == (min(shape[0], HIGHEST), min(shape[1], WIDEST))


@pytest.mark.parametrize(("language", "word"), [("en", "0.88 seconds"), ("zh", "0.88 秒")])
def test_axes_are_told_in_words(language: str, word: str) -> None:
    told = axes(0.88, (83.1, 3_872.0), Words(language))
    assert word in told
    assert "83" in told
    assert "3,900" in told

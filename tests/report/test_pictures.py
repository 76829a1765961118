"""Small pictures within their own address."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from deeplode.report.pictures import GAP, MOST_BYTES, overlay, picture

DIGITS = np.random.default_rng(0)


def drawn(address: str) -> np.ndarray:
    kind, data = address.split(",", 1)
    assert kind == "data:image/png;base64"
    assert len(base64.b64decode(data)) <= MOST_BYTES
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_stands_beside_itself_with_warmth_where_the_net_looked(channels):
    smooth = np.linspace(0, 255, 64 * 64 * channels).reshape(channels, 64, 64).astype(np.uint8)
    heat = np.zeros((64, 64))
    heat[20:40, 10:30] = 1.0
    seen = drawn(overlay(smooth, heat))
    assert seen.shape == (64, 2 * 64 + GAP, 3)
    right = seen[:, 64 + GAP :]
    warmth = right[..., 0] - right[..., 2]
    assert warmth[25:35, 15:25].min() > 60
    assert abs(warmth[50:, 40:]).max() < 30
    assert abs(seen[:, :64].mean() - smooth.mean()) < 6


def test_noise_stays_small_too():
    noise = DIGITS.integers(0, 256, (3, 64, 64), dtype=np.uint8)
    assert drawn(picture(noise)).shape == (64, 64, 3)
    drawn(overlay(noise, DIGITS.random((64, 64))))

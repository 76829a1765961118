"""Small pictures for the report: an image of the data, beside itself with what the net looked at.

Each is a PNG within its address (``data:``), so that a report stays one file. Drawn at the size
that the net saw; a browser enlarges it.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

COLOURS = 48  # of a picture: enough to see, a few kilobytes
MOST_BYTES = 6_000  # of a picture; a larger one is drawn with fewer colours
GAP = 2  # pixels between an image and its copy
WARM = np.array([255.0, 95.0, 0.0])  # of what was looked at most
VEIL = 0.65  # how much of it covers the image there, at most


def picture(pixels: np.ndarray) -> str:
    """The address of an image. pixels: (channels, height, width) uint8, grey or colours."""
    return _address(_coloured(pixels))


def overlay(pixels: np.ndarray, heat: np.ndarray) -> str:
    """The address of an image beside itself under a warm veil where the net looked.

    pixels: (channels, height, width) uint8. heat: (height, width) of 0 … 1.
    """
    plain = _coloured(pixels)
    grey = plain.mean(2, keepdims=True)
    veil = VEIL * np.clip(heat, 0.0, 1.0)[:, :, None]
    looked = (grey * (1 - veil) + WARM * veil).round().astype(np.uint8)
    gap = np.full((len(plain), GAP, 3), 255, np.uint8)
    return _address(np.concatenate([plain, gap, looked], axis=1))


def _coloured(pixels: np.ndarray) -> np.ndarray:
    """(height, width, 3) uint8."""
    return np.repeat(pixels, 3 // len(pixels), axis=0).transpose(1, 2, 0)


def _address(pixels: np.ndarray) -> str:
    """pixels: (height, width, 3) uint8."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    colours = COLOURS
    while True:
        stream = io.BytesIO()
        image.quantize(colours, Image.Quantize.MEDIANCUT).save(stream, "PNG", optimize=True)
        if len(stream.getvalue()) <= MOST_BYTES or colours <= 4:
            break
        colours //= 2
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")

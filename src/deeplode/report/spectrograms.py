"""Spectrograms: an encoded clip as a small picture for the report."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np

from deeplode.report.words import Words

WIDEST, HIGHEST = 400, 96  # pixels: as many frames and bands as help a reader

# From silence to the loudest: colour of every quarter. Brightness rises evenly, so that it reads
# in grey and by eyes that tell fewer colours apart.
_COLOURS = ((6, 8, 24), (58, 22, 96), (158, 42, 99), (238, 121, 60), (252, 246, 190))


def spectrogram(cell: np.ndarray) -> str:
    """A clip as a PNG in a data address: time to the right, pitch upwards, bright is loud.

    cell: (bands, frames) uint8, as the encoder gives it. What is larger than the picture is
    averaged.
    """
    from PIL import Image

    bands, frames = cell.shape
    image = Image.fromarray(np.ascontiguousarray(cell[::-1]))
    size = (min(frames, WIDEST), min(bands, HIGHEST))
    if image.size != size:
        image = image.resize(size, Image.Resampling.BOX)
    image = image.convert("P")
    image.putpalette(_palette())
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def axes(seconds: float, hertz: tuple[float, float], words: Words) -> str:
    """What the axes of a spectrogram are. hertz: of the lowest and the highest band."""
    low, high = (words.figure(float(f"{edge:.2g}")) for edge in hertz)
    return words("R-AUDIO-AXES", seconds=words.figure(seconds, 2), low=low, high=high)


def _palette() -> list[int]:
    """Red, green and blue of each byte."""
    stops = np.linspace(0, 255, len(_COLOURS))
    shades = [np.interp(np.arange(256), stops, part) for part in zip(*_COLOURS, strict=True)]
    return [int(value) for value in np.rint(np.stack(shades, 1)).ravel()]

"""Row map: all rows in two dimensions as one small picture, however many there are."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplode.report.palette import PALETTE

SIDE = 480  # pixels
EDGE = 0.005  # share of the rows beyond each side, which are drawn on it
MARGIN = 12  # pixels around the rows
FAINT = 0.6  # opacity of a single row
GREY = (136, 136, 136)  # rows that belong nowhere


def drawn(places: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, Any]:
    """The picture's address, and where the groups' numbers stand.

    places: (rows, 2). labels: (rows,) 0 …, below 0 nowhere. Each pixel has the colour of its
    rows, mixed, and is the stronger the more there are.
    """
    low, high = np.quantile(places, (EDGE, 1 - EDGE), axis=0)
    width = np.maximum(high - low, 1e-9)
    at = np.clip((places - low) / width, 0, 1) * (SIDE - 1 - 2 * MARGIN) + MARGIN
    pixels = np.rint(at).astype(np.int64)
    spot = (SIDE - 1 - pixels[:, 1]) * SIDE + pixels[:, 0]
    colours = np.array([*PALETTE, GREY], np.float64)
    which = np.where(labels < 0, len(PALETTE), labels % len(PALETTE))
    counts = np.bincount(spot, minlength=SIDE * SIDE)
    mixed = (
        np.stack([np.bincount(spot, colours[which, part], SIDE * SIDE) for part in range(3)], 1)
        / np.maximum(counts, 1)[:, None]
    )
    strong = np.where(counts > 0, np.maximum(FAINT, 1 - 0.7**counts), 0.0)
    image = np.concatenate([mixed, 255 * strong[:, None]], 1).round().astype(np.uint8)
    marks = [
        {"cluster": int(group) + 1, "x": float(middle[0]), "y": float(SIDE - 1 - middle[1])}
        for group in np.unique(labels[labels >= 0])
        if len(middle := np.median(at[labels == group], axis=0))
    ]
    return {"image": _address(image.reshape(SIDE, SIDE, 4)), "side": SIDE, "marks": marks}


def _address(pixels: NDArray[np.uint8]) -> str:
    stream = io.BytesIO()
    thick = _thickened(pixels)
    Image.fromarray(thick, "RGBA").quantize(255, dither=Image.Dither.NONE).save(
        stream, "PNG", optimize=True
    )
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _thickened(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every pixel without rows takes the look of its strongest neighbour, fainter."""
    out = pixels.copy()
    for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        moved = np.roll(pixels, (down, right), (0, 1))
        weaker = out[..., 3] < moved[..., 3] // 2
        out[weaker] = moved[weaker]
        out[weaker, 3] //= 2
    return out

"""Windows of series as small line charts for the report."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT, EDGE = 240, 96, 4  # pixels
FINER = 3  # times as many are drawn, then averaged
MOST = 6  # channels that are drawn
# Told apart by people who tell fewer colours apart, too: Okabe and Ito, 2008.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def moving(cells: np.ndarray) -> list[int]:
    """The channels to draw, rising: those whose second half lies furthest from the first.

    cells: (rows, channels, moments), scaled alike.
    """
    half = cells.shape[2] // 2
    ends = cells[:, :, half:].mean(2), cells[:, :, : max(1, half)].mean(2)
    return sorted(np.argsort(-np.abs(ends[0] - ends[1]).mean(0), kind="stable")[:MOST].tolist())


def lines(cell: np.ndarray, channels: Sequence[int]) -> str:
    """A window as a PNG in a data address: time to the right, each channel in a lane of
    its own, over its own range.

    cell: (channels, moments) without NaN.
    """
    size = (WIDTH * FINER, HEIGHT * FINER)
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    left, right = EDGE * FINER, (WIDTH - EDGE) * FINER
    lane = (HEIGHT - EDGE) * FINER / max(1, len(channels))
    across = np.linspace(left, right, cell.shape[1])
    for number, (channel, colour) in enumerate(zip(channels, COLOURS, strict=False)):
        top, bottom = number * lane + EDGE * FINER, (number + 1) * lane
        values = cell[channel]
        low, high = float(values.min()), float(values.max())
        share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
        points = list(zip(across.tolist(), (bottom - share * (bottom - top)).tolist(), strict=True))
        if len(points) == 1:
            points = [(left, points[0][1]), (right, points[0][1])]
        pen.line(points, colour, 2 * FINER, "curve")
    image = image.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    file = BytesIO()
    image.quantize(32).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")

"""Mel: log-mel spectrograms, from samples of sound to pictures of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

HOP, WINDOW = 0.010, 0.025  # seconds from one frame to the next, and that a frame looks at
LOWEST = 60.0  # Hz: the lowest band begins above the hum of mains and what is no sound at all
SHORTEST_FFT = 512
RANGE = 80.0  # dB below the loudest cell of a clip at which byte 0 stands; byte 255 is the loudest


def mel(hertz: np.ndarray) -> np.ndarray:
    """Hz to mel, by the formula of HTK: 2595 log10(1 + f / 700)."""
    return np.asarray(2595.0 * np.log10(1.0 + hertz / 700.0))


def hertz(mels: np.ndarray) -> np.ndarray:
    """The inverse of ``mel``."""
    return np.asarray(700.0 * (10.0 ** (mels / 2595.0) - 1.0))


@dataclass(frozen=True)
class Mel:
    """What a clip's picture is made by. rate: samples a second. bands, frames: its size."""

    rate: int
    bands: int
    frames: int

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return max(1, round(HOP * self.rate))

    @property
    def window(self) -> int:
        """Samples that a frame looks at."""
        return max(2, round(WINDOW * self.rate))

    @property
    def samples(self) -> int:
        """Samples that all frames look at: the longest sound that a picture holds."""
        return (self.frames - 1) * self.hop + self.window

    @property
    def fft(self) -> int:
        """Length of the Fourier transform: at least two windows, so that narrow bands have bins."""
        return int(max(SHORTEST_FFT, 2 ** np.ceil(np.log2(2 * self.window))))

    @cached_property
    def edges(self) -> np.ndarray:
        """(bands + 2,) Hz: band i rises from edge i to its centre i + 1 and falls to i + 2."""
        low, high = mel(np.array([min(LOWEST, self.rate / 8), self.rate / 2]))
        return hertz(np.linspace(low, high, self.bands + 2))

    @cached_property
    def filters(self) -> Any:
        """(bands, fft // 2 + 1) float32 triangles in Hz, 1 at their centres; a sparse array of
        SciPy, whose products are the same bits however many threads there are."""
        from scipy.sparse import csr_array

        bins = np.arange(self.fft // 2 + 1) * (self.rate / self.fft)
        low, centre, high = (self.edges[i : i + self.bands, None] for i in range(3))
        rise, fall = (bins - low) / (centre - low), (high - bins) / (high - centre)
        return csr_array(np.maximum(0.0, np.minimum(rise, fall)).astype(np.float32))

    @cached_property
    def _taper(self) -> np.ndarray:
        """(window,) float32, Hann's, periodic."""
        turn = 2 * np.pi * np.arange(self.window) / self.window
        return (0.5 - 0.5 * np.cos(turn)).astype(np.float32)

    def picture(self, sound: np.ndarray) -> tuple[np.ndarray, slice]:
        """A clip's spectrogram in its middle, with silence on both sides.

        sound: (n,) float32, at most ``samples`` long.
        Returns (bands, frames) uint8 and the frames that the clip reaches into. Byte b stands for
        RANGE * (b / 255 - 1) dB, relative to the loudest cell: loudness does not matter. Only
        silence gives nothing but zeros.
        """
        from scipy.fft import rfft

        before = (self.samples - len(sound)) // 2
        whole = np.zeros(self.samples, np.float32)
        whole[before : before + len(sound)] = sound
        frames = np.lib.stride_tricks.sliding_window_view(whole, self.window)[:: self.hop]
        power = np.square(np.abs(rfft(frames * self._taper, self.fft))).astype(np.float32)
        energy = self.filters @ np.ascontiguousarray(power.T)  # (bands, bins) @ (bins, frames)
        share = energy / max(float(energy.max()), float(np.finfo(np.float32).tiny))
        decibel = 10.0 * np.log10(np.maximum(share, 10.0 ** (-RANGE / 10)))
        first = max(0, -(-(before - self.window + 1) // self.hop))
        last = min(self.frames - 1, (before + max(len(sound), 1) - 1) // self.hop)
        heard = slice(min(first, last), last + 1)
        return np.rint(255.0 * (decibel / RANGE + 1.0)).astype(np.uint8), heard


def decibels(cells: np.ndarray) -> np.ndarray:
    """Bytes of a picture as dB below the clip's loudest cell, float32."""
    return np.asarray(RANGE * (cells.astype(np.float32) / 255.0 - 1.0), dtype=np.float32)

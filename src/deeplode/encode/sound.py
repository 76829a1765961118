"""Sound: the part of a clip that a model hears, as samples at one rate.

A clip that fits is taken whole. Of a longer one the loudest stretch is taken, or the loudest of
each of a few equal parts, one after the other. Of a clip beyond LISTENED seconds only a few
stretches are decoded, evenly spread, so that an hour costs no more than a minute.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from deeplode.messages import say

if TYPE_CHECKING:
    import soundfile  # here and below: half a second, for those alone who have sounds

LISTENED = 60.0  # seconds of a clip that are decoded at most
STRETCHES = 4  # in so many pieces, where it is longer
SLOWEST, FASTEST = 1_000, 384_000  # samples a second that a file may have
BLOCK = 1 << 20  # values decoded at once, all channels together
FINEST = 1_000  # largest number in a ratio of rates: keeps the filter short, errs by 1e-6
QUIETEST = 1e-5  # -100 dB: what stays below is silence
LOUDEST = 32_767  # samples are whole numbers of 16 bits, relative to the clip's peak
FADE = 0.005  # seconds at both ends of a piece that is joined to another
SLACK = 0.1  # seconds that a file may lack of what its header promises
UNKNOWN = 0x7FFF_0000  # sizes from here on are those of a stream whose end was not known
LONGEST = 2**48  # samples; a file that promises more does not know its length
FARTHEST = 1e12  # samples beyond are no sound: full scale is 1, and 2e9 in whole numbers
HEAD = 4_096  # bytes in which the header of a WAV file must end


@dataclass(frozen=True)
class Ear:
    """What of a clip is heard. rate: samples a second. samples: at most so many of them.
    pieces: parts of a longer clip that it is taken from."""

    rate: int
    samples: int
    pieces: int = 1

    def hear(self, cell: str | bytes) -> tuple[np.ndarray, float]:
        """(n,) int16 samples relative to the peak, n <= ``samples``, and the clip's seconds.

        cell: a path or the bytes of a file. Raises ValueError, saying why, when it cannot be read.
        """
        with _opened(cell) as file:
            frames, rate = file.frames, file.samplerate
            fits = frames * self.rate <= self.samples * rate
            parts = [
                _resampled(_read(file, start, count), rate, self.rate)
                for start, count in self._stretches(frames, rate, fits)
            ]
        sound = _whole(self._chosen(parts, fits))
        return sound, len(sound) / self.rate if fits else frames / rate

    def _stretches(self, frames: int, rate: int, fits: bool) -> list[tuple[int, int]]:
        """(start, count) of what is decoded, in the file's own samples."""
        most = int(LISTENED * rate)
        count = 1 if fits or (self.pieces == 1 and frames <= most) else max(self.pieces, STRETCHES)
        each = min(frames, most) // count
        return [((2 * i + 1) * frames // (2 * count) - each // 2, each) for i in range(count)]

    def _chosen(self, parts: list[np.ndarray], fits: bool) -> np.ndarray:
        """The loudest of all parts, or the loudest of each, joined."""
        if fits:
            return parts[0][: self.samples]
        if self.pieces == 1:
            found = [_loudest(part, self.samples) for part in parts]
            return max(found, key=lambda part: float(np.square(part, dtype=np.float64).sum()))
        each = self.samples // len(parts)
        return np.concatenate([_faded(_loudest(part, each), self.rate) for part in parts])


def facts(cell: str | bytes) -> tuple[int, float]:
    """Samples a second and seconds of a clip, from its header. Raises ValueError if unreadable."""
    with _opened(cell) as file:
        return file.samplerate, file.frames / file.samplerate


def wav(samples: np.ndarray, rate: int) -> bytes:
    """The bytes of a WAV file of one channel. samples: (n,) int16."""
    import soundfile

    file = BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


class _Source:
    """A binary file for libsndfile, which must not raise: a broken header can ask for anything."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go there, or to the nearest place that there is."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.file.tell()}.get(whence, self.size)
        return self.file.seek(min(max(0, start + offset), self.size))

    @property
    def size(self) -> int:
        """Bytes."""
        here = self.file.tell()
        size = self.file.seek(0, os.SEEK_END)
        self.file.seek(here)
        return size

    def readinto(self, buffer: bytearray) -> int:
        """Fill the buffer as far as there are bytes."""
        try:
            return self.file.readinto(buffer)  # type: ignore[attr-defined, no-any-return]
        except OSError:
            return 0

    def tell(self) -> int:
        """Where it stands."""
        return self.file.tell()


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to opens at once, and is refused then."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _binary(cell: str | bytes) -> BinaryIO:
    """The bytes of a regular file, or these bytes. Raises ValueError, saying why not."""
    if isinstance(cell, bytes):
        return BytesIO(cell)
    try:
        file = open(cell, "rb", opener=_without_waiting)  # noqa: SIM115 - needs an opener
    except (OSError, ValueError) as error:  # a name with a zero byte in it, or half a character
        told = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(say("W-AUDIO-001", error=told)) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError(say("W-AUDIO-002"))
    return file


@contextmanager
def _opened(cell: str | bytes) -> Iterator[soundfile.SoundFile]:
    """A sound file whose header can be believed. Raises ValueError, saying why it cannot."""
    import soundfile

    with _binary(cell) as raw:
        head = raw.read(HEAD)
        size = raw.seek(0, os.SEEK_END)
        raw.seek(0)
        if not head:
            raise ValueError(say("W-AUDIO-003"))
        _check_size(head, size)
        try:
            with soundfile.SoundFile(_Source(raw)) as file:
                _check_header(file)
                yield file
        except soundfile.LibsndfileError as error:
            raise ValueError(say("W-AUDIO-004", error=error.error_string)) from error


def _check_size(head: bytes, size: int) -> None:
    """Raise ValueError when a WAV file ends before the sound that its header promises."""
    at = 12
    while head[:4] == b"RIFF" and head[8:12] == b"WAVE" and at + 8 <= len(head):
        held = int.from_bytes(head[at + 4 : at + 8], "little")
        if head[at : at + 4] == b"data":
            if held < UNKNOWN and at + 8 + held > size + 1:
                raise ValueError(say("W-AUDIO-005", promised=held, held=size - at - 8))
            return
        at += 8 + held + held % 2


def _check_header(file: soundfile.SoundFile) -> None:
    """Raise ValueError for a rate or a length that no sound has."""
    if not SLOWEST <= file.samplerate <= FASTEST:
        raise ValueError(say("W-AUDIO-006", rate=file.samplerate, slowest=SLOWEST, fastest=FASTEST))
    if not 0 < file.frames <= LONGEST:
        raise ValueError(say("W-AUDIO-007"))


def _read(file: soundfile.SoundFile, start: int, count: int) -> np.ndarray:
    """(count,) float32, the mean of all channels. Raises ValueError for what is no sound."""
    if start != file.tell():
        file.seek(start)
    parts, got = [], 0
    while got < count:
        block = file.read(min(count - got, max(1, BLOCK // file.channels)), "float32", True)
        if not len(block):
            break
        got += len(block)
        with np.errstate(over="ignore", invalid="ignore"):
            parts.append(block.mean(axis=1))
            if not float(np.abs(parts[-1]).max()) < FARTHEST:
                raise ValueError(say("W-AUDIO-008"))
    if got < count - SLACK * file.samplerate or not got:
        raise ValueError(say("W-AUDIO-009", promised=count, held=got))
    return np.concatenate(parts)


@lru_cache(maxsize=32)
def _filter(most: int) -> np.ndarray:
    """Keeps what both rates can hold; ``most``: the larger number of their ratio."""
    from scipy.signal import firwin

    return np.asarray(firwin(20 * most + 1, 1 / most, window=("kaiser", 5.0)), np.float32)


def _resampled(sound: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """(n,) float32 at ``rate`` to ``wanted`` samples a second."""
    if rate == wanted:
        return sound
    from scipy.signal import resample_poly

    ratio = Fraction(wanted, rate).limit_denominator(FINEST)
    up, down = ratio.numerator, ratio.denominator
    found = resample_poly(sound, up, down, window=_filter(max(up, down)))
    return np.asarray(found, dtype=np.float32)


def _loudest(sound: np.ndarray, count: int) -> np.ndarray:
    """The ``count`` samples in a row with the most energy; all, where there are no more."""
    if len(sound) <= count:
        return sound
    energy = np.concatenate([[0.0], np.square(sound, dtype=np.float64).cumsum()])
    start = int(np.argmax(energy[count:] - energy[:-count]))
    return sound[start : start + count]


def _faded(sound: np.ndarray, rate: int) -> np.ndarray:
    """The same with soft ends, so that no joint clicks."""
    count = min(round(FADE * rate), len(sound) // 2)
    ramp = (np.arange(count) + 0.5) / max(count, 1)
    level = np.ones(len(sound), np.float32)
    level[:count], level[len(sound) - count :] = ramp, ramp[::-1]
    return sound * level


def _whole(sound: np.ndarray) -> np.ndarray:
    """Samples relative to the peak, as int16. Doing it twice changes nothing."""
    peak = float(np.abs(sound).max())
    if peak <= QUIETEST:
        return np.zeros(len(sound), np.int16)
    return np.rint(sound.astype(np.float64) * (LOUDEST / peak)).astype(np.int16)

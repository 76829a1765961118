"""Clips of every kind, good and bad, through the encoder."""

from __future__ import annotations

import os
import struct
import time
import tracemalloc
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import soundfile
import torch

from deeplode.data.column import Column, Kind
from deeplode.encode.audio import AudioEncoder
from deeplode.encode.column import FILLED_IN, UNREADABLE
from deeplode.encode.sound import Ear, wav
from deeplode.messages import Notice

COLUMN = Column("clip", Kind.AUDIO, Notice("KIND-PATHS", "clip", {"kind": "audio"}), 0.0, 1)
ENCODER = AudioEncoder("clip", 8_000, 64, 64, 1)


def tone(frequency: float = 440.0, seconds: float = 0.5, rate: int = 8_000) -> np.ndarray:
    """(n,) a tone that swells and fades."""
    place = np.arange(round(seconds * rate))
    swell = np.sin(np.pi * place / max(len(place), 1))
    return np.asarray(0.5 * swell * np.sin(2 * np.pi * frequency * place / rate))


def file_of(sound: np.ndarray, rate: int = 8_000, form: str = "WAV", subtype: str = "") -> bytes:
    """The bytes of a file. sound: (n,) or (n, channels)."""
    file = BytesIO()
    soundfile.write(file, sound, rate, format=form, subtype=subtype or None)
    return file.getvalue()


def encoded(*cells: Any, encoder: AudioEncoder = ENCODER) -> Any:
    """The piece of these cells."""
    dtype = pl.Binary if any(isinstance(cell, bytes) for cell in cells) else pl.String
    return encoder.encode(pl.Series("clip", cells, dtype))


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Mean difference of two pictures, in dB."""
    return float((one.float() - other.float()).abs().mean()) * 80 / 255


@pytest.fixture(scope="module")
def clips() -> list[bytes]:
    """Clips of several lengths and rates, longer and shorter than what is heard."""
    rng = np.random.default_rng(0)
    return [
        file_of(tone(200 + 37 * i, 0.1 + 0.05 * i, rate) + 0.01 * rng.normal(size=n), rate)
        for i, rate in enumerate([8_000, 16_000, 11_025, 44_100, 8_000, 22_050] * 4)
        for n in [round((0.1 + 0.05 * i) * rate)]
    ]


@pytest.mark.parametrize(
    ("form", "subtype", "rate"),
    [
        ("WAV", "PCM_16", 8_000),
        ("WAV", "PCM_U8", 8_000),
        ("WAV", "PCM_24", 8_000),
        ("WAV", "FLOAT", 8_000),
        ("WAV", "ULAW", 8_000),
        ("FLAC", "PCM_16", 8_000),
        ("OGG", "VORBIS", 16_000),
        ("OGG", "OPUS", 48_000),
        ("MP3", "MPEG_LAYER_III", 16_000),
        ("WAV", "PCM_16", 44_100),
        ("WAV", "PCM_16", 192_000),
    ],
)
def test_formats_and_rates_give_nearly_the_same_picture(
    form: str, subtype: str, rate: int, tmp_path: Path
) -> None:
    whole = encoded(file_of(tone(), subtype="FLOAT"))
    data = file_of(tone(rate=rate), rate, form, subtype)
    path = tmp_path / "clip.bin"
    path.write_bytes(data)
    piece = encoded(data)
    assert piece.flags is None
    loud = whole.media > 255 * (1 - 35 / 80)  # what coding leaves as it is
    assert difference(piece.media[loud], whole.media[loud]) < 3
    assert piece.described[0, -1] == pytest.approx(0.5, abs=0.11)  # MP3 pads
    assert torch.equal(encoded(str(path)).media, piece.media)


def test_a_row_alone_is_what_it_is_among_others_to_the_last_bit(clips: list[bytes]) -> None:
    together = encoded(*clips)
    for row, clip in enumerate(clips):
        alone = encoded(clip)
        assert torch.equal(alone.media[0], together.media[row])
        assert np.array_equal(alone.described[0], together.described[row])


def test_probe_cells_hold_no_path_and_encode_to_the_same_bits(
    clips: list[bytes], tmp_path: Path
) -> None:
    paths = [tmp_path / f"{i}.wav" for i in range(len(clips))]
    for path, clip in zip(paths, clips, strict=True):
        path.write_bytes(clip)
    for encoder in (ENCODER, AudioEncoder("clip", 8_000, 64, 64, 4)):
        cells = pl.Series("clip", [*map(str, paths), None, str(tmp_path / "none")])
        before, probe = encoder.encode(cells), encoder.probe_cells(cells)
        assert probe.dtype == pl.Binary
        assert not any(str(tmp_path).encode() in cell for cell in probe.drop_nulls())
        assert max(len(cell) for cell in probe.drop_nulls()) <= 2 * 0.66 * 8_000 + 44
        after = encoder.encode(probe)
        assert torch.equal(after.media, before.media)
        assert after.flags.tolist() == before.flags.tolist()
        whole = before.described[:, -1] < 0.6
        assert np.array_equal(after.described[whole], before.described[whole])


def test_loudness_and_channels_matter_little() -> None:
    plain = encoded(file_of(tone(), subtype="FLOAT")).media
    assert difference(encoded(file_of(tone() / 100, subtype="FLOAT")).media, plain) < 0.1
    many = np.tile(tone()[:, None], (1, 8))
    assert difference(encoded(file_of(many, subtype="FLOAT")).media, plain) < 0.1
    one = np.zeros((4_000, 8))
    one[:, 3] = tone()
    assert difference(encoded(file_of(one, subtype="FLOAT")).media, plain) < 0.1


def test_rate_and_length_are_chosen_by_the_training_clips() -> None:
    cells = [file_of(tone(seconds=0.3 + 0.005 * i, rate=22_050), 22_050) for i in range(100)]
    encoder = AudioEncoder.fit(pl.Series("clip", [*cells, None, b""]), COLUMN)
    assert (encoder.rate, encoder.pieces) == (16_000, 1)
    assert 0.77 <= encoder.frames * 0.010 <= 0.88
    assert encoder.sizes_of_media() == (encoder.bands, encoder.frames)
    low = AudioEncoder.fit(pl.Series("clip", [file_of(tone(rate=4_000), 4_000)]), COLUMN)
    assert low.rate == 4_000
    long = AudioEncoder.fit(pl.Series("clip", [file_of(tone(seconds=30))] * 3), COLUMN)
    assert (long.frames, long.pieces) == (400, 4)


@pytest.mark.parametrize("cells", [[], [None], [b"", b"no sound"], ["/no/such/file.wav"]])
def test_no_readable_training_clip_is_no_reason_to_fall_over(cells: list[Any]) -> None:
    dtype = pl.String if cells and isinstance(cells[0], str) else pl.Binary
    encoder = AudioEncoder.fit(pl.Series("clip", cells, dtype), COLUMN)
    assert encoder.rate == 16_000
    assert encoder.encode(pl.Series("clip", cells, dtype)).media.shape[0] == len(cells)


def test_the_loudest_stretch_of_a_longer_clip_is_heard() -> None:
    long = np.concatenate([np.zeros(16_000), tone(900), np.zeros(24_000)])
    heard, seconds = Ear(8_000, ENCODER._mel.samples).hear(file_of(long))
    assert seconds == pytest.approx(5.5)
    assert len(heard) == ENCODER._mel.samples
    assert np.abs(heard).max() == 32_767
    assert np.square(heard / 32_767.0).sum() > 0.9 * np.square(2 * tone(900)).sum()


def test_several_pieces_come_from_all_over_a_long_clip() -> None:
    low, high = tone(300, 10), tone(2_000, 10)
    encoder = AudioEncoder("clip", 8_000, 64, 400, 4)
    picture = encoded(file_of(np.concatenate([low, high])), encoder=encoder).media[0]
    band = picture.float().argmax(0)
    assert (band[10:190] < 20).all()
    assert (band[210:390] > 35).all()


def test_an_hour_costs_no_more_than_a_minute(tmp_path: Path) -> None:
    path = tmp_path / "hour.wav"
    minute = (30_000 * tone(seconds=60, rate=16_000)).astype(np.int16)
    with soundfile.SoundFile(path, "w", 16_000, 1) as file:
        for _ in range(60):
            file.write(minute)
    tracemalloc.start()
    spent = time.process_time()
    piece = encoded(str(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert piece.flags is None
    assert piece.described[0, -1] == pytest.approx(3_600)
    assert peak < 60e6  # the hour is 230 MB as float32
    assert time.process_time() - spent < 20


@pytest.mark.parametrize("level", [0.0, 1e-7])
def test_silence_is_not_bad_and_gives_no_nan(level: float) -> None:
    piece = encoded(file_of(np.full(4_000, level), subtype="FLOAT"))
    assert piece.flags is None
    assert not piece.media.any()
    assert np.isfinite(piece.described).all()
    assert np.isfinite(encoded(file_of(np.full(4_000, 0.25))).described).all()  # a direct current


def riff(data: bytes, promised: int | None = None, **told: int) -> bytes:
    """A WAV file whose header says what we want. data: 16-bit samples."""
    facts = {"channels": 1, "rate": 8_000, "bits": 16} | told
    align = facts["channels"] * facts["bits"] // 8
    form = struct.pack(
        *("<HHIIHH", 1, facts["channels"], facts["rate"]),
        *((facts["rate"] * align) & 0xFFFFFFFF, align & 0xFFFF, facts["bits"]),
    )
    size = len(data) if promised is None else promised
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(len(body), 0xFFFFFFFF)) + body


SAMPLES = (20_000 * tone()).astype("<i2").tobytes()
NOT_FINITE = np.where(np.arange(4_000) == 2_000, np.nan, tone())
BAD = {
    "zero bytes": (b"", "no bytes"),
    "no sound": (b"this is a text, whatever its name says" * 20, "decoded"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(500), "decoded"),
    "only a header": (riff(b""), "no samples"),
    "promises a second more": (riff(SAMPLES, len(SAMPLES) + 16_000), "cut short"),
    "promises two gigabytes": (riff(SAMPLES, 0x7FFE_0000), "cut short"),
    "no rate": (riff(SAMPLES, rate=0), ""),
    "a rate of four billion": (riff(SAMPLES, rate=0xFFFF_FFF0), ""),
    "a rate of ten": (riff(SAMPLES, rate=10), "samples a second"),
    "no channels": (riff(SAMPLES, channels=0), ""),
    "60 000 channels": (riff(SAMPLES, channels=60_000), ""),
    "no bits": (riff(SAMPLES, bits=0), ""),
    "header cut": (file_of(tone())[:30], ""),
    "WAV cut": (file_of(tone())[:3_000], "cut short"),
    "FLAC cut": (file_of(tone(seconds=3), form="FLAC")[:9_000], ""),
    "OGG cut to its header": (file_of(tone(), form="OGG")[:200], ""),
    "MP3 cut to nothing": (file_of(tone(), form="MP3")[:30], ""),
    "NaN": (file_of(NOT_FINITE, subtype="FLOAT"), "finite"),
    "infinity": (file_of(NOT_FINITE + np.inf, subtype="DOUBLE"), "finite"),
    "far beyond full scale": (file_of(1e200 * tone(), subtype="DOUBLE"), "finite"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_clips_are_named_and_count_as_missing(what: str, capfd: Any) -> None:
    cell, why = BAD[what]
    piece = encoded(file_of(tone()), None, cell)
    assert piece.flags.tolist() == [0, FILLED_IN, UNREADABLE]
    assert piece.unread.tolist() == [False, False, True]
    assert why in piece.why
    assert piece.why
    assert not piece.media[1:].any()
    assert piece.media[0].any()
    assert np.isnan(piece.described[1:]).all()
    assert "MP3" in what or capfd.readouterr() == ("", "")  # libmpg123 has words of its own


@pytest.mark.parametrize("promised", [0xFFFF_FFFF, 0x7FFF_FFFF, len(SAMPLES) - 2_000])
def test_a_stream_without_a_length_is_read_to_its_end(promised: int) -> None:
    piece = encoded(riff(SAMPLES, promised))
    assert piece.flags is None
    assert piece.described[0, -1] == pytest.approx(0.5, abs=0.2)


def test_every_cut_and_many_flipped_bytes_get_an_answer(capfd: Any) -> None:
    rng = np.random.default_rng(0)
    cells = []
    for form in ("WAV", "FLAC", "OGG", "MP3"):
        whole = np.frombuffer(file_of(tone(seconds=0.3), 8_000, form), np.uint8)
        cells += [whole[:end].tobytes() for end in rng.integers(0, len(whole), 25)]
        for _ in range(40):
            broken = whole.copy()
            at = rng.integers(0, min(len(whole), 300), 4)
            broken[at] = rng.integers(0, 256, 4)
            cells.append(broken.tobytes())
    piece = encoded(*cells)
    bad = np.zeros(len(cells), bool) if piece.unread is None else piece.unread
    assert np.isnan(piece.described[bad]).all()
    assert np.isfinite(piece.described[~bad]).all()
    assert capfd.readouterr().out == ""


def test_paths_of_what_is_no_file_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "link.wav").symlink_to(tmp_path / "nowhere")
    (tmp_path / "right.mp3").write_bytes(wav(np.full(4_000, 99, np.int16), 8_000))
    names = ["pipe.wav", "empty.wav", "link.wav", "nowhere", "", "right.mp3"]
    cells = [str(tmp_path / name) for name in names]
    piece = encoded(*cells, "  ", "a\0b", "/dev/zero")
    bad = [True] * 5 + [False] * 2 + [True] * 2
    assert piece.unread.tolist() == bad
    assert piece.flags[6] == FILLED_IN
    assert "regular file" in piece.why


def test_what_is_described_has_a_name() -> None:
    piece = encoded(file_of(tone(1_000)))
    names = ENCODER.described_names
    assert piece.described.shape == (1, len(names))
    assert len(set(names)) == len(names)
    loudest = names[int(piece.described[0, :64].argmax())]
    assert loudest.startswith("clip ")
    assert 900 < float(loudest.split()[1]) < 1_100
    assert names[-1] == "clip seconds"


def test_state_goes_through_json_and_odd_states_are_refused() -> None:
    assert AudioEncoder.from_json(ENCODER.to_json()) == ENCODER
    for change in (
        *({"rate": rate} for rate in (0, 100, 10**6, 8_000.0, "8000", None, True)),
        *({"bands": 0}, {"bands": 10**4}, {"frames": 1}, {"frames": 10**6}, {"pieces": 0}),
        *({"pieces": 17}, {"pieces": 16, "frames": 16}),
    ):
        with pytest.raises((ValueError, TypeError)):
            AudioEncoder.from_json(ENCODER.to_json() | change)
    with pytest.raises(KeyError):
        AudioEncoder.from_json({"name": "clip"})

"""Images to pixels: one size for all, the same bits alone and among others, nothing that harms."""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import threading
import zlib

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from deeplode.data.column import Column, Kind
from deeplode.encode.column import FILLED_IN, UNREADABLE
from deeplode.encode.image import KEPT, ImageEncoder
from deeplode.encode.pixels import MOST_PIXELS, Unreadable, pixels_of, size_of
from deeplode.messages import Notice

DIGITS = np.random.default_rng(0)
COLUMN = Column("photo", Kind.IMAGE, Notice("KIND-PATHS", "photo", {"kind": "image"}), 0.0, 9)
GREY = DIGITS.integers(0, 256, (12, 10), dtype=np.uint8)
COLOUR = DIGITS.integers(0, 256, (12, 10, 3), dtype=np.uint8)


def file(image: np.ndarray | Image.Image, format_: str = "PNG", **how) -> bytes:
    stream = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(stream, format_, **how)
    return stream.getvalue()


def fitted(*cells: bytes | str) -> ImageEncoder:
    return ImageEncoder.fit(pl.Series("photo", list(cells)), COLUMN)


def claims(width: int, height: int) -> bytes:
    """A PNG whose header says so, with next to nothing behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    begin = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return begin + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def test_small_images_keep_their_size_and_their_pixels():
    encoder = fitted(file(GREY), file(GREY))
    assert encoder.sizes_of_media() == (1, 12, 10)
    assert np.array_equal(encoder.encode(pl.Series([file(GREY)])).media[0, 0], GREY)
    encoder = fitted(file(GREY), file(COLOUR))
    assert encoder.sizes_of_media() == (3, 12, 10)
    piece = encoder.encode(pl.Series([file(COLOUR), file(GREY)]))
    assert np.array_equal(piece.media[0].permute(1, 2, 0), COLOUR)
    assert np.array_equal(piece.media[1, 2], GREY)
    assert piece.flags is None
    assert piece.unread is None


def test_large_images_are_shrunk_in_their_shape():
    large = np.full((300, 150), 200, np.uint8)
    encoder = fitted(file(large))
    assert encoder.sizes_of_media() == (1, KEPT, KEPT // 2)
    wide = encoder.encode(pl.Series([file(np.full((30, 90), 200, np.uint8))])).media[0, 0]
    assert (wide[wide.shape[0] // 2] == 200).all()
    assert not wide[0].any()
    assert not wide[-1].any()


def test_the_size_is_the_median_and_never_tiny():
    sides = [10, 11, 12, 500, 9]
    cells = [file(np.zeros((side, side), np.uint8)) for side in sides]
    assert fitted(*cells).sizes_of_media() == (1, 11, 11)
    assert fitted(file(np.zeros((1, 1), np.uint8))).sizes_of_media() == (1, 8, 8)
    assert fitted(b"nothing").sizes_of_media() == (1, 32, 32)


def test_one_row_alone_and_among_others_is_the_same_to_the_last_bit():
    cells = [file(DIGITS.integers(0, 256, (40 + n, 30, 3), dtype=np.uint8)) for n in range(600)]
    cells[7:9] = [None, b"broken"]
    series = pl.Series(cells, dtype=pl.Binary)
    encoder = fitted(*cells[:5])
    whole = encoder.encode(series)
    for row in (0, 7, 8, 300, 599):
        alone = encoder.encode(series[row : row + 1])
        assert torch.equal(alone.media[0], whole.media[row])
        assert np.array_equal(alone.described[0], whole.described[row], equal_nan=True)


def test_paths_and_bytes_give_the_same_whatever_the_ending(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(file(COLOUR))
    encoder = fitted(file(COLOUR))
    by_path = encoder.encode(pl.Series([str(path), f" {path} "])).media
    assert torch.equal(by_path[0], encoder.encode(pl.Series([file(COLOUR)])).media[0])
    assert torch.equal(by_path[0], by_path[1])


def test_every_format_comes_through():
    rows = [file(COLOUR, format_) for format_ in ("PNG", "BMP", "TIFF")]
    rows.append(file(COLOUR, "WEBP", lossless=True))
    media = fitted(*rows).encode(pl.Series(rows)).media
    assert (media == media[0]).all()
    for format_ in ("JPEG", "GIF"):
        assert pixels_of(file(COLOUR, format_), 3, 12, 10).any()


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_every_mode_becomes_grey_or_colour(mode):
    if mode in ("I", "F", "I;16"):
        kind = {"I": np.int32, "F": np.float32, "I;16": np.uint16}[mode]
        image = Image.fromarray(GREY.astype(kind) * 100)
    else:
        image = Image.fromarray(COLOUR).convert(mode)
    data = file(image, "PNG" if mode in ("1", "P", "LA", "RGBA", "I;16") else "TIFF")
    for channels in (1, 3):
        found = pixels_of(data, channels, 12, 10)
        assert found.shape == (channels, 12, 10)
        assert found.max() > 100
    assert size_of(data).grey == (mode in ("1", "LA", "I;16", "I", "F"))


def test_greys_of_16_bits_are_scaled_by_the_images_own_ends():
    deep = np.linspace(1_000, 5_000, 120).reshape(12, 10).astype(np.uint16)
    deep[0, 0] = 65_535  # a dead pixel must not make all others black
    found = pixels_of(file(deep), 1, 12, 10)[0]
    assert found[0, 1] < 10
    assert found[-1, -1] > 245
    assert not pixels_of(file(np.full((9, 9), 7, np.uint16)), 1, 9, 9).any()


def test_what_is_transparent_is_seen_on_white():
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert (pixels_of(file(clear), 3, 8, 8) == 255).all()


def test_a_photo_is_turned_as_the_camera_says():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    data = file(np.arange(200, dtype=np.uint8).reshape(10, 20), "JPEG", exif=exif, quality=100)
    assert (size_of(data).height, size_of(data).width) == (20, 10)
    found = pixels_of(data, 1, 20, 10)[0].astype(int)
    assert found[0, 0] > found[0, -1]


def test_of_an_animation_the_first_frame_counts():
    frames = [Image.fromarray(np.full((9, 9), grey, np.uint8)) for grey in (40, 200)]
    data = file(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (pixels_of(data, 1, 9, 9) == 40).all()


BAD = {
    "no bytes": b"",
    "text": b"this is no image",
    "cut short": file(COLOUR)[:200],
    "cut short jpeg": file(COLOUR, "JPEG")[:300],
    "50 000 x 50 000": claims(50_000, 50_000),
    "no pixels": claims(0, 7),
    "an eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "a tiff of nothing": b"II*\0\x08\0\0\0\0\0\0\0\0\0",
    "no such file": "/no/such/file.png",
    "a device": "/dev/zero",
    "a folder": "/",
    "a zero in the name": "a\0b.png",
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_cell_is_zeros_with_a_flag_and_a_reason_and_hurts_no_other(what):
    if isinstance(BAD[what], str):
        cells = pl.Series([None, BAD[what]], dtype=pl.String)
        good_row = None
    else:
        good = file(COLOUR)
        cells, good_row = pl.Series([None, BAD[what], good], dtype=pl.Binary), 2
    encoder = ImageEncoder("photo", 3, 12, 10)
    piece = encoder.encode(cells)
    assert piece.flags.tolist()[:2] == [FILLED_IN, UNREADABLE]
    assert piece.unread.tolist()[:2] == [False, True]
    assert piece.why
    assert not piece.media[:2].any()
    assert np.isnan(piece.described[:2]).all()
    if good_row is not None:
        assert piece.media[good_row].any()
        assert piece.flags[good_row] == 0
        assert np.isfinite(piece.described[good_row]).all()


def test_columns_without_any_image_are_answered():
    encoder = ImageEncoder("photo", 1, 12, 10)
    for cells in (pl.Series([None, None]), pl.Series(["", " "]), pl.Series([1.5, 2.5])):
        piece = encoder.encode(cells)
        assert not piece.media.any()
        assert set(piece.flags.tolist()) <= {FILLED_IN, UNREADABLE}
    assert len(encoder.encode(pl.Series([], dtype=pl.Binary)).media) == 0


def test_the_limit_of_pixels_stands_before_decoding():
    with pytest.raises(Unreadable, match="more than"):
        size_of(claims(MOST_PIXELS // 1000 + 1, 1000))


@pytest.mark.skipif(sys.platform == "win32", reason="has no such pipes")
def test_a_pipe_does_not_hang(tmp_path):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    found = []
    encoder = ImageEncoder("photo", 1, 12, 10)
    work = threading.Thread(
        target=lambda: found.append(encoder.encode(pl.Series([str(pipe)]))), daemon=True
    )
    work.start()
    work.join(60)
    assert found[0].why == "it is no regular file"


def test_probe_cells_hold_no_path_and_give_the_same_cells_to_the_last_bit(tmp_path):
    path = tmp_path / "large.jpg"
    path.write_bytes(file(DIGITS.integers(0, 256, (90, 70, 3), dtype=np.uint8), "JPEG"))
    series = pl.Series([str(path), None, str(tmp_path / "none.png")])
    encoder = fitted(str(path))
    probes = encoder.probe_cells(series)
    assert probes.dtype == pl.Binary
    assert not any(str(tmp_path).encode() in (cell or b"") for cell in probes)
    before, after = encoder.encode(series), encoder.encode(probes)
    assert torch.equal(before.media, after.media)
    assert before.flags.tolist() == after.flags.tolist()


def test_descriptors_are_named_and_lie_between_0_and_1():
    encoder = fitted(file(COLOUR))
    described = encoder.encode(pl.Series([file(COLOUR)])).described
    assert described.shape == (1, len(encoder.described_names)) == (1, 70)
    assert ((described >= 0) & (described <= 1)).all()
    means = described[
        0, [encoder.described_names.index(f"photo mean {c}") for c in ("red", "blue")]
    ]
    assert means == pytest.approx(COLOUR.mean((0, 1))[[0, 2]] / 255, rel=1e-6)


def test_the_state_is_plain_json_and_odd_states_are_refused():
    encoder = ImageEncoder("photo", 3, 12, 10)
    state = json.loads(json.dumps(encoder.to_json()))
    assert ImageEncoder.from_json(state) == encoder
    for change in (
        {"channels": 2}, {"channels": 3.0}, {"height": 0}, {"width": 10**6}, {"width": "9"},
        {"channels": True},
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError, KeyError)):
            ImageEncoder.from_json(state | change)
    with pytest.raises(KeyError):
        ImageEncoder.from_json({"name": "photo"})


def dicom(values: np.ndarray, **about) -> bytes:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileMetaDataset

    one = pydicom.Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    one.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = "1.2.3"
    one.SOPClassUID = pydicom.uid.CTImageStorage
    one.Rows, one.Columns = values.shape[-2:]
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 0
    if values.ndim == 3:
        one.NumberOfFrames = len(values)
    one.PixelData = values.astype("<u2").tobytes()
    for name, value in about.items():
        setattr(one, name, value)
    stream = io.BytesIO()
    one.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def test_dicom_is_seen_through_its_window_and_bright_is_dense():
    values = np.linspace(0, 4_000, 120).reshape(12, 10).astype(np.uint16)
    plain = pixels_of(dicom(values), 1, 12, 10)[0]
    assert plain[0, 0] == 0
    assert plain[-1, -1] == 255
    window = dicom(values, WindowCenter=3_000, WindowWidth=1_000)
    seen = pixels_of(window, 1, 12, 10)[0]
    assert not seen[values < 2_400].any()
    assert seen[values > 3_600].min() == 255
    inverted = dicom(values, PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(pixels_of(inverted, 1, 12, 10)[0], 255 - plain)
    frames = pixels_of(dicom(np.stack([values, values[::-1]])), 1, 12, 10)[0]
    assert np.array_equal(frames, plain)
    assert size_of(window).grey
    with pytest.raises(Unreadable):
        pixels_of(window[:400], 1, 12, 10)

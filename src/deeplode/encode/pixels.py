"""One image, from a file or from bytes, to pixels: with limits, and without running anything.

Read are PNG, JPEG, WebP, BMP, TIFF and GIF, by what they hold whatever they are called, and DICOM
with the extra ``medical``. Of animations and volumes the first frame counts. Turned and mirrored
as the camera says (EXIF). Colours of any kind become red, green, blue; what is transparent is seen
on white. Greys of more than 8 bits are scaled so that the darkest and brightest LEFT_OUT of the
image's own pixels become 0 and 255; DICOM by its own window, where it has one.
"""

from __future__ import annotations

import io
import os
import stat
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
MOST_PIXELS = 100_000_000  # claimed by the header, before anything is decoded
MOST_BYTES = 1 << 29  # of a file
LEFT_OUT = 0.005  # share of the pixels beyond each end of the scale
LARGE = 16_000_000  # pixels from which on images are decoded one at a time
_GREY = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
_DEEP = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
_SIDEWAYS = {5, 6, 7, 8}  # EXIF orientations that swap height and width
_ORIENTATION = 0x0112
_DICOM = slice(128, 132)

_one_large = threading.Lock()


class Unreadable(Exception):  # noqa: N818 - says what the cell is
    """A cell that is no image, or none that is read; its text says why."""


@dataclass(frozen=True)
class Size:
    """What a header says. grey: no colours."""

    height: int
    width: int
    grey: bool


def size_of(cell: str | bytes) -> Size:
    """Height, width and greyness by the header. Raises Unreadable."""
    data = _bytes_of(cell)
    try:
        if data[_DICOM] == b"DICM":
            about = _dicom(data)
            return Size(int(about.Rows), int(about.Columns), int(about.SamplesPerPixel) == 1)
        with _opened(data) as image:
            width, height = image.size
            if image.format in ("JPEG", "WEBP") and _is_sideways(image):
                height, width = width, height
            return Size(height, width, image.mode in _GREY)
    except Unreadable:
        raise
    except Exception as error:  # decoders raise whatever they like
        raise _because(error) from error


def pixels_of(cell: str | bytes, channels: int, height: int, width: int) -> np.ndarray:
    """The image fitted into height x width, its shape kept, black around it: (channels, height,
    width) uint8. channels: 1 = grey, 3 = red, green, blue. Raises Unreadable."""
    data = _bytes_of(cell)
    try:
        image = _decoded(data, channels, height, width)
        image = _fitted(image.convert("L" if channels == 1 else "RGB"), height, width)
        pixels = np.asarray(image).reshape(height, width, channels)
    except Unreadable:
        raise
    except Exception as error:  # decoders raise whatever they like
        raise _because(error) from error
    return pixels.transpose(2, 0, 1)


def square_of(cell: str | bytes, side: int, shorter: int, way: int) -> np.ndarray:
    """The middle of the image in colours, (3, side, side) uint8, as pretrained encoders want it.

    shorter: pixels that its shorter side gets, of which ``side`` are kept; 0 squeezes the whole
    image. way: Pillow's number for how pixels between pixels are found. Raises Unreadable.
    """
    data = _bytes_of(cell)
    try:
        most = max(side, shorter)
        image = _decoded(data, 3, most, most).convert("RGB")
        part = side * min(image.size) / shorter if shorter else 0.0
        middle = None
        if shorter:
            left, top = (image.width - part) / 2, (image.height - part) / 2
            middle = (left, top, left + part, top + part)
        sized = image.resize((side, side), Image.Resampling(way), middle)
        return np.asarray(sized).transpose(2, 0, 1)
    except Unreadable:
        raise
    except Exception as error:  # decoders raise whatever they like
        raise _because(error) from error


def png_of(pixels: np.ndarray) -> bytes:
    """A PNG that decodes to just these. pixels: (channels, height, width) uint8."""
    stream = io.BytesIO()
    plain = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    Image.fromarray(np.ascontiguousarray(plain)).save(stream, "PNG")
    return stream.getvalue()


def _bytes_of(cell: str | bytes) -> bytes:
    """What the file holds, if it is a plain file of bearable size."""
    data = cell if isinstance(cell, bytes) else _read(cell)
    if not data:
        raise Unreadable("it is empty (0 bytes)")
    return data


def _read(path: str) -> bytes:
    """Never waits: pipes and devices are opened without blocking and refused."""
    try:
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path.strip(), flags), "rb") as stream:  # noqa: PTH123 - a descriptor
            about = os.fstat(stream.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise Unreadable("it is no regular file")
            if about.st_size > MOST_BYTES:
                raise Unreadable(f"its {about.st_size:,} bytes are more than {MOST_BYTES:,}")
            return stream.read(MOST_BYTES)
    except (OSError, ValueError) as error:
        known = isinstance(error, OSError) and error.strerror
        raise Unreadable(str(known or error)) from error


def _opened(data: bytes) -> Image.Image:
    """The image by its header. Raises Unreadable where it would be too large."""
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    _bearable(*image.size)
    return image


def _bearable(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise Unreadable(f"it has no pixels ({width} x {height})")
    if width * height > MOST_PIXELS:
        raise Unreadable(f"{width} x {height} pixels are more than {MOST_PIXELS:,}")


def _is_sideways(image: Image.Image) -> bool:
    return image.getexif().get(_ORIENTATION) in _SIDEWAYS


def _decoded(data: bytes, channels: int, height: int, width: int) -> Image.Image:
    """The whole image in a plain mode; a large JPEG already nearer to the size wanted."""
    if data[_DICOM] == b"DICM":
        about = _dicom(data)
        with _room(int(about.Rows) * int(about.Columns)):
            return _dicom_image(about)
    with _opened(data) as image:
        if image.format == "JPEG":
            most = 2 * max(height, width)
            image.draft("L" if channels == 1 and image.mode != "CMYK" else None, (most, most))
        with _room(image.width * image.height):
            image.load()
            return _plain(ImageOps.exif_transpose(image))


def _room(pixels: int) -> Any:
    """Large images wait for each other, so that threads do not hold several at once."""
    return _one_large if pixels > LARGE else nullcontext()


def _plain(image: Image.Image) -> Image.Image:
    """Grey or red, green, blue of 8 bits."""
    if image.mode in _DEEP:
        return Image.fromarray(_scaled(np.asarray(image)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        under = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(under, image).convert("RGB")
    return image.convert("L" if image.mode in _GREY else "RGB")


def _scaled(values: np.ndarray) -> np.ndarray:
    """Any greys to 0 … 255, (height, width) uint8; all the same become 0."""
    real = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    low = np.quantile(real, LEFT_OUT, method="higher")
    high = np.quantile(real, 1 - LEFT_OUT, method="lower")
    if low >= high:
        low, high = real.min(), real.max()
    if low == high:
        return np.zeros(real.shape, np.uint8)
    scaled: np.ndarray = np.clip((real - low) / (high - low) * 255, 0, 255).round().astype(np.uint8)
    return scaled


def _fitted(image: Image.Image, height: int, width: int) -> Image.Image:
    """Shrunk or enlarged to fit, with the mean of what falls into a pixel; black around it."""
    scale = min(height / image.height, width / image.width)
    tall = max(1, min(height, round(image.height * scale)))
    wide = max(1, min(width, round(image.width * scale)))
    if (wide, tall) != image.size:
        image = image.resize((wide, tall), Image.Resampling.BILINEAR, reducing_gap=3.0)
    if (wide, tall) == (width, height):
        return image
    whole = Image.new(image.mode, (width, height))
    whole.paste(image, ((width - wide) // 2, (height - tall) // 2))
    return whole


def _dicom(data: bytes) -> Any:
    """The data set of a DICOM file, its pixels not yet decoded."""
    try:
        import pydicom
    except ImportError as error:
        raise Unreadable("DICOM needs pydicom: pip install 'deeplode[medical]'") from error
    about = pydicom.dcmread(io.BytesIO(data))
    frames = int(about.get("NumberOfFrames") or 1)
    _bearable(int(about.Columns), int(about.Rows) * frames)
    return about


def _dicom_image(about: Any) -> Image.Image:
    """The first frame: with its window, or scaled as other deep greys are; bright is dense."""
    from pydicom.pixels import processing

    values = about.pixel_array
    if int(about.get("NumberOfFrames") or 1) > 1:
        values = values[0]
    if int(about.SamplesPerPixel) > 1:
        if str(about.PhotometricInterpretation).startswith("YBR"):
            values = processing.convert_color_space(values, about.PhotometricInterpretation, "RGB")
        return Image.fromarray(np.ascontiguousarray(values.astype(np.uint8))).convert("RGB")
    values = processing.apply_modality_lut(values, about)
    if "WindowWidth" in about or "VOILUTSequence" in about:
        values = processing.apply_voi_lut(values, about)
        low, high = float(values.min()), float(values.max())
        grey = (values - low) / max(high - low, 1e-9) * 255
        values = grey.round().astype(np.uint8)
    else:
        values = _scaled(values)
    if about.PhotometricInterpretation == "MONOCHROME1":
        values = 255 - values
    return Image.fromarray(np.ascontiguousarray(values))


def _because(error: Exception) -> Unreadable:
    """The reason of a decoder in one short line."""
    if isinstance(error, UnidentifiedImageError):
        return Unreadable("it begins as no image that is read here does")
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return Unreadable(f"it has more than {MOST_PIXELS:,} pixels")
    lines = str(error).splitlines() or [type(error).__name__]
    return Unreadable(lines[0][:200])

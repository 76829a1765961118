"""Images in NumPy's npz archives, laid out as MedMNIST does: train_images, train_labels, …"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import IO

import numpy as np
import polars as pl
import psutil
from PIL import Image

from deeplode.data.content import BOMB_RATIO, BOMB_SIZE, Content
from deeplode.data.part import Part
from deeplode.errors import DataError

PARTS = ("train", "val", "test")
_FORMS = {(1, "uint8"), (1, "uint16"), (3, "uint8")}  # colours and types of pixels
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npz(content: Content, every: int = 1) -> Part:
    """Columns ``image`` (bytes of a PNG), ``label`` and ``split`` (train, val or test).

    Several labels a row become ``label_0``, ``label_1``, … What the archive claims is checked
    against the machine before any of it is unpacked, and nothing in it is unpickled.
    Raises DataError for any other layout.
    """
    try:
        with content.open() as stream, zipfile.ZipFile(stream) as archive:
            parts = [part for part in PARTS if f"{part}_images.npy" in archive.namelist()]
            if not parts:
                raise _refused(content, "no train_images, val_images or test_images in it")
            _must_fit(content, archive, parts)
            frames = [_frame(content, archive, part) for part in parts]
    except DataError:
        raise
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError) as error:
        raise _refused(content, str(error).splitlines()[0][:200]) from error
    widths = {tuple(frame.columns) for frame in frames}
    if len(widths) > 1:
        raise _refused(content, "the parts differ in their labels")
    frame = pl.concat(frames, how="vertical_relaxed")
    return Part(frame.gather_every(every), frame.height, {"format": "npz"})


def _must_fit(content: Content, archive: zipfile.ZipFile, parts: list[str]) -> None:
    """Refuse shapes and types that are no images, and sizes beyond the machine."""
    total = 0
    for part in parts:
        shape, dtype, size = _claimed(archive, f"{part}_images.npy")
        colours = shape[3] if len(shape) == 4 else 1
        if len(shape) not in (3, 4) or (colours, dtype.name) not in _FORMS:
            raise _refused(content, f"{part}_images are {shape} of {dtype}")
        labels, of, more = _claimed(archive, f"{part}_labels.npy")
        if not 1 <= len(labels) <= 2 or labels[0] != shape[0] or of.kind not in "iubfU":
            raise _refused(content, f"{part}_labels are {labels} of {of}")
        total += size + more
    bomb = total > BOMB_SIZE and total > BOMB_RATIO * content.size
    if bomb or 2 * total > psutil.virtual_memory().available:
        raise DataError("E-DATA-017", source=content.name, packed=content.size, size=total)


def _claimed(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype, int]:
    """Shape, type and bytes of an array by its header alone. Raises ValueError if they differ."""
    member = archive.getinfo(name)
    with archive.open(member) as stream:
        shape, _, dtype = _header(stream)
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if not 0 <= member.file_size - size <= 1 << 16:
        raise ValueError(f"{name} claims {shape} of {dtype} in {member.file_size} bytes")
    return shape, dtype, size


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"arrays of version {version} are unknown")
    return _HEADERS[version](stream)


def _frame(content: Content, archive: zipfile.ZipFile, part: str) -> pl.DataFrame:
    images, labels = (_array(archive, f"{part}_{what}.npy") for what in ("images", "labels"))
    cells = {"image": pl.Series(list(_pngs(images)), dtype=pl.Binary)}
    columns = labels.reshape(len(labels), -1).T
    for at, column in enumerate(columns):
        name = "label" if len(columns) == 1 else f"label_{at}"
        cells[name] = pl.Series(np.ascontiguousarray(column))
    return pl.DataFrame(cells).with_columns(split=pl.lit(part))


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as stream:
        array: np.ndarray = np.lib.format.read_array(stream)  # arrays of objects are refused
    return array


def _pngs(images: np.ndarray) -> Iterator[bytes]:
    """Each image as a small PNG, which loses nothing."""
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    for image in images:
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(image)).save(stream, "PNG", compress_level=1)
        yield stream.getvalue()


def _refused(content: Content, reason: str) -> DataError:
    return DataError("E-DATA-012", source=content.name, format="npz", reason=reason)

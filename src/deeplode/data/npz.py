"""Images, series and rows in NumPy's npz archives.

Images as MedMNIST lays them out: train_images, train_labels, …; series as the UCR and UEA archives
are handed around: X_train (cases, channels, time), y_train, X_test, y_test; rows as the sets of
ADBench: X (rows, columns) and y.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
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
    """Columns ``image`` (bytes of a PNG), ``label`` and ``split`` (train, val or test), or
    ``series``, ``y`` and ``split``, or ``x1``, ``x2``, … and ``y``.

    Several labels a row become ``label_0``, ``label_1``, … What the archive claims is checked
    against the machine before any of it is unpacked, and nothing in it is unpickled.
    Raises DataError for any other layout.
    """
    try:
        with content.open() as stream, zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
            parts = [part for part in PARTS if f"{part}_images.npy" in names]
            series = [part for part in PARTS if f"X_{part}.npy" in names]
            if parts:
                pairs = [(f"{part}_images.npy", f"{part}_labels.npy") for part in parts]
                _must_fit(content, archive, pairs, _are_images)
                frames = [_frame(content, archive, part) for part in parts]
            elif series:
                pairs = [(f"X_{part}.npy", f"y_{part}.npy") for part in series]
                _must_fit(content, archive, pairs, _are_series)
                frames = [_series(archive, part) for part in series]
            elif {"X.npy", "y.npy"} <= set(names):
                _must_fit(content, archive, [("X.npy", "y.npy")], _are_rows)
                frames = [_rows(archive)]
            else:
                lacking = "train_images, test_images, X_train, X_test, or X and y"
                raise _refused(content, f"no {lacking} in it")
    except DataError:
        raise
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError) as error:
        raise _refused(content, str(error).splitlines()[0][:200]) from error
    widths = {tuple(frame.columns) for frame in frames}
    if len(widths) > 1 or len({str(frame.dtypes[0]) for frame in frames}) > 1:
        raise _refused(content, "the parts differ in their labels or sizes")
    frame = pl.concat(frames, how="vertical_relaxed")
    return Part(frame.gather_every(every), frame.height, {"format": "npz", **_meant(frame)})


def _meant(frame: pl.DataFrame) -> dict[str, str]:
    """What a layout says by itself: the target, and which rows are to test."""
    target = next(({"target": name} for name in ("label", "y") if name in frame.columns), {})
    tested = "split" in frame.columns and frame["split"].is_in(["test"]).any()
    return {**target, **({"split_column": "split"} if tested else {})}


def _must_fit(
    content: Content,
    archive: zipfile.ZipFile,
    parts: list[tuple[str, str]],
    fits: Callable[[tuple[int, ...], np.dtype], bool],
) -> None:
    """Refuse shapes and types that do not fit, and sizes beyond the machine.

    parts: names of the arrays of each part, cells and labels.
    """
    total = 0
    for cells, told in parts:
        shape, dtype, size = claimed(archive, cells)
        if not fits(shape, dtype):
            raise _refused(content, f"{cells} are {shape} of {dtype}")
        labels, of, more = claimed(archive, told)
        if not 1 <= len(labels) <= 2 or labels[0] != shape[0] or of.kind not in "iubfU":
            raise _refused(content, f"{told} are {labels} of {of}")
        total += size + more
    bomb = total > BOMB_SIZE and total > BOMB_RATIO * content.size
    if bomb or 2 * total > psutil.virtual_memory().available:
        raise DataError("E-DATA-017", source=content.name, packed=content.size, size=total)


def _are_images(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    colours = shape[3] if len(shape) == 4 else 1
    return len(shape) in (3, 4) and (colours, dtype.name) in _FORMS


def _are_series(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    return len(shape) in (2, 3) and min(shape) > 0 and dtype.kind in "iuf"


def _are_rows(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    return len(shape) == 2 and min(shape) > 0 and dtype.kind in "biuf"


def claimed(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype, int]:
    """Shape, type and bytes of an array by its header alone. Raises ValueError if they differ."""
    member = archive.getinfo(name)
    with archive.open(member) as stream:
        shape, _, dtype = header_of(stream)
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if not 0 <= member.file_size - size <= 1 << 16:
        raise ValueError(f"{name} claims {shape} of {dtype} in {member.file_size} bytes")
    return shape, dtype, size


def header_of(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order and type that an array claims. Raises ValueError for no array of NumPy."""
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"arrays of version {version} are unknown")
    return _HEADERS[version](stream)


def _frame(content: Content, archive: zipfile.ZipFile, part: str) -> pl.DataFrame:
    images, labels = (array_of(archive, f"{part}_{what}.npy") for what in ("images", "labels"))
    cells = {"image": pl.Series(list(_pngs(images)), dtype=pl.Binary)}
    columns = labels.reshape(len(labels), -1).T
    for at, column in enumerate(columns):
        name = "label" if len(columns) == 1 else f"label_{at}"
        cells[name] = pl.Series(np.ascontiguousarray(column))
    return pl.DataFrame(cells).with_columns(split=pl.lit(part))


def _series(archive: zipfile.ZipFile, part: str) -> pl.DataFrame:
    """Records of the channels' values where there are several; NaN is no value."""
    cells, labels = (array_of(archive, f"{what}_{part}.npy") for what in ("X", "y"))
    cells = cells.reshape(len(cells), -1, cells.shape[-1])
    channels = [pl.Series(f"channel {at + 1}", cells[:, at].copy()) for at in range(cells.shape[1])]
    column = pl.DataFrame(channels).to_struct("series") if len(channels) > 1 else channels[0]
    told = {"series": column.alias("series"), "y": pl.Series(labels.reshape(len(labels), -1)[:, 0])}
    return pl.DataFrame(told).with_columns(split=pl.lit(part))


def _rows(archive: zipfile.ZipFile) -> pl.DataFrame:
    """A column of numbers each, and the labels."""
    cells, labels = (array_of(archive, f"{what}.npy") for what in ("X", "y"))
    columns = {f"x{at}": np.ascontiguousarray(one) for at, one in enumerate(cells.T, start=1)}
    return pl.DataFrame({**columns, "y": labels.reshape(len(labels), -1)[:, 0]})


def array_of(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """An array of numbers or texts. Raises ValueError for one of objects, KeyError if absent."""
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

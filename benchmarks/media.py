"""Media: does the net wait for its cells? How fast are texts made into features?

    python benchmarks/media.py

Images are the sample of CIFAR-10 as JPEG files, decoded and learned from as ``deeplode train`` does
it, by one member; an epoch is compared with making its batches ready alone, from memory and from a
file as under a memory limit. Decoding happens once, training takes as many epochs as the rules say.
Texts are titles and descriptions of AG News. All on one thread, in CPU seconds, as the machine may
do other work.
"""

from __future__ import annotations

import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import torch
from machine import header
from sets import folder
from tables import markdown

from deeplode import read
from deeplode.data.column import Column, Kind
from deeplode.data.split import folds
from deeplode.encode.batch import Batch, Media, MediaSize, Sizes
from deeplode.encode.image import ImageEncoder
from deeplode.encode.text import TextEncoder
from deeplode.evaluate.problem import Problem
from deeplode.fit.state import Rows
from deeplode.mapped import give_back, mapping
from deeplode.messages import Notice
from deeplode.progress import silent
from deeplode.runtime import Budget, configured
from deeplode.tasks.branches import choose_branches, training_rule
from deeplode.tasks.choose import choose
from deeplode.tasks.joint import JointFit

ROWS = 4_000
PROBLEM = Problem("multiclass", 10)


def images(scratch: Path) -> list[list[str]]:
    """Lines of the table on the sample of CIFAR-10."""
    with zipfile.ZipFile(folder().parent / "images" / "cifar10_sample.zip") as archive:
        archive.extractall(scratch)
    train = next(path for path in sorted(scratch.rglob("train")) if path.is_dir())
    table = read(train)
    some = table.rows(np.random.default_rng(0).permutation(len(table))[:ROWS]).frame
    column = Column("image", Kind.IMAGE, Notice("KIND-PATHS", "image"), 0.0, 0)
    encoder = ImageEncoder.fit(some["image"], column)
    sizes = Sizes(0, (), (MediaSize("image", encoder.sizes_of_media()),))
    target = np.unique(some["label"].to_numpy(), return_inverse=True)[1]
    return [_line(some, encoder, sizes, target, place) for place in (None, scratch)]


def _line(
    some: pl.DataFrame,
    encoder: ImageEncoder,
    sizes: Sizes,
    target: np.ndarray,
    place: Path | None,
) -> list[str]:
    """What decoding, an epoch and its batches cost. place: of the file that cells lie in."""
    begun = time.process_time()
    with mapping(place):
        cells = encoder.encode(some["image"]).media
    decoding = time.process_time() - begun
    assert cells is not None
    nothing = torch.empty(len(some), 0)
    batch = Batch(nothing, nothing.int(), (Media(cells, nothing),))
    config = choose(len(some), sizes, PROBLEM, {"members": 1, "epochs": 1})
    fit = JointFit(choose_branches(sizes, len(some)), config)
    fold = folds(len(some), "random", target, 1, 0)
    begun = time.process_time()
    fit(batch, target, PROBLEM, fold, None, Budget(), silent)
    epoch = time.process_time() - begun
    rows, order = Rows((cells,), torch.from_numpy(target)), torch.randperm(len(some))
    give_back()
    begun = time.process_time()
    for start in range(0, len(some), config.batch_size):
        rows.at(order[None, start : start + config.batch_size])
    waiting = time.process_time() - begun
    epochs = training_rule(sizes, len(some)).epochs
    ratio = (decoding + epochs * epoch) / (epochs * epoch)
    told = [f"{decoding:.2f}", f"{epoch:.1f}", f"{waiting:.3f}", f"{1 - waiting / epoch:.1%}"]
    return ["memory" if place is None else "file", *told, f"{ratio:.3f}"]


def texts() -> list[list[str]]:
    """Lines of the table on AG News."""
    frame = pl.read_parquet(folder().parent / "text" / "ag_news_testpart.parquet")
    lines = []
    for name in ("title", "description"):
        series, kind = frame[name], Column(name, Kind.TEXT, Notice("KIND-TEXT", name), 0.0, 0)
        encoder = TextEncoder.fit(series, kind)
        seconds = []
        for _ in range(3):
            begun = time.process_time()
            encoder.encode(series)
            seconds.append(time.process_time() - begun)
        words = sum(len(text.split()) for text in series) / len(series)
        lines.append([name, f"{words:.0f}", f"{len(series) / min(seconds):,.0f}"])
    return lines


def main() -> None:
    """Print both tables."""
    print(header() + "\n", flush=True)
    with configured(1, 0), tempfile.TemporaryDirectory() as scratch:
        print(markdown(["texts", "words of one", "texts a second and core"], texts()) + "\n")
        head = ["cells in", "decoding, s", "epoch, s", "making its batches ready, s"]
        head += ["compute", "decode and train / train"]
        print(markdown(head, images(Path(scratch))))


if __name__ == "__main__":
    main()

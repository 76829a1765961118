"""Images: deeplode beside the same small residual net in a plain loop of PyTorch.

    python benchmarks/image.py
    python benchmarks/image.py --only pneumonia,digits --seeds 0
    python benchmarks/image.py --only fashion --long

fashion: Fashion-MNIST, 60 000 to learn from, goal .935 (.950 with --long and at most 1 M weights).
cifar: 1 000 images of each class of CIFAR-10 in class folders, goal .75 in 10 minutes on 2 cores.
pneumonia: PneumoniaMNIST in MedMNIST's archive, official split, goal AUC .97.
digits: scikit-learn's 8 x 8 digits, the last fifth tests.

The test rows are the official ones and are seen once, by the finished model. Each fit runs in this
process, one after another. The plain loop trains the net that deeplode chose, with the same epochs,
batch and changes to the pictures, on all training rows, by SGD with Nesterov's momentum, and keeps
its last weights; it reads no files, its pixels lie in memory. CPU seconds (all threads) are the
fair figure on a machine that does other work.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from machine import header
from PIL import Image
from sets import folder
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score, roc_curve
from tables import markdown
from torch import nn
from torch.nn.functional import cross_entropy

from deeplode import Classifier, read
from deeplode.data.column import Column, Kind
from deeplode.encode.image import ImageEncoder
from deeplode.messages import Notice
from deeplode.nets.imagebranch import ImageShape

LONG: dict[str, Any] = {"epochs": 60, "members": 3}
COLUMN = Column("image", Kind.IMAGE, Notice("KIND-PATHS", "image"), 0.0, 0)


@dataclass(frozen=True)
class Split:
    """Frames with the columns ``image`` and ``label``."""

    train: pl.DataFrame
    test: pl.DataFrame


@dataclass(frozen=True)
class Outcome:
    """What a model said of the test rows, (rows, classes), and what it cost."""

    probabilities: np.ndarray
    wall: float
    cpu: float
    parameters: int


def pngs(images: np.ndarray) -> pl.Series:
    """Each image as a file. images: (rows, height, width) uint8."""

    def files() -> Iterator[bytes]:
        for image in images:
            stream = io.BytesIO()
            Image.fromarray(image).save(stream, "PNG", compress_level=1)
            yield stream.getvalue()

    return pl.Series("image", list(files()), dtype=pl.Binary)


def fashion(scratch: Path) -> Split:
    """Fashion-MNIST from its idx files."""

    def part(name: str) -> pl.DataFrame:
        stem = folder().parent / "images" / f"fashion-mnist-{name}"
        images = gzip.decompress(Path(f"{stem}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress(Path(f"{stem}-labels-idx1-ubyte.gz").read_bytes())
        pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)
        codes = np.frombuffer(labels, np.uint8, offset=8).astype(np.int64)
        return pl.DataFrame([pngs(pixels), pl.Series("label", codes)])

    return Split(part("train"), part("t10k"))


def cifar(scratch: Path) -> Split:
    """The sample of CIFAR-10, unpacked and read as folders."""
    with zipfile.ZipFile(folder().parent / "images" / "cifar10_sample.zip") as archive:
        archive.extractall(scratch)
    train = next(path for path in sorted(scratch.rglob("train")) if path.is_dir())
    return Split(read(train).frame, read(train.with_name("test")).frame)


def pneumonia(scratch: Path) -> Split:
    """PneumoniaMNIST: training and validation rows to learn from, the test rows apart."""
    frame = read(folder().parent / "images" / "pneumoniamnist.npz").frame
    is_test = frame["split"] == "test"
    frame = frame.drop("split")
    return Split(frame.filter(~is_test), frame.filter(is_test))


def digits(scratch: Path) -> Split:
    """scikit-learn's digits; writers do not mix much, as the rows keep their order."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = (bunch.images * 15.9).astype(np.uint8)
    frame = pl.DataFrame([pngs(pixels), pl.Series("label", bunch.target)])
    cut = len(frame) * 4 // 5
    return Split(frame[:cut], frame[cut:])


SETS: dict[str, Callable[[Path], Split]] = {
    "pneumonia": pneumonia,
    "digits": digits,
    "cifar": cifar,
    "fashion": fashion,
}


def ours(split: Split, seed: int, long: bool) -> tuple[Outcome, Any]:
    """deeplode, by its public interface."""
    wall, cpu = time.perf_counter(), time.process_time()
    model = Classifier(seed=seed, **(LONG if long else {}))
    model.fit(split.train.drop("label"), split.train["label"])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    found = np.asarray(model.predict_proba(split.test.drop("label")))
    net: Any = model.model_.candidates["net"]
    return Outcome(found, wall, cpu, net.parameters), net


def plain(split: Split, shape: ImageShape, epochs: int, batch: int, seed: int) -> Outcome:
    """The same net in a plain loop."""
    encoder = ImageEncoder.fit(split.train["image"], COLUMN)
    cells, tests = (encoder.encode(one["image"]).media for one in (split.train, split.test))
    assert cells is not None
    assert tests is not None
    names, codes = np.unique(split.train["label"].to_numpy(), return_inverse=True)
    labels = torch.from_numpy(codes)
    torch.manual_seed(seed)
    wall, cpu = time.perf_counter(), time.process_time()
    branch = shape.build(torch.Generator().manual_seed(seed))
    last = nn.Linear(shape.features, len(names))
    weights = [*branch.parameters(), *last.parameters()]
    steps = epochs * (len(cells) // batch)
    optimizer = torch.optim.SGD(weights, 0.3, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.3, steps)
    for _ in range(epochs):
        order = torch.randperm(len(cells))
        for start in range(0, len(order) - batch + 1, batch):
            rows = order[start : start + batch]
            scores = last(branch(branch.augment(cells[rows])))
            optimizer.zero_grad()
            loss = cross_entropy(scores, labels[rows], label_smoothing=0.1)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    branch.eval()
    with torch.inference_mode():
        found = torch.cat([last(branch(some)).softmax(1) for some in torch.split(tests, 500)])
    return Outcome(found.numpy(), wall, cpu, sum(one.numel() for one in weights))


def scores(split: Split, outcome: Outcome) -> list[str]:
    """Accuracy, log loss, AUC, and sensitivity at 90 % specificity of two classes."""
    truth = split.test["label"].to_numpy()
    names = np.unique(split.train["label"].to_numpy())
    found = outcome.probabilities
    told = [
        f"{accuracy_score(truth, names[found.argmax(1)]):.4f}",
        f"{log_loss(truth, found, labels=names):.4f}",
    ]
    if len(names) > 2:
        return [*told, f"{roc_auc_score(truth, found, multi_class='ovr'):.4f}", ""]
    false, true, _ = roc_curve(truth == names[1], found[:, 1])
    return [*told, f"{roc_auc_score(truth, found[:, 1]):.4f}", f"{true[false <= 0.1].max():.4f}"]


def line(name: str, who: str, seed: int, split: Split, outcome: Outcome) -> list[str]:
    """A row of the table."""
    spent = [f"{outcome.wall:.0f}", f"{outcome.cpu:.0f}", f"{outcome.parameters:,}"]
    return [name, who, str(seed), *scores(split, outcome), *spent]


def run(name: str, seeds: Sequence[int], long: bool) -> Iterator[list[str]]:
    """Both on one set, seed by seed."""
    with tempfile.TemporaryDirectory() as scratch:
        split = SETS[name](Path(scratch))
        for seed in seeds:
            outcome, net = ours(split, seed, long)
            yield line(name, "deeplode", seed, split, outcome)
            shape, config = net.branches[0].shape, net.config
            peer = plain(split, shape, config.epochs, config.batch_size, seed)
            yield line(name, "plain PyTorch", seed, split, peer)


def main() -> None:
    """Print the table, a row at a time."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(SETS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--long", action="store_true", help=f"with {LONG}")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    print(header() + "\n", flush=True)
    head = ["set", "who", "seed", "accuracy", "log loss", "AUC", "sensitivity"]
    head += ["wall s", "CPU s", "weights"]
    lines = []
    for name in told.only.split(","):
        for cells in run(name, [int(seed) for seed in told.seeds.split(",")], told.long):
            print(" | ".join(cells), flush=True)
            lines.append(cells)
    print("\n" + markdown(head, lines))


if __name__ == "__main__":
    main()

"""Audio: spoken digits, by deeplode and by a random forest over averages of the log spectrum.

    python benchmarks/audio.py
    python benchmarks/audio.py --only official --seeds 0

Free Spoken Digit Dataset: 3 000 clips of 8 kHz, 10 digits, 6 speakers.

official: of every speaker and digit the clips 0 to 4 are tests; goal 99.3 %.
speakers: each speaker in turn is the test, the other five are learned from, members validating on
whole speakers; goal 90 % in the mean.

deeplode has its defaults, and its net, linear model, trees and blend come from one fit. CPU seconds
(all threads) are the fair figure on a machine that does other work.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import soundfile
from machine import header
from numpy.typing import NDArray
from tables import markdown

THREADS = 2
OFFICIAL = 5  # clips below this number are tests
OWN = ("net", "linear", "trees", "blend")


@dataclass(frozen=True)
class Split:
    """Frames with the columns ``clip``, ``speaker``, ``digit``. test: what is held out."""

    name: str
    train: pl.DataFrame
    test: pl.DataFrame


def clips(scratch: Path) -> pl.DataFrame:
    """Every clip, by the names of the files: digit_speaker_number.wav."""
    path = Path(os.environ.get("DEEPLODE_DATA", "")) / "audio" / "fsdd_recordings.zip"
    if not path.exists():
        sys.exit("Set DEEPLODE_DATA to the folder that holds audio/.")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(scratch)
    files = sorted(scratch.rglob("*.wav"))
    parts = [file.stem.split("_") for file in files]
    return pl.DataFrame(
        {
            "clip": [str(file) for file in files],
            "digit": [part[0] for part in parts],
            "speaker": [part[1] for part in parts],
            "number": [int(part[2]) for part in parts],
        }
    )


def splits(frame: pl.DataFrame, only: str) -> Iterator[Split]:
    """The official split, then each speaker."""
    if only in ("official", "all"):
        test = frame["number"] < OFFICIAL
        yield Split("official", frame.filter(~test), frame.filter(test))
    for speaker in frame["speaker"].unique().sort():
        if only in ("speakers", "all", speaker):
            test = frame["speaker"] == speaker
            yield Split(speaker, frame.filter(~test), frame.filter(test))


def deeplode(split: Split, seed: int) -> dict[str, NDArray[np.float64]]:
    """Its defaults: every candidate's probabilities, (test rows, 10)."""
    from deeplode import Classifier
    from deeplode.data.table import Table

    by = None if split.name == "official" else split.train["speaker"]
    columns = ["clip"]
    model = Classifier(seed=seed, threads=THREADS)
    model.fit(split.train.select(columns), split.train["digit"], groups=by)
    table, fitted = Table.of(split.test.select(columns)), model.model_
    return {name: replace(fitted, answer=name).predict(table).outputs for name in OWN}


def forest(split: Split, seed: int) -> NDArray[np.float64]:
    """scikit-learn's RandomForestClassifier, 300 trees, over a clip's mean log spectrum."""
    from scipy.signal import spectrogram
    from sklearn.ensemble import RandomForestClassifier

    def average(path: str) -> NDArray[np.float64]:
        sound, rate = soundfile.read(path)
        if len(sound) < 256:
            sound = np.pad(sound, (0, 256 - len(sound)))
        power = spectrogram(sound, rate, nperseg=256, noverlap=128)[2]
        logs = np.log(power + 1e-10)
        thirds = np.array_split(logs, 3, axis=1)
        return np.concatenate([one.mean(1) if one.size else logs.mean(1) for one in thirds])

    seen, asked = (np.stack([average(one) for one in f["clip"]]) for f in (split.train, split.test))
    model = RandomForestClassifier(300, random_state=seed, n_jobs=THREADS)
    model.fit(seen, split.train["digit"].to_numpy())
    return np.asarray(model.predict_proba(asked))


def run(split: Split, seed: int) -> Iterator[list[str]]:
    """A line for each candidate and for the peer."""
    truth = split.test["digit"].cast(pl.Int64).to_numpy()
    wall, cpu = time.perf_counter(), time.process_time()
    answers = deeplode(split, seed)
    spent = [f"{time.perf_counter() - wall:.0f}", f"{time.process_time() - cpu:.0f}"]
    for name, shares in answers.items():
        yield [split.name, f"deeplode {name}", str(seed), *scores(truth, shares), *spent]
    wall, cpu = time.perf_counter(), time.process_time()
    shares = forest(split, seed)
    spent = [f"{time.perf_counter() - wall:.0f}", f"{time.process_time() - cpu:.0f}"]
    yield [split.name, "random forest", str(seed), *scores(truth, shares), *spent]


def scores(truth: NDArray[np.int64], shares: NDArray[np.float64]) -> list[str]:
    """Accuracy and log loss."""
    right = np.clip(shares[np.arange(len(truth)), truth], 1e-15, 1)
    return [f"{(shares.argmax(1) == truth).mean():.4f}", f"{-np.log(right).mean():.4f}"]


def means(lines: list[list[str]]) -> list[list[str]]:
    """The mean over speakers and seeds, for each who."""
    told = []
    for who in dict.fromkeys(line[1] for line in lines):
        own = [line for line in lines if line[1] == who and line[0] != "official"]
        if own:
            values = np.array([[float(cell) for cell in line[3:]] for line in own])
            accuracy, loss, wall, cpu = values.mean(0)
            cells = [f"{accuracy:.4f}", f"{loss:.4f}", f"{wall:.0f}", f"{cpu:.0f}"]
            told.append(["mean of speakers", who, "", *cells])
    return told


def main() -> None:
    """Print the table, a line at a time."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="all", help="all, official, speakers or a name")
    parser.add_argument("--seeds", default="0,1,2")
    told = parser.parse_args()
    print(header() + "\n", flush=True)
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        frame = clips(Path(scratch))
        for seed in told.seeds.split(","):
            for split in splits(frame, told.only):
                for cells in run(split, int(seed)):
                    print(" | ".join(cells), flush=True)
                    lines.append(cells)
    head = ["test", "who", "seed", "accuracy", "log loss", "wall s", "CPU s"]
    print("\n" + markdown(head, lines + means(lines)))


if __name__ == "__main__":
    main()

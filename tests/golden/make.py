"""Make the golden files of the present format: ``python tests/golden/make.py``.

Run it when a format number is new, or what a file can hold, and commit what it writes. Files that
are there are never made again.
"""

from __future__ import annotations

import datetime
import io
import wave
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl
from PIL import Image
from sklearn.datasets import load_digits

from deeplode import Classifier, Recommender, Regressor
from deeplode.data.demo import demo
from deeplode.modelfile import FORMAT
from deeplode.recommenders import autoencoder

SMALL = {"members": 2, "hidden": (16,), "epochs": 2, "seed": 0, "threads": 1}


def varied(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with a column of every kind beside its numbers, and gaps in some."""
    row = pl.int_range(pl.len())
    first = pl.first()
    return frame.with_columns(
        pl.when(row % 7 > 0).then(first).alias("with gaps"),
        pl.format("第 {} 级", first.rank("ordinal") * 4 // pl.len()).alias("级别"),
        (first > first.median()).alias("above the middle"),
        (pl.lit(datetime.date(2020, 1, 1)) + pl.duration(days=row)).alias("day"),
        pl.format("row {}", row).alias("name"),
    )


def media() -> pl.DataFrame:
    """Digits as pictures, a text and a tone of each, beside a number."""
    digits, chance = load_digits(), np.random.default_rng(0)
    words = ["zero", "one", "two", "three", "四", "五", "six", "seven", "eight", "nine"]
    return pl.DataFrame(
        {
            "picture": [png((one * 15.9).astype(np.uint8)) for one in digits.images[:120]],
            "said": [
                f"{words[one]} {chance.choice(words)} #n{one % 2}" for one in digits.target[:120]
            ],
            "tone": [wav(200.0 + 90 * one) for one in digits.target[:120]],
            "number": chance.normal(size=120),
            "target": digits.target[:120] % 3,
        }
    )


def png(pixels: np.ndarray) -> bytes:
    """A grey picture as a file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def wav(hertz: float) -> bytes:
    """A quarter of a second of one tone."""
    seconds = np.arange(2_000) / 8_000
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes((12_000 * np.sin(2 * np.pi * hertz * seconds)).astype("<i2").tobytes())
    return stream.getvalue()


def watched() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """What users of two tastes watched; what is known of films and of users."""
    chance, rows = np.random.default_rng(0), []
    for user in range(80):
        own = np.where(np.arange(24) % 2 == user % 2, 5.0, 1.0)
        for film in chance.choice(24, 6, replace=False, p=own / own.sum()):
            rows.append((f"用户 {user}", int(film), int(chance.integers(1, 6)), len(rows)))
    films = {"item": range(24), "title": [f"Film {at}" for at in range(24)], "kind": [*"ab"] * 12}
    people = {"user": [f"用户 {at}" for at in range(80)], "age": chance.integers(9, 90, 80)}
    frame = pl.DataFrame(rows, ["user", "item", "rating", "time"], orient="row")
    return frame, pl.DataFrame(films), pl.DataFrame(people)


def main() -> None:
    folder = Path(__file__).parent / f"format-{FORMAT}"
    folder.mkdir(exist_ok=True)
    makers: dict[str, tuple[Any, pl.DataFrame]] = {
        "breast-cancer": (Classifier(**SMALL), varied(demo("breast-cancer"))),
        "wine": (Classifier(**SMALL), varied(demo("wine"))),
        "diabetes": (Regressor(**SMALL), varied(demo("diabetes"))),
        "pure-net": (Classifier(**SMALL, blend=False), varied(demo("breast-cancer"))),
        "media": (Classifier(**SMALL | {"members": 1}), media()),
    }
    for name, (estimator, frame) in makers.items():
        path = folder / f"{name}.lode"
        if not path.exists():
            estimator.fit(frame.drop("target"), frame["target"]).save(path)
    path = folder / "recommend.lode"
    if not path.exists():
        frame, films, people = watched()
        learner = Recommender(rating="rating", timestamp="time", seed=0, threads=1)
        with patch.multiple(autoencoder, WIDTH=16, LATENT=8):  # the file stays small
            learner.fit(frame, items=films, users=people).save(path)


if __name__ == "__main__":
    main()
